"""Who is asking, where no request at hand says it: carried in headers, from the client to the last activity."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from holdfast.run import Identity

HEADER: Final = "holdfast-identity"

asking: ContextVar[Identity | None] = ContextVar("asking", default=None)

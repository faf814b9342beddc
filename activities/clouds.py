"""The door to a cloud, as the verbs see it: clients for a scope, and the request ids of whatever went through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from holdfast.model import Scope
from holdfast.resource import Clients


class Visit(Protocol):
    """One activity's stay at a cloud."""

    client: Clients
    before_asking: Callable[[], None]  # called before each request leaves, by the thread that makes it

    @property
    def requests(self) -> tuple[str, ...]:
        """The cloud's request ids so far, oldest first."""
        ...

    @property
    def calls(self) -> int:
        """How many requests were made."""
        ...

    @property
    def answered(self) -> bool:
        """Whether the last request was answered by the cloud itself, rather than lost on the way."""
        ...

    @property
    def untouched(self) -> bool:
        """Whether nothing can have come of it: what may have changed something was refused, or was never asked for."""
        ...


# Opens a visit. Raises `NotAllowed`, naming the scope, when this worker has no credentials for it.
Open = Callable[[Scope], Visit]

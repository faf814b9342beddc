"""Keep a payload small: JSON that has grown past a page is deflated, JSON that has not stays readable in the Web UI.

Temporal fails a payload of 2 MiB, and warns from 512 KiB. A skeleton of five thousand actions is 1.5 MiB as JSON and
about a tenth of that packed.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, TypeVar

from pydantic import BaseModel

from holdfast.model import Wire

READABLE = 16_384  # bytes; what a person still scrolls through

M = TypeVar("M", bound=BaseModel)


class Packed(Wire):
    """One model as JSON: `text` while it is readable, `deflated` (base64 of zlib) beyond."""

    text: str | None = None
    deflated: str | None = None


def pack(model: BaseModel) -> Packed:
    """The packed form of a model."""
    text = model.model_dump_json(exclude_defaults=True)
    if len(text) <= READABLE:
        return Packed(text=text)
    return Packed(deflated=base64.b64encode(zlib.compress(text.encode(), 6)).decode())


def deflate(rows: list[Any]) -> list[Any] | dict[str, str]:
    """A list inside a model, as it is written: itself while it is readable, `{"deflated": …}` beyond."""
    text = json.dumps(rows, separators=(",", ":"))
    if len(text) <= READABLE:
        return rows
    return {"deflated": base64.b64encode(zlib.compress(text.encode(), 6)).decode()}


def inflate(written: Any) -> Any:
    """What `deflate` wrote, as it was."""
    if isinstance(written, dict) and "deflated" in written:
        return json.loads(zlib.decompress(base64.b64decode(written["deflated"])))
    return written


def unpack(packed: Packed, into: type[M]) -> M:
    """The model that was packed. Raises pydantic's `ValidationError` when it is not one of `into`."""
    if packed.text is not None:
        return into.model_validate_json(packed.text)
    return into.model_validate_json(zlib.decompress(base64.b64decode(packed.deflated or "")))

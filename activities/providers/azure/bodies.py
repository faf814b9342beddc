"""Places in ARM's JSON: one value read, written or left out, wherever it stands.

A place is dotted, `properties.addressSpace.addressPrefixes`. One that ends in `.id` is a reference: without a value the
whole of what holds it goes, since ARM takes `{"subnet": {"id": null}}` for a mistake. A number is a member of
a list, which is there already when it is written into: `properties.ipConfigurations.0.properties.subnet.id`. What is
not there reads as None.
"""

from __future__ import annotations

from typing import Any, Final

_REFERENCE: Final = ".id"


def at(body: Any, place: str) -> Any:
    """What stands at a place, in any case that ARM may write its names in; None where nothing does."""
    for key in place.split("."):
        body = _inside(body, key)
    return body


def put(body: dict[str, Any], place: str, value: Any) -> None:
    """Write a value at a place; beside it everything stays."""
    *outer, last = place.split(".")
    inner: Any = body
    for key in outer:
        if isinstance(inner, list):
            inner = inner[int(key)]
            continue
        if not isinstance(inner.get(key), dict | list):
            inner[key] = {}
        inner = inner[key]
    inner[last] = value


def clear(body: dict[str, Any], place: str) -> None:
    """Let nothing stand at a place, as a PUT leaves out what is not wanted."""
    outer, _, last = _whole(place).rpartition(".")
    inner = at(body, outer) if outer else body
    if isinstance(inner, dict):
        inner.pop(last, None)


def nothing(body: dict[str, Any], place: str) -> None:
    """Say that nothing shall stand at a place, as a PATCH does: RFC 7386."""
    put(body, _whole(place), None)


def _inside(body: Any, key: str) -> Any:
    if isinstance(body, list):
        return body[int(key)] if key.isdigit() and int(key) < len(body) else None
    if not isinstance(body, dict):
        return None
    return body[key] if key in body else next((v for k, v in body.items() if k.lower() == key.lower()), None)


def _whole(place: str) -> str:
    return place.removesuffix(_REFERENCE)

"""Reading and writing nested bodies at dotted places."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.azure.kind import Body


def dig(body: Any, dotted: str) -> Any:
    """What stands at a dotted place, or None."""
    for key in dotted.split("."):
        body = body.get(key) if isinstance(body, dict) else None
    return body


def put(body: Body, dotted: str, value: Any) -> None:
    """Write at a dotted place."""
    *outer, last = dotted.split(".")
    for key in outer:
        body = body.setdefault(key, {})
    body[last] = value


def drop(body: Any, dotted: str) -> None:
    """Let nothing stand at a dotted place."""
    *outer, last = dotted.split(".")
    for key in outer:
        body = body.get(key) if isinstance(body, dict) else None
    if isinstance(body, dict):
        body.pop(last, None)


def fill(body: Body, defaults: Mapping[str, Any]) -> Body:
    """Put a default wherever nothing, or null, was said. Lists and texts are whole."""
    for key, value in defaults.items():
        if body.get(key) is None:
            body[key] = copy.deepcopy(value)
        elif isinstance(value, dict) and isinstance(body[key], dict):
            fill(body[key], value)
    return body


def patch(body: Body, change: Body) -> Body:
    """A merge patch (RFC 7386), except that tags and lists are replaced whole, as ARM's providers do."""
    for key, value in change.items():
        if value is None:
            body.pop(key, None)
        elif isinstance(value, dict) and isinstance(body.get(key), dict) and key != "tags":
            patch(body[key], value)
        else:
            body[key] = copy.deepcopy(value)
    return body


def ids(value: Any) -> Iterator[str]:
    """Everything that is written as a reference: the text under an `id`."""
    if isinstance(value, list):
        for item in value:
            yield from ids(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "id" and isinstance(item, str):
                yield item
            elif key == "userAssignedIdentities" and isinstance(item, dict):
                yield from item
            else:
                yield from ids(item)

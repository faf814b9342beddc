"""What stands between `${` and `}`: a path, never an expression.

    net.id   app[a].id   app[each.key].id   x.out.field   parameters.size   parameters.zones.0   each.key
    each.value.cidr   data.linux.id   stack.network.outputs.vpc

`$${` writes a literal `${`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from holdfast.model import KEY, NAME

_OPEN = re.compile(r"\$\$\{|\$\{")
_PATH = re.compile(rf"(?P<head>{NAME})(?:\[(?P<key>{KEY})\])?(?P<rest>(?:\.[A-Za-z0-9_-]+)*)")
EACH_KEYS = ("each.key", "each.value")


@dataclass(frozen=True, slots=True)
class Path:
    """One path: `app[a].id` is head `app`, key `a`, rest `("id",)`."""

    head: str
    key: str | None
    rest: tuple[str, ...]

    def __str__(self) -> str:
        key = f"[{self.key}]" if self.key is not None else ""
        return ".".join([f"{self.head}{key}", *self.rest])


class Malformed(ValueError):
    """What stands in a text is not a path. `seen` is the offending piece, `nearest` what was probably meant."""

    def __init__(self, message: str, seen: str, nearest: str | None = None) -> None:
        super().__init__(message)
        self.seen = seen
        self.nearest = nearest


@lru_cache(maxsize=1024)  # `for_each` fills one text once for every key
def split(text: str) -> tuple[str | Path, ...]:
    """A text as literal pieces and paths, in order. Raises `Malformed`."""
    parts: list[str | Path] = []
    literal, at = "", 0
    while (match := _OPEN.search(text, at)) is not None:
        literal += text[at : match.start()]
        at = match.end()
        if match[0] == "$${":
            literal += "${"
            continue
        end = text.find("}", at)
        if end < 0:
            raise Malformed(
                "`${` is not closed; `$${` writes the characters themselves",
                text[match.start() :],
            )
        if literal:
            parts.append(literal)
        literal = ""
        parts.append(parse(text[at:end]))
        at = end + 1
    literal += text[at:]
    if literal or not parts:
        parts.append(literal)
    return tuple(parts)


def parse(inside: str) -> Path:
    """The path between the braces. Raises `Malformed`."""
    match = _PATH.fullmatch(inside)
    if match is None:
        tidy = re.sub(r"\s|[\"']", "", inside)
        near = f"${{{tidy}}}" if tidy != inside and _PATH.fullmatch(tidy) else None
        raise Malformed(
            "only a path may stand here, as net.id or parameters.size, never an expression",
            f"${{{inside}}}",
            near,
        )
    return Path(match["head"], match["key"], tuple(match["rest"].split(".")[1:]))

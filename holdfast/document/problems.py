"""Every problem of a document at once, each with its place, the value seen and the nearest valid name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.desired import Where
from holdfast.errors import InvalidInput
from holdfast.nearest import nearest
from holdfast.values import is_opaque

SHOWN = 60  # characters of a value
LONGEST = 300  # characters of a path, and of a message, which may quote the document
PRINTED = 100  # lines of a letter, which travels in the history; `problems` holds them all
SUGGESTED = 100  # problems that get a suggestion: finding one reads every name there is
NO_SUCH_KIND = "there is no such kind"
NO_SUCH_LOOK_UP = "nothing of this kind can be looked up"
_POINTER = re.compile(r"\$\{[^/{}]+/[^/{}]+/([^#{}]+)#([^{}]+)\}")  # of a resource, by its address


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `path` is dotted, as in `resources.web.spec.type`."""

    where: Where
    path: str
    message: str
    seen: str | None = None  # as it was written
    nearest: str | None = None

    def __str__(self) -> str:
        text = f"{self.where}: "
        text += f"{self.path}: " if self.path else ""
        text += self.message
        text += f" (seen: {self.seen})" if self.seen is not None else ""
        text += f"; did you mean {self.nearest}?" if self.nearest else ""
        return text


class InvalidDocument(InvalidInput):
    """The document cannot be carried out; `problems` says where, all of it, in the order of the lines.

    An error that came back from the wire has its letter, and no `problems`.
    """

    def __init__(self, happened: str, *, problems: Sequence[Problem] = (), **facts: Any) -> None:
        super().__init__(happened, **facts)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> InvalidDocument:
        """The one error for all of these problems."""
        ordered = sorted(problems, key=lambda p: (p.where.file, p.where.line, p.where.column))
        count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
        lines = [f"the document has {count}:"]
        lines += [str(problem) for problem in ordered[:PRINTED]]
        if len(ordered) > PRINTED:
            lines.append(f"… and {len(ordered) - PRINTED} more")
        return cls(
            "\n".join(lines),
            problems=ordered,
            standing="nothing was touched",
            next="correct the document, then give the same command again",
        )


class Problems:
    """Collects problems while a document is read, so that a person hears of all of them at once."""

    def __init__(self) -> None:
        # An unfolded resource meets the same mistake once for every key: we say it once.
        self._found: dict[tuple[Where, str, str | None], Problem] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(
        self,
        where: Where,
        path: str,
        message: str,
        *,
        seen: str | None = None,
        nearest: str | None = None,
        among: Iterable[str] = (),
    ) -> None:
        """Note one. `among` are the valid names, of which the one nearest to `seen` is suggested."""
        key = (where, message, seen)
        if key in self._found:
            return
        if nearest is None and seen is not None and len(self) < SUGGESTED:
            nearest = closest(seen, among)
        if nearest is not None and len(nearest) > LONGEST:
            nearest = None  # half a suggestion would be a wrong one
        shown = None if seen is None else _cut(seen, SHOWN)
        self._found[key] = Problem(where, _cut(path, LONGEST), _cut(message, LONGEST), shown, nearest)

    def copy(self) -> Problems:
        """The same, to be added to apart."""
        copied = Problems()
        copied._found = dict(self._found)
        return copied

    def error(self) -> InvalidDocument:
        """All of them, to be raised."""
        return InvalidDocument.of(self._found.values())


def closest(name: str, among: Iterable[str]) -> str | None:
    """The valid name that somebody probably meant, if any is near."""
    if len(name) > SHOWN:
        return None
    return nearest(name, among)


def show(value: Any) -> str:
    """A value for a letter: as JSON, bounded, with its paths as a document has them, and without any secret."""
    if is_opaque(value):
        return _opaque(value)
    if isinstance(value, str):
        text = value if value.isprintable() and value.strip() else json.dumps(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=_opaque)
    return _cut(text, SHOWN)


def _opaque(value: object) -> str:
    """`${net.id}` of what will be known; a secret hides itself."""
    return _POINTER.sub(r"${\1.\2}", getattr(value, "text", str(value)))


def _cut(text: str, longest: int) -> str:
    """A text for a letter, whose rest can be read in the document."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

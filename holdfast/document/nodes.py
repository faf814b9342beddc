"""A value that knows where it was written.

The tree is what `text` reads and what `builder` makes; everything that follows takes its places from it.
"""

from __future__ import annotations

from typing import Any

from holdfast.desired import Where
from holdfast.document.problems import show

Scalar = str | int | float | bool | None


class Node:
    """One value of a document: a scalar, a list of nodes or a map of them. A place is 1-based; 0 means no key."""

    __slots__ = ("column", "file", "key_column", "key_line", "line", "text", "value")

    def __init__(
        self,
        value: Scalar | list[Node] | dict[str, Node],
        file: str,
        line: int,
        column: int,
        text: str | None = None,
    ) -> None:
        self.value = value
        self.file = file
        self.line = line
        self.column = column
        self.text = text  # of a plain scalar: as it was written, `012` and not 12
        self.key_line = 0
        self.key_column = 0

    def holding(self, value: dict[str, Node]) -> Node:
        """Another map in the same place."""
        other = Node(value, self.file, self.line, self.column)
        other.key_line, other.key_column = self.key_line, self.key_column
        return other

    @property
    def where(self) -> Where:
        """Where the value stands."""
        return Where(self.file, self.line, self.column)

    @property
    def key(self) -> Where:
        """Where its key stands; where the value stands, if it has none."""
        if not self.key_line:
            return self.where
        return Where(self.file, self.key_line, self.key_column)

    @property
    def shown(self) -> str:
        """The value for a letter, as it was written."""
        return show(plain(self) if self.text is None else self.text)

    @property
    def kind(self) -> str:
        """What sort of value it is, in the words of YAML."""
        match self.value:
            case None:
                return "nothing"
            case bool():
                return "a boolean"
            case int() | float():
                return "a number"
            case str():
                return "text"
            case list():
                return "a list"
            case dict():
                return "a map"

    def member(self, key: str) -> Node:
        """The member of a key that is known to be there."""
        found = self.child(key)
        if found is None:
            raise AssertionError(f"{self.where}: there is no {key!r} here")
        return found

    def child(self, step: str | int) -> Node | None:
        """The member of that key or index, where there is one."""
        if isinstance(self.value, dict):
            return self.value.get(step) if isinstance(step, str) else None
        if isinstance(self.value, list) and isinstance(step, int):
            return self.value[step] if 0 <= step < len(self.value) else None
        return None


def plain(node: Node) -> Any:
    """The values alone."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return value


def dotted(path: str, step: str | int) -> str:
    """One step further down a path, for letters."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step

"""Reads the fields of one map of a document, and complains about each that is missing, unknown or of the wrong sort.

A reader goes on after a complaint with the field's default, so that one mistake does not hide the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from holdfast.document.nodes import Node, dotted
from holdfast.document.problems import Problems

REFERENCE = "${"


class Fields:
    """One map, while it is read. `sound` turns False at the first complaint."""

    def __init__(self, node: Node, path: str, known: Sequence[str], problems: Problems) -> None:
        self.at = node
        self.path = path
        self.sound = True
        self._problems = problems
        self._members: dict[str, Node] = {}
        if not isinstance(node.value, dict):
            self.complain(node, "", f"a map is expected here, not {node.kind}")
            return
        self._members = node.value
        for name, member in node.value.items():
            if name not in known:
                self.sound = False
                problems.add(
                    member.key,
                    dotted(path, name),
                    "there is no such field",
                    seen=name,
                    among=known,
                )

    def complain(self, node: Node, name: str, message: str, *, nearest: str | None = None) -> None:
        """Note that the value of a field will not do."""
        self.sound = False
        path = dotted(self.path, name) if name else self.path
        self._problems.add(node.where, path, message, seen=node.shown, nearest=nearest)

    def node(self, name: str, *, required: bool = False) -> Node | None:
        """The field as it stands, where it stands."""
        found = self._members.get(name)
        if found is None and required and isinstance(self.at.value, dict):
            self.sound = False
            self._problems.add(self.at.key, self.path, f"`{name}` is missing")
        return found

    def text(
        self,
        name: str,
        *,
        form: str = ".+",
        like: str = "text",
        required: bool = False,
        reference: bool = False,
    ) -> str | None:
        """A text of a form. With `reference` it may hold paths; what they lead to is looked at later."""
        node = self.node(name, required=required)
        if node is None:
            return None
        if isinstance(node.value, int | float):  # a boolean is an int to Python
            self.complain(node, name, "text is expected: quote it", nearest=f'"{node.shown}"')
        elif not isinstance(node.value, str):
            self.complain(node, name, f"text is expected here, not {node.kind}")
        elif reference and REFERENCE in node.value:
            return node.value
        elif re.fullmatch(form, node.value, re.DOTALL) is None:
            self.complain(node, name, f"{like} is expected here")
        else:
            return node.value
        return None

    def choice(self, name: str, among: Sequence[str], default: str) -> str:
        """One word of a closed list."""
        node = self.node(name)
        if node is None:
            return default
        if isinstance(node.value, str) and node.value in among:
            return node.value
        self.sound = False
        self._problems.add(
            node.where,
            dotted(self.path, name),
            f"one of {', '.join(among)} is expected here",
            seen=node.shown,
            among=among,
        )
        return default

    def flag(self, name: str) -> bool | None:
        """A boolean, where one is given."""
        node = self.node(name)
        if node is None or isinstance(node.value, bool):
            return None if node is None else bool(node.value)
        self.complain(node, name, "true or false is expected here")
        return None

    def texts(self, name: str) -> list[Node]:
        """The members of a list of texts, each with its place."""
        node = self.node(name)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.complain(node, name, f"a list is expected here, not {node.kind}")
            return []
        for index, member in enumerate(node.value):
            if not isinstance(member.value, str):
                self.complain(member, f"{name}[{index}]", "text is expected: quote it")
        return [member for member in node.value if isinstance(member.value, str)]

    def section(self, name: str, form: str = ".+", like: str = "a name") -> Iterator[tuple[str, Node]]:
        """The members of a map by their names, where each has the form. An empty section is one that is left out."""
        node = self.node(name)
        if node is None or node.value is None:
            return
        if not isinstance(node.value, dict):
            self.complain(node, name, f"a map is expected here, not {node.kind}")
            return
        for key, member in node.value.items():
            if re.fullmatch(form, key, re.DOTALL) is None:
                self.sound = False
                self._problems.add(member.key, dotted(self.path, name), f"{like} is expected here", seen=key)
            else:
                yield key, member

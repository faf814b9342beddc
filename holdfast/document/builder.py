"""The same document, built in Python.

    s = Stack("shop", owner="team-shop", environment="dev")
    s.scope("main", cloud="aws", account="123456789012", region="eu-west-1")
    s.defaults(scope="main")
    net = s.resource("net", "aws.vpc", cidr="10.0.0.0/16")
    app = s.resource("app", "aws.subnet", for_each={"a": "10.0.1.0/24"}, vpc=net.id, cidr="${each.value}")
    s.output("subnet", app["a"].id)

It says what a YAML file says, is checked as one, and names the line of Python where something is wrong.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from holdfast.document.duration import write_duration
from holdfast.document.nodes import Node, Scalar, dotted, plain
from holdfast.document.problems import Problems, show
from holdfast.document.reading import read
from holdfast.document.shape import VERSION, Document
from holdfast.document.text import DEEPEST, DIGITS, FORBIDDEN, LONGEST_KEY
from holdfast.document.writing import write
from holdfast.errors import InvalidInput


class Handle:
    """Something that gives outputs: `net.id` is the text `${net.id}`, and `app["a"].id` is `${app[a].id}`."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, output: str) -> str:
        if output.startswith("__"):
            raise AttributeError(output)
        return f"${{{self._path}.{output}}}"

    def __getitem__(self, key: str) -> Handle:
        return Handle(f"{self._path}[{key}]")

    def __str__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"<{self._path}: an output of it is a value, {self._path}.id for one>"


class Stack:
    """A document while it is built. `document()` and `to_yaml()` may be called at any time, and again."""

    def __init__(self, name: str, *, owner: str, environment: str) -> None:
        self._file, self._line = _caller()
        self._problems = Problems()
        self._top: dict[str, Node] = {}
        for key, value in (
            ("version", VERSION),
            ("stack", name),
            ("owner", owner),
            ("environment", environment),
        ):
            self._top[key] = self._node(value, key, (self._file, self._line))

    def parameter(self, name: str, /, **declared: JsonValue) -> str:
        """Declare a parameter: `type`, `default`, `enum`, `sensitive`, `description`. Returns the path to its value."""
        self._put("parameters", name, declared, _caller())
        return f"${{parameters.{name}}}"

    def scope(self, name: str, *, cloud: str, account: str, region: str) -> str:
        """Name a place. Returns its name."""
        place: dict[str, JsonValue] = {"cloud": cloud, "account": account, "region": region}
        self._put("scopes", name, place, _caller())
        return name

    def defaults(self, *, scope: str | None = None, tags: Mapping[str, str] | None = None) -> None:
        """What every resource gets unless it says otherwise."""
        at = _caller()
        given: dict[str, Any] = {"scope": scope, "tags": tags}
        self._once(self._top, "defaults", "defaults", _stated(given), at)

    def data(self, name: str, kind: str, /, *, scope: str | None = None, **filter: Any) -> Handle:  # noqa: A002  the document's word
        """Look something up while planning. Returns the handle that gives its outputs."""
        entry = _stated({"kind": kind, "scope": scope, "filter": filter})
        self._put("data", name, entry, _caller())
        return Handle(f"data.{name}")

    def resource(
        self,
        name: str,
        kind: str,
        /,
        *,
        scope: str | None = None,
        for_each: Mapping[str, Any] | Iterable[str] | str | None = None,
        depends_on: Iterable[Handle | str] = (),
        protect: bool | str = False,
        on_remove: str | None = None,
        ignore_changes: Iterable[str] = (),
        timeouts: Mapping[str, timedelta | str] | None = None,
        spec: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Handle:
        """Add a resource, whose spec is `fields`; `spec` is for fields named as one of the options here.

        Returns the handle that gives its outputs.
        """
        entry: dict[str, Any] = {
            "kind": kind,
            "scope": scope,
            "for_each": for_each if isinstance(for_each, str | Mapping | None) else list(for_each),
            "depends_on": [str(needed) for needed in depends_on] or None,
            "protect": protect or None,
            "on_remove": on_remove,
            "ignore_changes": list(ignore_changes) or None,
            "timeouts": {k: _duration(v) for k, v in (timeouts or {}).items()} or None,
            "spec": {**(spec or {}), **fields},
        }
        self._put("resources", name, _stated(entry), _caller())
        return Handle(name)

    def moved(self, old: str, new: Handle | str) -> None:
        """Say that what was called `old` is now called `new`."""
        self._put("moved", old, str(new), _caller())

    def output(self, name: str, value: Any) -> None:
        """Give a value to whoever asks for the stack's outputs."""
        self._put("outputs", name, value, _caller())

    @staticmethod
    def of(stack: str) -> Handle:
        """The outputs of another stack: `Stack.of("network").vpc`."""
        return Handle(f"stack.{stack}.outputs")

    def document(self) -> Document:
        """The document as it stands. Raises `InvalidDocument` with all that is wrong with it."""
        problems = self._problems.copy()
        document = read(Node(self._top, self._file, self._line, 1), problems)
        if problems:
            raise problems.error()
        return document

    def to_yaml(self) -> str:
        """The text that `load` reads back to the same document. Raises `InvalidDocument` with all that is wrong."""
        return write(plain(self.document().tree))

    # --- making nodes ------------------------------------------------------------------------------------------

    def _put(self, section: str, name: str, value: Any, at: tuple[str, int]) -> None:
        if section not in self._top:
            self._top[section] = self._keyed(Node({}, *at, 1))
        members = self._top[section].value
        if isinstance(members, dict):
            self._once(members, name, f"{section}.{name}", value, at)

    def _once(self, members: dict[str, Node], name: str, path: str, value: Any, at: tuple[str, int]) -> None:
        if name in members:
            raise InvalidInput(
                f"{at[0]}:{at[1]}: {path} is there already, from line {members[name].line}",
                next="choose another name",
            )
        members[name] = self._node(value, path, at)

    def _node(self, value: Any, path: str, at: tuple[str, int], depth: int = 1) -> Node:
        """The node of a Python value. What no document can hold is noted, and left out."""
        if depth > DEEPEST:
            return self._refused(f"nested more than {DEEPEST} deep", value, path, at)
        match value:
            case Mapping():
                members = {
                    str(k): self._node(v, dotted(path, str(k)), at, depth + 1)
                    for k, v in value.items()
                    if self._is_key(k, path, at)
                }
                return self._keyed(Node(members, *at, 1))
            case list() | tuple():
                listed = [self._node(v, dotted(path, i), at, depth + 1) for i, v in enumerate(value)]
                return self._keyed(Node(listed, *at, 1))
            case Handle():
                return self._refused("a handle is no value: name an output of it, as in net.id", value, path, at)
            case str() | int() | float() | None:
                wrong = _unwritable(value)
                if wrong:
                    return self._refused(wrong, value, path, at)
                text = "".join(value) if isinstance(value, str) else value  # a StrEnum is text of its own sort
                return self._keyed(Node(text, *at, 1))
            case _:
                return self._refused(f"a document cannot hold a {type(value).__name__}", value, path, at)

    def _is_key(self, key: object, path: str, at: tuple[str, int]) -> bool:
        fits = isinstance(key, str) and len(key) <= LONGEST_KEY and FORBIDDEN.search(key) is None
        if not fits or key == "<<":
            self._refused("this cannot be a key: a key is text", key, path, at)
        return fits and key != "<<"

    def _refused(self, message: str, value: object, path: str, at: tuple[str, int]) -> Node:
        node = self._keyed(Node(None, *at, 1))
        self._problems.add(node.where, path, message, seen=show(value))
        return node

    @staticmethod
    def _keyed(node: Node) -> Node:
        node.key_line, node.key_column = node.line, node.column
        return node


def _caller() -> tuple[str, int]:
    """The file and line that called the method that calls this."""
    frame = sys._getframe(2)  # noqa: SLF001  the one way to name a line without reading any
    return frame.f_code.co_filename, frame.f_lineno


def _stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _duration(length: timedelta | str) -> str:
    return write_duration(length) if isinstance(length, timedelta) else length


def _unwritable(value: Scalar) -> str:
    """Why a scalar cannot be written, if it cannot."""
    match value:
        case str() if FORBIDDEN.search(value):
            return "a control or bidi character"
        case bool():
            return ""
        case int() if len(str(abs(value))) > DIGITS:
            return f"a number of more than {DIGITS} digits: make it text"
        case float() if not math.isfinite(value):
            return "infinity and not-a-number are no values here"
        case _:
            return ""

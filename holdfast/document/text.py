"""Strict YAML 1.2: what two readers could take for two different things is an error here.

One document; no tags, anchors, aliases, merge keys or duplicate keys; text as keys; no control or bidi characters, in
the file or behind an escape; bounded in size and depth. Every value keeps its line and column.

We compose from ruamel's parser events ourselves: its nodes resolve tags that we refuse, and cost as much again as
parsing does.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from holdfast.desired import Where
from holdfast.document.nodes import Node, Scalar, dotted, plain
from holdfast.document.problems import Problems

LONGEST = 8 * 1024 * 1024  # characters; ten thousand resources take about two million
DEEPEST = 64
LONGEST_KEY = 256
ENOUGH = 20  # forbidden characters that are named: a file with more of them is no text
DIGITS = 18  # of an integer that every JSON reader we feed takes as it is

# C0 and C1 but for tab and line breaks; marks that turn the writing direction around and so hide text from a reader
# (CVE-2021-42574); Unicode's own line separators, which editors count and YAML does not; what is no character at all.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)

_CORE = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBERLIKE = frozenset("+-.0123456789")


def compose(text: str, file: str, problems: Problems) -> Node | None:
    """The tree of one YAML document, or None where none can be made; what is wrong with it goes to `problems`."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LONGEST:
        problems.add(
            Where(file, 1, 1),
            "",
            f"the document is too long: {len(text)} characters, at most {LONGEST}",
        )
        return None
    if _forbidden(text, file, problems):
        return None
    return _Composer(file, problems).compose(text)


def read_parameters(text: str, file: str) -> dict[str, JsonValue]:
    """The values of a parameter file: one map of names, as strictly read as a document. Raises `InvalidDocument`."""
    problems = Problems()
    root = compose(text, file, problems)
    if root is not None and not isinstance(root.value, dict):
        problems.add(root.where, "", "a parameter file is a map of names to values", seen=root.shown)
    if problems:
        raise problems.error()
    return {} if root is None else plain(root)


def scalar(text: str) -> Scalar:
    """A plain scalar by the core schema of YAML 1.2. Raises `ValueError` where that would surprise somebody."""
    if text in _CORE:
        return _CORE[text]
    if text[0] not in _NUMBERLIKE:
        return text
    if _INT.fullmatch(text):
        digits = text.lstrip("+-")
        if digits[0] == "0" and len(digits) > 1:
            raise ValueError("a number with a leading zero: quote it to mean text")
        if len(digits) > DIGITS:
            raise ValueError(f"a number of more than {DIGITS} digits: quote it to mean text")
        return int(text)
    if _BASED.fullmatch(text):
        if len(text) > DIGITS:
            raise ValueError("a number this large: quote it to mean text")
        return int(text, 0)
    if _SPECIAL.fullmatch(text):
        raise ValueError("infinity and not-a-number are no values here")
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("a number this large is infinite")
        return number
    return text


def _forbidden(text: str, file: str, problems: Problems) -> bool:
    found = False
    for match in FORBIDDEN.finditer(text):
        found = True
        before = text[: match.start()]
        line, column = before.count("\n") + 1, match.start() - before.rfind("\n")
        problems.add(
            Where(file, line, column),
            "",
            "a control or bidi character; write it as an escape, or leave it out",
            seen=f"U+{ord(match[0]):04X}",
        )
        if len(problems) >= ENOUGH:
            break
    return found


class _Frame:
    """One collection that is still open."""

    __slots__ = ("key", "keyed", "node", "path")

    def __init__(self, node: Node, path: str) -> None:
        self.node = node
        self.path = path
        self.keyed = False  # of a map: whether a key waits for its value
        self.key: Node | None = None  # that key; None when it is unusable


class _Composer:
    """Builds the tree from events, on a stack of its own: a deep document must not exhaust Python's."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self.frames: list[_Frame] = []
        self.root: Node | None = None
        self.documents = 0

    def compose(self, text: str) -> Node | None:
        try:
            for event in _events(text):
                if not self._take(event):
                    return None
        except MarkedYAMLError as wrong:
            self._broken(wrong)
            return None
        except Exception as wrong:  # noqa: BLE001  ruamel lets IndexError and others out on some malformed texts
            self.problems.add(Where(self.file, 1, 1), "", f"cannot be read as YAML: {wrong}")
            return None
        if self.root is None:
            self.problems.add(Where(self.file, 1, 1), "", "the document is empty")
        return self.root

    def _take(self, event: Any) -> bool:  # the events are untyped
        """Take in one event. False when nothing after it could be understood."""
        match event:
            case ScalarEvent():
                self._refuse_marks(event)
                self._attach(self._scalar(event))
            case MappingStartEvent() | SequenceStartEvent():
                self._refuse_marks(event)
                return self._open(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._attach(self.frames.pop().node)
            case AliasEvent():
                self._add(event, "aliases are not taken: write the value out", event.anchor)
                self._attach(self._node(None, event))
            case DocumentStartEvent():
                return self._start(event)
            case _:  # ends, which say nothing
                pass
        return True

    def _start(self, event: Any) -> bool:
        self.documents += 1
        if self.documents > 1:
            self._add(event, "a second document begins here; one file holds one")
            return False
        if event.version not in {None, (1, 2)} or event.tags:
            self._add(event, "directives are not taken; the text is read as YAML 1.2")
            return False
        return True

    def _open(self, event: Any) -> bool:
        if len(self.frames) >= DEEPEST:
            self._add(event, f"nested more than {DEEPEST} deep")
            return False
        node = self._node({} if isinstance(event, MappingStartEvent) else [], event)
        self.frames.append(_Frame(node, self._path()))
        return True

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        if event.style is None:
            try:
                return self._node(scalar(text), event, text)
            except ValueError as wrong:
                self._add(event, str(wrong), text, f'"{text}"')
                return self._node(text, event, text)
        hidden = FORBIDDEN.search(text) if event.style == '"' else None
        if hidden:
            self._add(
                event,
                "a control or bidi character behind an escape",
                f"U+{ord(hidden[0]):04X}",
            )
        return self._node(text, event)

    def _attach(self, node: Node) -> None:
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        members = frame.node.value
        if isinstance(members, list):
            members.append(node)
        elif not frame.keyed:
            frame.keyed = True
            frame.key = self._key(node, frame)
        else:
            frame.keyed = False
            key = frame.key
            if key is not None and isinstance(members, dict):
                node.key_line, node.key_column = key.line, key.column
                members[str(key.value)] = node

    def _key(self, node: Node, frame: _Frame) -> Node | None:
        """The key, where it can be one."""
        key, members = node.value, frame.node.value
        if not isinstance(key, str):
            seen = node.shown
            quoted = None if isinstance(key, dict | list) else f'"{seen}"'
            self.problems.add(node.where, frame.path, "a key is text: quote it", seen=seen, nearest=quoted)
        elif key == "<<" and node.text:
            self.problems.add(node.where, frame.path, "merge keys are not taken: write the fields out", seen="<<")
        elif len(key) > LONGEST_KEY:
            self.problems.add(node.where, frame.path, f"a key of more than {LONGEST_KEY} characters")
        elif isinstance(members, dict) and key in members:
            first = members[key].key
            self.problems.add(
                node.where,
                frame.path,
                f"this key is there already, in line {first.line}",
                seen=node.shown,
            )
        else:
            return node
        return None

    def _refuse_marks(self, event: Any) -> None:
        if event.anchor is not None:
            self._add(event, "anchors are not taken", f"&{event.anchor}")
        if event.ctag is not None:
            self._add(event, "tags are not taken", str(event.ctag))

    def _node(self, value: Any, event: Any, text: str | None = None) -> Node:
        mark = event.start_mark
        return Node(value, self.file, mark.line + 1, mark.column + 1, text)

    def _path(self) -> str:
        if not self.frames:
            return ""
        frame = self.frames[-1]
        if isinstance(frame.node.value, list):
            return dotted(frame.path, len(frame.node.value))
        return dotted(frame.path, str(frame.key.value)) if frame.key else frame.path

    def _add(self, event: Any, message: str, seen: str | None = None, nearest: str | None = None) -> None:
        mark = event.start_mark
        where = Where(self.file, mark.line + 1, mark.column + 1)
        self.problems.add(where, self._path(), message, seen=seen, nearest=nearest)

    def _broken(self, wrong: MarkedYAMLError) -> None:
        mark = wrong.problem_mark or wrong.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        context = f" ({wrong.context})" if wrong.context else ""
        self.problems.add(Where(self.file, line, column), "", f"not YAML: {wrong.problem}{context}")


def _events(text: str) -> Iterator[Any]:
    # Never the C parser, where it happens to be installed: it reads YAML 1.1.
    return iter(YAML(typ="safe", pure=True).parse(io.StringIO(text)))

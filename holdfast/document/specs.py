"""Checks a filled spec against its kind's model, and says what is wrong in the document's own places and words.

Pydantic names a place by what it validated; a person wrote something else: a list with members that are not known yet,
a whole map through one path, tags that come from the defaults. Each complaint is walked back to where it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from holdfast.document.nodes import Node, dotted
from holdfast.document.problems import Problems, show
from holdfast.model import Spec
from holdfast.values import is_opaque

S = TypeVar("S", bound=Spec)

_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")


def check_spec(model: type[S], filled: dict[str, Any], node: Node, path: str, problems: Problems) -> S | None:
    """The spec, or None with every complaint noted. `node` is the map it was filled from, or what stands for it."""
    try:
        return model.model_validate(filled)
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False):
            # What is not known yet cannot be wrong; a secret where no text may stand can.
            if not is_opaque(error["input"]) or error["type"] == "value_error":
                _complain(_Walk(model, filled, node, path), error, problems)
        return None


class _Walk:
    """Follows the place that pydantic names down through the models, the values and the document at once."""

    def __init__(self, model: type[Spec], filled: Any, node: Node, path: str) -> None:
        self.models: list[type[Spec]] = [model]  # that may have validated `value`
        self.types: list[Any] = [model]
        self.value = filled
        self.node = node  # the deepest that was written down
        self.path = path
        self.written = True  # whether `node` is `value`, and not something above it
        self.counted = False  # whether pydantic counted only the members of `value` that are known

    def follow(self, location: tuple[int | str, ...]) -> None:
        """Go down as far as the values go. What pydantic adds of its own, as the branch of a union, is passed over."""
        for part in location:
            if isinstance(self.value, dict) and part in self.value:
                step: int | str = part
                fields = [_fields(model) for model in self.models]
                inner = [f[part] for f in fields if part in f]
                self.counted = bool(inner)
                self.types = inner or _arguments(self.types)
            elif isinstance(self.value, list) and isinstance(part, int):
                step = _counted(self.value, part) if self.counted else part
                self.counted = False
                self.types = _arguments(self.types)
                if step >= len(self.value):
                    return
            else:
                continue
            self._down(step)

    def _down(self, step: int | str) -> None:
        self.models = [m for t in self.types for m in _models(t)]
        self.value = self.value[step]
        self.path = dotted(self.path, step)
        child = self.node.child(step) if self.written else None
        self.written = child is not None
        self.node = child or self.node

    @property
    def names(self) -> list[str]:
        """The fields that the map reached may have."""
        return [name for model in self.models for name in _fields(model)]


def _complain(walk: _Walk, error: ErrorDetails, problems: Problems) -> None:
    location, sort = error["loc"], error["type"]
    if sort in {"missing", "extra_forbidden"}:
        walk.follow(location[:-1])
        name = str(location[-1])
        if sort == "missing":
            problems.add(walk.node.key, walk.path, f"`{name}` is missing")
            return
        child = walk.node.child(name) if walk.written else None
        problems.add(
            child.key if child else walk.node.where,
            dotted(walk.path, name),
            "there is no such field",
            seen=name,
            among=walk.names,
        )
        return
    walk.follow(location)
    if location[-1:] == ("[key]",):  # as pydantic calls the key of a map, beside its value
        problems.add(walk.node.key, walk.path, _message(error)[0], seen=show(error["input"]))
        return
    seen = walk.node.shown if _as_written(walk) else show(walk.value)
    message, among = _message(error)
    nearest = None
    if sort == "string_type" and isinstance(walk.value, int | float):
        message, nearest = "text is expected: quote it", f'"{seen}"'
    problems.add(walk.node.where, walk.path, message, seen=seen, nearest=nearest, among=among)


def _as_written(walk: _Walk) -> bool:
    """Whether the document's own text shows the value best; where a path brought it, the value itself does."""
    if isinstance(walk.node.value, dict | list):
        return False
    return walk.written and (is_opaque(walk.value) or walk.value == walk.node.value)


def _message(error: ErrorDetails) -> tuple[str, list[str]]:
    """Pydantic's sentence in our voice, and the values that would have been right where they are a closed list."""
    text = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = re.sub(r"^Input should be ", "expected ", text)
    among: list[str] = []
    if error["type"] in {"literal_error", "enum"}:
        among = _QUOTED.findall(error.get("ctx", {}).get("expected", ""))
    if text[:1].isupper() and text[1:2].islower():
        text = text[0].lower() + text[1:]
    return text, among


def _counted(members: list[Any], index: int) -> int:
    """Where the member stands that is the `index`th of those that are known."""
    known = [at for at, member in enumerate(members) if not is_opaque(member)]
    return known[index] if index < len(known) else len(members)


def _fields(model: type[Spec]) -> dict[str, Any]:
    """The fields as a person writes them, with their types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _arguments(types: list[Any]) -> list[Any]:
    """What a list or map of these types may hold."""
    return [argument for t in types for argument in _leaves(t)]


def _leaves(annotation: Any) -> Iterator[Any]:
    for argument in get_args(annotation):
        yield argument
        yield from _leaves(argument)


def _models(annotation: Any) -> Iterator[type[Spec]]:
    """The spec models that a value of this type may be validated by."""
    if isinstance(annotation, type) and not get_args(annotation):
        if issubclass(annotation, Spec):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from _models(argument)

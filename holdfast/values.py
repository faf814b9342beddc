"""Values that are not known yet: how a spec says "the id of the network, once there is one".

An `Unknown` is text with pointers in it. `${shop/aws.vpc/net#id}` alone stands for whatever that output turns out to
be; inside a longer text it stands for its written form. Pointers name addresses, so they survive JSON, storage and
a change of worker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from pydantic import JsonValue, ValidationError

from holdfast.secret import MARK as SECRET
from holdfast.secret import Secret

MARK = "$unknown"
_POINTER = re.compile(r"\$\{([^${}]+#[^${}]+)\}")
_MISSING = object()


class Unknown:
    """A value that an earlier act will give, as text with pointers `${ADDRESS#OUTPUT}` in it. Compares by `==`.

    Not a dataclass, since pydantic would write that as a map of its fields where we want the mark of `freeze`.
    """

    __slots__ = ("text",)
    text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "text", text)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Unknown does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown) and other.text == self.text

    def __hash__(self) -> int:
        return hash((MARK, self.text))

    def __repr__(self) -> str:
        return f"Unknown({self.text!r})"

    def __reduce__(self) -> tuple[type[Unknown], tuple[str]]:
        return Unknown, (self.text,)

    @classmethod
    def of(cls, address: object, output: str) -> Unknown:
        """The whole value of one output of one resource."""
        return cls(f"${{{address}#{output}}}")

    @property
    def pointers(self) -> tuple[str, ...]:
        """Every `ADDRESS#OUTPUT` this value waits for, in order, each once."""
        return tuple(dict.fromkeys(_POINTER.findall(self.text)))

    def resolve(self, known: Mapping[str, JsonValue]) -> JsonValue | Unknown:
        """The value, once every pointer is known; an `Unknown` over what is still missing otherwise.

        A pointer that is the whole text keeps the type of its value; inside a longer text it is written out.
        """
        whole = _POINTER.fullmatch(self.text)
        if whole:
            value = _look(whole[1], known)
            return self if value is _MISSING else cast("JsonValue", value)

        def written(match: re.Match[str]) -> str:
            value = _look(match[1], known)
            return match[0] if value is _MISSING else _written(value)

        text = _POINTER.sub(written, self.text)
        return Unknown(text) if _POINTER.search(text) else text


def freeze(value: Any) -> JsonValue:
    """The JSON form of a value: an `Unknown` becomes `{"$unknown": text}`, a `Secret` `{"$secret": reference}`."""
    frozen: JsonValue = _map(value, lambda v: mark(v) if is_opaque(v) else v)
    return frozen


def mark(value: object) -> dict[str, str]:
    """How one `Unknown` or `Secret` is written in JSON. Raises `TypeError` for anything else, as a JSON encoder's
    fallback must.
    """
    if isinstance(value, Unknown):
        return {MARK: value.text}
    if isinstance(value, Secret):
        return {SECRET: value.reference}
    raise TypeError(f"not JSON: {type(value).__name__}")


def thaw(value: JsonValue) -> Any:
    """The inverse of `freeze`."""
    if isinstance(value, dict):
        if set(value) == {MARK}:
            return Unknown(str(value[MARK]))
        if set(value) == {SECRET}:
            return Secret(str(value[SECRET]))
        return {k: thaw(v) for k, v in value.items()}
    if isinstance(value, list):
        return [thaw(v) for v in value]
    return value


def resolve(value: Any, known: Mapping[str, JsonValue]) -> Any:
    """The value with every `Unknown` in it resolved as far as `known` reaches."""
    return _map(value, lambda v: v.resolve(known) if isinstance(v, Unknown) else v)


def pointers(value: Any) -> tuple[str, ...]:
    """Every `ADDRESS#OUTPUT` that a value waits for, in order, each once."""
    return tuple(dict.fromkeys(p for u in _unknowns(value) for p in u.pointers))


def has_unknown(value: Any) -> bool:
    """Whether any part of a value is not known yet."""
    return next(_unknowns(value), None) is not None


def is_opaque(value: object) -> bool:
    """Whether a value cannot be looked into now: an `Unknown`, or a `Secret`."""
    return isinstance(value, Unknown | Secret)


def has_opaque(value: Any) -> bool:
    """Whether any part of a value cannot be looked into now."""
    if isinstance(value, dict):
        return any(has_opaque(member) for member in value.values())
    if isinstance(value, list | tuple):
        return any(has_opaque(member) for member in value)
    return is_opaque(value)


def weave(value: Any, validate: Callable[[Any], Any]) -> Any:
    """Validate the known members of a list or map, and put the opaque ones back where they stood.

    Members that hold something opaque deeper down are left to `validate`: a nested spec lets its own pass.
    """
    if isinstance(value, list | tuple):
        known = validate([v for v in value if not is_opaque(v)])
        members = iter(known)
        return type(known)(v if is_opaque(v) else next(members) for v in value)
    if isinstance(value, dict):
        if not any(is_opaque(v) for v in value.values()):
            return validate(value)
        try:
            known = validate({k: v for k, v in value.items() if not is_opaque(v)})
        except ValidationError as wrong:
            if all(error["type"] != "missing" for error in wrong.errors(include_url=False)):
                raise
            return validate(value)  # a nested spec misses what is opaque, and lets it pass when it is there
        if isinstance(known, dict):
            return {k: v if is_opaque(v) else known[k] for k, v in value.items()}
    return validate(value)


def _unknowns(value: Any) -> Iterator[Unknown]:
    if isinstance(value, Unknown):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _unknowns(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _unknowns(member)


def _map(value: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {k: _map(v, leaf) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_map(v, leaf) for v in value]
    return leaf(value)


def _look(pointer: str, known: Mapping[str, JsonValue]) -> Any:
    """The value of `ADDRESS#OUTPUT`, or of something in it: `ADDRESS#OUTPUT.field.0`. Else `_MISSING`."""
    if pointer in known:
        return known[pointer]
    source, _, path = pointer.partition("#")
    output, *deeper = path.split(".")
    value: Any = known.get(f"{source}#{output}", _MISSING)
    for step in deeper:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value


def _written(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)

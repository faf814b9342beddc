"""The values of a document's parameters: given ones before defaults, each of its type, secrets as references only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from holdfast.desired import Where
from holdfast.document.nodes import Node, plain
from holdfast.document.problems import Problems, show
from holdfast.document.references import Malformed, split
from holdfast.document.shape import Document, Parameter, ParameterType
from holdfast.document.text import compose
from holdfast.errors import InvalidInput
from holdfast.model import NAME
from holdfast.secret import MARK as SECRET
from holdfast.secret import Secret, is_reference
from holdfast.values import MARK as UNKNOWN
from holdfast.values import Unknown

# Stands where a value could not be made out, so that one mistake is not reported again by everything that reads it.
# It passes wherever an Unknown does; a document that holds one is never bound.
HOLE = Unknown("${problem#problem}")

Value = JsonValue | Secret | Unknown
MARKS = (UNKNOWN, SECRET)

_SORTS: dict[ParameterType, tuple[type, ...]] = {
    ParameterType.string: (str,),
    ParameterType.number: (int, float),
    ParameterType.boolean: (bool,),
    ParameterType.list: (list,),
    ParameterType.map: (dict,),
}
_A_REFERENCE = "a sensitive parameter is given as a reference, env:NAME or file:/path, and never as the value itself"


def parse_param(text: str) -> tuple[str, JsonValue]:
    """One `--param name=value`. The value stays text; `bind` reads it by the parameter's type.

    Raises `InvalidInput`; it does not repeat the value, which may be a secret.
    """
    name, equals, value = text.partition("=")
    if not equals or re.fullmatch(NAME, name) is None:
        raise InvalidInput(
            "a parameter is given as name=value" + (f", and {show(name)} is not a name" if equals else ""),
            next="write it as `--param size=t3.small`",
        )
    return name, value


def parameter_values(document: Document, given: Mapping[str, JsonValue], problems: Problems) -> dict[str, Value]:
    """The value of every declared parameter; `HOLE` for one that has none, which `problems` then names."""
    section = document.tree.child("parameters") or document.tree
    for name in given:
        if name not in document.parameters:
            problems.add(
                section.key,
                "parameters",
                "a value is given for a parameter that is not declared",
                seen=name,
                among=document.parameters,
            )
    return {name: _value(name, parameter, given, problems) for name, parameter in document.parameters.items()}


def _value(name: str, parameter: Parameter, given: Mapping[str, JsonValue], problems: Problems) -> Value:
    path = f"parameters.{name}"
    default = parameter.node.child("default")
    own: Value = HOLE
    if default is not None:
        # Looked at also when a value is given: a default that will not do is a mistake on every day.
        at = f"{path}.default"
        # A secret written out by mistake must not be shown as a malformed path either.
        literal = plain(default) if parameter.sensitive else _literal(default, at, problems)
        own = _fits(parameter, literal, default.where, at, problems)
    if name in given:
        return _fits(parameter, given[name], parameter.node.key, path, problems)
    if default is None:
        example = "env:NAME" if parameter.sensitive else "…"
        problems.add(
            parameter.node.key,
            path,
            f"this parameter has no default and was given no value: `--param {name}={example}`",
        )
    return own


def _literal(node: Node, path: str, problems: Problems) -> Any:
    """A default with its escapes undone. It may not hold paths: there is nothing yet that they could lead to."""
    value = node.value
    if isinstance(value, dict):
        return {k: _literal(v, f"{path}.{k}", problems) for k, v in value.items()}
    if isinstance(value, list):
        return [_literal(v, path, problems) for v in value]
    if not isinstance(value, str):
        return value
    try:
        parts = split(value)
    except Malformed as wrong:
        problems.add(node.where, path, str(wrong), seen=wrong.seen, nearest=wrong.nearest)
        return HOLE
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    problems.add(
        node.where,
        path,
        "a default is a value of its own, without paths; `$${` writes the characters themselves",
        seen=value,
    )
    return HOLE


def _fits(parameter: Parameter, value: Any, where: Where, path: str, problems: Problems) -> Value:
    """The value, read by the parameter's type and found to be among those that are allowed."""
    if isinstance(value, Unknown):
        return HOLE
    if parameter.sensitive:
        if is_reference(value):
            return Secret(value)
        problems.add(where, path, _A_REFERENCE, seen="not shown")
        return HOLE
    if isinstance(value, str) and parameter.type is not ParameterType.string:
        value = _from_text(value)
    reserved = marked(value)
    if reserved:
        problems.add(where, path, "this key is Holdfast's own", seen=reserved)
        return HOLE
    sorts = _SORTS[parameter.type]
    right = isinstance(value, sorts) and (bool in sorts or not isinstance(value, bool))
    fits: JsonValue = value
    if not right:
        quoted = f'"{show(fits)}"' if isinstance(fits, int | float) else None
        advice = ": quote it" if quoted and parameter.type is ParameterType.string else ""
        problems.add(
            where,
            path,
            f"a {parameter.type} is expected{advice}",
            seen=show(fits),
            nearest=quoted if advice else None,
        )
        return HOLE
    if parameter.enum and fits not in parameter.enum:
        allowed = [show(allowed) for allowed in parameter.enum]
        problems.add(
            where,
            path,
            f"one of {', '.join(allowed)} is expected",
            seen=show(fits),
            among=allowed,
        )
        return HOLE
    return fits


def marked(value: Any) -> str | None:
    """The first key in a value that would make it read as an `Unknown` or a `Secret`, which only we may write."""
    if isinstance(value, dict):
        own = [key for key in value if key in MARKS]
        return own[0] if own else next(filter(None, map(marked, value.values())), None)
    if isinstance(value, list):
        return next(filter(None, map(marked, value)), None)
    return None


def _from_text(text: str) -> Any:
    """What a text on the command line means, for a parameter that is not text: `3`, `true`, `[a, b]`."""
    problems = Problems()
    node = compose(text, "--param", problems)
    return text if node is None or problems else plain(node)

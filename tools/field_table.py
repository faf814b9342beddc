"""The fields of a spec as tables, from its JSON Schema: one for the spec, and one for each shape inside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from holdfast.model import Spec

Schema = dict[str, Any]  # JSON Schema is JSON
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} long",
    "maxLength": "at most {} long",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "maxProperties": "at most {} of them",
    "pattern": "matches `{}`",
}


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar inside a cell stays a bar."""
    lines = [list(heads)]
    lines += [["---"] * len(lines[0]), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fields(spec: type[Spec], change: Callable[[str], str] | None = None) -> str:
    """The tables of a spec. `change` says of a field what happens when it changes."""
    schema = spec.model_json_schema()
    out = [_fields(schema, change)]
    for name, shape in schema.get("$defs", {}).items():
        if "properties" in shape:
            out += [f"### {name}", shape.get("description", ""), _fields(shape, None)]
    return "\n\n".join(part for part in out if part)


def _fields(schema: Schema, change: Callable[[str], str] | None) -> str:
    required = schema.get("required", ())
    rows = []
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else _default(field)
        row = [f"`{name}`", _type(field), default, *([change(name)] if change else []), _words(field)]
        rows.append(row)
    return table(["field", "type", "default", *(["a change"] if change else []), "what it is"], rows)


def _parts(field: Schema) -> list[Schema]:
    parts: list[Schema] = field.get("anyOf") or field.get("oneOf") or [field]
    return parts


def _type(field: Schema) -> str:
    return " or ".join(dict.fromkeys(word for part in _parts(field) if (word := _word(part)))) or "any"


def _word(part: Schema) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in part:
        return "one of " + ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    match part.get("type"):
        case "null":
            return ""
        case "array":
            return f"list of {_type(part.get('items', {}))}"
        case "object":
            values = part.get("additionalProperties")
            return f"map of {_type(values)}" if isinstance(values, dict) else "map"
        case kind:
            return {"ipv4network": "IPv4 block", "ipv6network": "IPv6 block"}.get(part.get("format", ""), kind or "")


def _default(field: Schema) -> str:
    if "default" not in field:
        # A default that is made anew for each spec does not show in a schema; such are empty lists and maps.
        return {"array": "none", "object": "none"}.get(field.get("type", ""), "")
    return "none" if field["default"] is None else f"`{json.dumps(field['default'], ensure_ascii=False)}`"


def _words(field: Schema) -> str:
    bounds = [
        text.format(part[name])
        for part in (field, *_parts(field)[: 9 if "anyOf" in field else 0])
        for name, text in BOUNDS.items()
        if name in part
    ]
    return "; ".join(part for part in (field.get("description", ""), ", ".join(dict.fromkeys(bounds))) if part)

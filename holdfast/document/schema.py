"""The document as JSON Schema (draft 2020-12), for editors: what they complete and underline while one writes.

It is a little more forgiving than `bind`: wherever a value may come from a path, a text with `${` in it passes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from holdfast.catalog import Catalog
from holdfast.desired import OnRemove
from holdfast.document.reading import CLOUD, ENVIRONMENT, ONE, PART
from holdfast.document.shape import TIMED, VERSION, ParameterType
from holdfast.model import KEY, KIND, NAME, STACK, Spec

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]  # JSON Schema is JSON

_PATH: Schema = {"type": "string", "pattern": r"\$\{"}
_TEXT: Schema = {"type": "string", "minLength": 1}
_BOUND = frozenset({"enum", "const", "pattern", "format", "minLength", "maxLength"})  # what a path would not satisfy


def json_schema(catalog: Catalog, kind: str | None = None) -> Schema:
    """The schema of a whole document; of one kind's spec, or of one look-up's filter, where a kind is named.

    Raises `InvalidInput`, naming the nearest, when there is no such kind.
    """
    if kind is None:
        return _document(catalog)
    if catalog.looks_up(kind):
        return {"$schema": DRAFT, **_spec(catalog.data(kind).filter, _words(catalog.data(kind)), kind)}
    return {"$schema": DRAFT, **_spec(catalog[kind].spec, _words(catalog[kind]), kind)}


def _document(catalog: Catalog) -> Schema:
    clouds = sorted(catalog.clouds)
    resources = {k.kind: (k.spec, _words(k)) for k in catalog}
    data = {name: (catalog.data(name).filter, _words(catalog.data(name))) for name in catalog.data_kinds}
    return {
        "$schema": DRAFT,
        "title": "A Holdfast document",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "stack", "owner", "environment"],
        "properties": {
            "version": _said("The version of this format.", const=VERSION),
            "stack": _said("The stack's name, unique in its installation.", type="string", pattern=_whole(STACK)),
            "owner": _said("Who answers for it.", **_TEXT),
            "environment": _said(
                "dev, staging, prod, or a name of your own.",
                **_or_path({"type": "string", "pattern": _whole(ENVIRONMENT)}),
            ),
            "parameters": _section("Values that are given from outside: --param, --param-file.", _parameter()),
            "scopes": _section("Named places.", _scope(clouds)),
            "defaults": _defaults(),
            "data": _section("What is not ours: looked up while planning, never changed.", {"$ref": "#/$defs/data"}),
            "resources": _section("What shall stand.", {"$ref": "#/$defs/resource"}),
            "moved": {
                "description": "Old name to new name: a rename changes tags, not the resource.",
                "type": "object",
                "propertyNames": {"pattern": _whole(ONE)},
                "additionalProperties": {"type": "string", "pattern": _whole(ONE)},
            },
            "outputs": _section("What the stack gives to people and to other stacks.", {}),
        },
        "$defs": {
            "resource": _entry(_resource(), "spec", resources),
            "data": _entry(_data(), "filter", data),
        },
    }


def _parameter() -> Schema:
    return _object(
        {
            "type": {"enum": [t.value for t in ParameterType], "default": "string"},
            "default": {"description": "Its value when none is given."},
            "enum": {"type": "array", "minItems": 1, "description": "The values it may have."},
            "sensitive": {
                "type": "boolean",
                "description": "Hidden everywhere, and given as a reference: env:NAME or file:/path.",
            },
            "description": {"type": "string"},
        }
    )


def _scope(clouds: Iterable[str]) -> Schema:
    known = list(clouds)
    part = _or_path({"type": "string", "pattern": _whole(PART)})
    return _object(
        {
            "cloud": {"enum": known} if known else {"type": "string", "pattern": _whole(CLOUD)},
            "account": _said("The account, project or subscription, in quotes.", **part),
            "region": part,
        },
        required=("cloud", "account", "region"),
    )


def _defaults() -> Schema:
    tags = {"type": "object", "additionalProperties": {"type": "string"}}
    said = _said("Tags that every resource gets, or labels, where its kind has any.", **tags)
    schema = _object({"scope": _scope_name(), "tags": said})
    return _said("What every resource gets unless it says otherwise.", **schema)


def _scope_name() -> Schema:
    return _said("The name of one of `scopes`.", **_or_path({"type": "string", "pattern": _whole(NAME)}))


def _data() -> Schema:
    return {"kind": {"type": "string", "pattern": _whole(KIND)}, "scope": _scope_name(), "filter": {"type": "object"}}


def _resource() -> Schema:
    keys = {
        "anyOf": [
            {"type": "object", "propertyNames": {"pattern": _whole(KEY)}},
            {"type": "array", "items": {"type": "string"}},
            _PATH,
        ]
    }
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    duration = {"type": "string", "pattern": r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"}
    return {
        "kind": {"type": "string", "pattern": _whole(KIND)},
        "scope": _scope_name(),
        "for_each": _said("One resource for each key: name[key], with ${each.key} and ${each.value}.", **keys),
        "depends_on": _said("Resources that must stand first, beside those it refers to.", **texts),
        "protect": _said("Refuse to delete or replace it.", **_or_path({"type": "boolean"})),
        "on_remove": _said(
            "What happens when it is no longer in the document.", enum=[o.value for o in OnRemove], default="delete"
        ),
        "ignore_changes": _said("Fields whose changes in the cloud are left alone.", **texts),
        "timeouts": _said(
            "How long each may take, as in 20m or 1h30m.", **_object({verb.value: duration for verb in TIMED})
        ),
        "spec": {"type": "object"},
    }


def _entry(properties: Schema, field: str, kinds: dict[str, tuple[type[Spec], str]]) -> Schema:
    """An entry whose `field` has the form that its `kind` says."""
    if not kinds:
        return _object(properties, required=("kind",))
    # Each kind alone, so that an editor shows what it is beside its name.
    properties["kind"] = {"anyOf": [{"const": kind, "description": words} for kind, (_, words) in kinds.items()]}
    schema = _object(properties, required=("kind",))
    schema["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": _then(field, _spec(model, words, kind)),
        }
        for kind, (model, words) in kinds.items()
    ]
    return schema


def _then(field: str, spec: Schema) -> Schema:
    then: Schema = {"properties": {field: spec}}
    if spec.get("required"):
        then["required"] = [field]
    return then


def _spec(model: type[Spec], words: str, kind: str) -> Schema:
    """A kind's own model, its definitions written out where they are used, so that those of two kinds never collide."""
    schema = model.model_json_schema()
    definitions: Schema = schema.pop("$defs", {})
    schema["title"] = kind
    if words:
        schema["description"] = words
    return {
        **schema,
        "properties": {name: _open(part, definitions) for name, part in schema.get("properties", {}).items()},
    }


def _open(schema: Any, definitions: Schema, seen: tuple[str, ...] = ()) -> Any:
    """A schema that a path satisfies too, here and in everything below."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        if name in seen:
            return {}  # a model that holds itself is looked into once
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _open({**definitions[name], **beside}, definitions, (*seen, name))

    def deeper(part: Any) -> Any:
        return _open(part, definitions, seen)

    opened = {key: value for key, value in schema.items() if key != "title"}
    for key in ("items", "additionalProperties", "contains"):
        if key in opened:
            opened[key] = deeper(opened[key])
    if "oneOf" in opened:  # a path would satisfy every branch, and `oneOf` wants one
        opened["anyOf"] = opened.pop("oneOf")
    for key in ("anyOf", "allOf", "prefixItems"):
        if key in opened:
            opened[key] = [deeper(part) for part in opened[key]]
    if "properties" in opened:
        opened["properties"] = {name: deeper(part) for name, part in opened["properties"].items()}
    return _or_path(opened)


def _or_path(schema: Schema) -> Schema:
    """The schema, or a path; what describes it stays outside, where editors look."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], _PATH]} if _PATH not in schema["anyOf"] else schema
    if not schema or (schema.get("type") == "string" and not _BOUND & schema.keys()):
        return schema
    outside: Schema = {
        key: schema[key] for key in ("description", "default", "examples", "deprecated") if key in schema
    }
    inside = {key: value for key, value in schema.items() if key not in outside}
    return {**outside, "anyOf": [inside, _PATH]} if inside else schema


def _object(properties: Schema, required: Iterable[str] = ()) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if needed := list(required):
        schema["required"] = needed
    return schema


def _section(description: str, entry: Schema) -> Schema:
    named = {"type": ["object", "null"], "propertyNames": {"pattern": _whole(NAME)}, "additionalProperties": entry}
    return _said(description, **named)


def _said(description: str, **schema: Any) -> Schema:
    return {"description": description, **schema}


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _words(kind: object) -> str:
    """What a kind is, from its docstring."""
    return inspect.cleandoc(type(kind).__doc__ or "")

"""From a tree of values to a Document: every section, every field, and nothing that is not one.

What a section means together with the others, and with the kinds there are, is `binding`'s to judge.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from holdfast.desired import OnRemove
from holdfast.document.duration import parse_duration
from holdfast.document.fields import REFERENCE, Fields
from holdfast.document.nodes import Node, dotted, plain
from holdfast.document.problems import Problems
from holdfast.document.shape import (
    TIMED,
    VERSION,
    Data,
    Defaults,
    Document,
    Parameter,
    ParameterType,
    Place,
    Resource,
)
from holdfast.model import KEY, KIND, NAME, STACK
from holdfast.plan import Verb

RESERVED = ("each", "parameters", "data", "stack")  # the first words of other paths

SECTIONS = (
    "version", "stack", "owner", "environment", "parameters", "scopes", "defaults", "data", "resources", "moved",
    "outputs",
)  # fmt: skip
PARAMETER = ("type", "default", "enum", "sensitive", "description")
SCOPE = ("cloud", "account", "region")
DEFAULTS = ("scope", "tags")
DATA = ("kind", "scope", "filter")
RESOURCE = (
    "kind", "scope", "for_each", "depends_on", "protect", "on_remove", "ignore_changes", "timeouts", "spec",
)  # fmt: skip

CLOUD = r"[a-z][a-z0-9]*"
ENVIRONMENT = r"[a-z][a-z0-9-]{0,39}"
PART = r"[A-Za-z0-9][A-Za-z0-9._:-]*"  # of a scope: its written form separates by slashes
ONE = rf"{NAME}(\[{KEY}\])?"  # a resource, or one of several

_NAME_LIKE = "a name of letters, digits, - and _, beginning with a letter"


def read(tree: Node, problems: Problems) -> Document:
    """The document that a tree says; whatever it says wrongly goes to `problems` and is left out."""
    top = Fields(tree, "", SECTIONS, problems)
    version = top.node("version", required=True)
    if version is not None and (version.value != VERSION or version.value is True):
        top.complain(version, "version", f"this Holdfast reads version {VERSION}")
    return Document(
        stack=top.text(
            "stack",
            form=STACK,
            like="a name of at most 40 small letters, digits and -, beginning with a letter,",
            required=True,
        )
        or "",
        owner=top.text("owner", required=True, reference=True) or "",
        environment=top.text(
            "environment",
            form=ENVIRONMENT,
            like="a name such as dev, staging or prod",
            required=True,
            reference=True,
        )
        or "",
        parameters={
            name: _parameter(node, f"parameters.{name}", problems)
            for name, node in top.section("parameters", NAME, _NAME_LIKE)
        },
        scopes={
            name: _place(node, f"scopes.{name}", problems) for name, node in top.section("scopes", NAME, _NAME_LIKE)
        },
        defaults=_defaults(top.node("defaults"), tree, problems),
        data={name: _data(node, f"data.{name}", problems) for name, node in top.section("data", NAME, _NAME_LIKE)},
        resources={name: _resource(name, node, problems) for name, node in top.section("resources", NAME, _NAME_LIKE)},
        moved={
            old: str(node.value)
            for old, node in top.section("moved", ONE, "the name of a resource")
            if _is_name(node, f"moved.{old}", problems)
        },
        outputs={name: plain(node) for name, node in top.section("outputs", NAME, _NAME_LIKE)},
        tree=tree,
    )


def _parameter(node: Node, path: str, problems: Problems) -> Parameter:
    fields = Fields(node, path, PARAMETER, problems)
    default, enum = fields.node("default"), fields.node("enum")
    sensitive = fields.flag("sensitive") or False
    kind = fields.choice("type", [t.value for t in ParameterType], "string")
    if enum is not None and not (isinstance(enum.value, list) and enum.value):
        fields.complain(enum, "enum", "a list of the values that are allowed is expected here")
        enum = None
    flag, typed = fields.node("sensitive"), fields.node("type")
    if sensitive and flag and enum is not None:
        # The flag is shown and not the values, which may be what is to be hidden.
        fields.complain(flag, "enum", "a sensitive parameter is never read here, so it has no enum")
    if sensitive and typed and kind != ParameterType.string:
        fields.complain(typed, "type", "a sensitive parameter is a string")
    return Parameter(
        node=node,
        type=ParameterType(kind),
        default=None if default is None else plain(default),
        required=default is None,
        enum=() if enum is None else tuple(plain(enum)),
        sensitive=sensitive,
        description=fields.text("description", form=".*") or "",
    )


def _place(node: Node, path: str, problems: Problems) -> Place:
    fields = Fields(node, path, SCOPE, problems)
    like = "a name of letters, digits, - and ."
    return Place(
        cloud=fields.text("cloud", form=CLOUD, like="a cloud", required=True) or "",
        account=fields.text("account", form=PART, like=like, required=True, reference=True) or "",
        region=fields.text("region", form=PART, like=like, required=True, reference=True) or "",
        node=node,
    )


def _defaults(node: Node | None, tree: Node, problems: Problems) -> Defaults:
    if node is None or node.value is None:
        return Defaults(node=tree)
    fields = Fields(node, "defaults", DEFAULTS, problems)
    tags: dict[str, str] = {}
    for key, tag in fields.section("tags", like="the name of a tag"):
        if isinstance(tag.value, str):
            tags[key] = tag.value
        else:
            quoted = None if isinstance(tag.value, dict | list) else f'"{tag.shown}"'
            fields.complain(tag, f"tags.{key}", "the value of a tag is text: quote it", nearest=quoted)
    return Defaults(node=node, scope=fields.text("scope", form=NAME, like="the name of a scope"), tags=tags)


def _data(node: Node, path: str, problems: Problems) -> Data:
    fields = Fields(node, path, DATA, problems)
    kind = fields.text("kind", form=KIND, like="a kind such as aws.image", required=True)
    scope = fields.text("scope", form=NAME, like="the name of a scope", reference=True)
    wanted = _mapping(fields, "filter")
    return Data(kind=kind if kind and fields.sound else "", node=node, filter=wanted, scope=scope)


def _resource(name: str, node: Node, problems: Problems) -> Resource:
    path = f"resources.{name}"
    fields = Fields(node, path, RESOURCE, problems)
    if name in RESERVED:
        problems.add(node.key, path, f"`{name}` begins another sort of path; choose another name")
    kind = fields.text("kind", form=KIND, like="a kind such as aws.vpc", required=True)
    each = fields.node("for_each")
    if each is not None and not (
        isinstance(each.value, dict | list) or (isinstance(each.value, str) and REFERENCE in each.value)
    ):
        fields.complain(each, "for_each", "a map, a list of keys, or a path to one is expected here")
        each = kind = None  # how many there shall be is unknown
    spec = fields.node("spec")
    if spec is not None and not isinstance(spec.value, dict | None):
        kind = None  # one complaint is enough
    return Resource(
        kind=kind or "",
        node=node,
        spec=_mapping(fields, "spec"),
        for_each=None if each is None else plain(each),
        depends_on=tuple(str(n.value) for n in fields.texts("depends_on")),
        protect=_protect(fields),
        on_remove=OnRemove(fields.choice("on_remove", [o.value for o in OnRemove], OnRemove.delete.value)),
        ignore_changes=tuple(str(n.value) for n in fields.texts("ignore_changes")),
        timeouts=_timeouts(fields.node("timeouts"), dotted(path, "timeouts"), problems),
        scope=fields.text("scope", form=NAME, like="the name of a scope", reference=True),
    )


def _mapping(fields: Fields, name: str) -> dict[str, Any]:
    node = fields.node(name)
    if node is None or node.value is None:
        return {}
    if isinstance(node.value, dict):
        values: dict[str, Any] = plain(node)
        return values
    fields.complain(node, name, f"a map is expected here, not {node.kind}")
    return {}


def _protect(fields: Fields) -> bool | str:
    node = fields.node("protect")
    if node is not None and isinstance(node.value, str) and REFERENCE in node.value:
        return node.value
    return fields.flag("protect") or False


def _timeouts(node: Node | None, path: str, problems: Problems) -> dict[Verb, timedelta]:
    if node is None:
        return {}
    fields = Fields(node, path, [verb.value for verb in TIMED], problems)
    found = {}
    for verb in TIMED:
        written = fields.node(verb.value)
        if written is None:
            continue
        try:
            found[verb] = parse_duration(str(written.value))
        except ValueError as wrong:
            fields.complain(written, verb.value, str(wrong))
    return found


def _is_name(node: Node, path: str, problems: Problems) -> bool:
    if isinstance(node.value, str) and re.fullmatch(ONE, node.value):
        return True
    problems.add(node.where, path, "the name of a resource is expected here", seen=node.shown)
    return False

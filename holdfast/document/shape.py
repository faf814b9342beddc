"""What a document says, before anything is filled in: its sections as values.

Two documents are equal when they say the same, wherever and however it was written. Text may still hold `${…}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import JsonValue

from holdfast.desired import OnRemove
from holdfast.document.nodes import Node
from holdfast.plan import Verb

VERSION = 1
TIMED = (Verb.create, Verb.update, Verb.delete)


class ParameterType(StrEnum):
    """What a parameter may hold."""

    string = "string"
    number = "number"
    boolean = "boolean"
    list = "list"
    map = "map"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that is given from outside. A `required` one has no default, a `sensitive` one is a reference."""

    node: Node = field(compare=False, repr=False)
    type: ParameterType = ParameterType.string
    default: JsonValue = None
    required: bool = True
    enum: tuple[JsonValue, ...] = ()
    sensitive: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A named scope, as it is written."""

    cloud: str
    account: str
    region: str
    node: Node = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What every resource gets unless it says otherwise."""

    node: Node = field(compare=False, repr=False)
    scope: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Data:
    """Something to look up."""

    kind: str
    node: Node = field(compare=False, repr=False)
    filter: dict[str, Any] = field(default_factory=dict)
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry under `resources`, which may stand for several. Its `kind` is empty where it could not be read."""

    kind: str
    node: Node = field(compare=False, repr=False)
    spec: dict[str, Any] = field(default_factory=dict)
    for_each: JsonValue = None  # a map, a list, or a path to one; None: it stands for itself
    depends_on: tuple[str, ...] = ()
    protect: bool | str = False  # or a path to a boolean
    on_remove: OnRemove = OnRemove.delete
    ignore_changes: tuple[str, ...] = ()
    timeouts: dict[Verb, timedelta] = field(default_factory=dict)
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document. `tree` is what it was read from, for the places of things."""

    stack: str
    owner: str
    environment: str
    defaults: Defaults
    tree: Node = field(compare=False, repr=False)
    version: int = VERSION
    parameters: dict[str, Parameter] = field(default_factory=dict)
    scopes: dict[str, Place] = field(default_factory=dict)
    data: dict[str, Data] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

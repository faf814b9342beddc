"""The nouns every other module speaks in: what a person writes, what history remembers, and where a thing lives.

Nothing here decides or does anything; see `plan` for decisions and `resource` for what a kind promises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    JsonValue,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import ErrorDetails, core_schema

from holdfast.secret import Secret
from holdfast.values import Unknown, has_opaque, is_opaque, mark, thaw, weave

__all__ = [
    "KEY",
    "KIND",
    "NAME",
    "STACK",
    "Address",
    "JsonValue",
    "Owner",
    "Scope",
    "Spec",
    "Wire",
    "takes_map",
]

STACK = r"[a-z][a-z0-9-]{0,39}"
KIND = r"[a-z][a-z0-9]*\.[a-z][a-z0-9_]*"
NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,62}"
KEY = r"[A-Za-z0-9_.-]+"
_ADDRESS = re.compile(rf"(?P<stack>{STACK})/(?P<kind>{KIND})/(?P<name>{NAME}(?:\[{KEY}\])?)")


class Status(StrEnum):
    """What a resource is, whatever the cloud calls it."""

    absent = "absent"
    pending = "pending"
    ready = "ready"
    deleting = "deleting"
    failed = "failed"


class Wire(BaseModel):
    """What history remembers: frozen, and forgiving of fields it does not know yet.

    A field of a newer release passes through an older worker untouched. A `Wire` therefore grows only by optional
    fields; renaming or removing one breaks somebody's running work.
    """

    model_config = ConfigDict(frozen=True, extra="allow")


class Spec(BaseModel):
    """What a person writes: unknown fields are errors, and any field may still be an `Unknown` while planning.

    Lists and maps may hold unknown members beside known ones; the known ones are validated at once, the others when
    their value arrives. Anything that holds an unknown deeper than its model reaches stays as it is until then.
    A field that takes text takes a `Secret` as well. A spec that is handed to a kind's `create` or `update` holds no
    `Unknown` any more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="wrap")
    @classmethod
    def _let_unknown_pass(
        cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:  # the door of pydantic
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Secret):
            if not _takes_text(cls.model_fields[info.field_name or ""].annotation):
                raise ValueError("a secret is text, and this field does not take text")
            return value
        if not has_opaque(value):
            return handler(value)
        try:
            return weave(value, handler)
        except ValidationError as wrong:
            if all(_waits(error, value) for error in wrong.errors(include_url=False)):
                return value
            raise

    def plain(self) -> dict[str, Any]:
        """The spec as plain JSON values, every field with its default, `Unknown` where a value is not known yet."""
        plain: dict[str, Any] = thaw(self.model_dump(mode="json", warnings=False, fallback=mark))
        return plain


def _takes_text(annotation: Any) -> bool:
    """Whether a field's type has room for a string somewhere at its top: `str`, `str | None`, `Annotated[str, …]`."""
    if annotation is Any or annotation is JsonValue:
        return True
    annotation = getattr(annotation, "__value__", annotation)  # `type X = …`
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, str)
    if get_origin(annotation) in {Union, UnionType, Annotated}:
        return any(_takes_text(part) for part in get_args(annotation))
    return False


def takes_map(spec: type[Spec], field: str) -> bool:
    """Whether a spec has a field of that name, and it takes a map: `dict[…]`, `dict[…] | None`."""
    return field in spec.model_fields and _takes_map(spec.model_fields[field].annotation)


def _takes_map(annotation: Any) -> bool:
    annotation = getattr(annotation, "__value__", annotation)  # `type X = …`
    if get_origin(annotation) in {Union, UnionType, Annotated}:
        return any(_takes_map(part) for part in get_args(annotation))
    return annotation is dict or get_origin(annotation) is dict


def _waits(error: ErrorDetails, value: Any) -> bool:
    """Whether a complaint is only about what is not known yet: a member deep down, or a list counted without it."""
    if is_opaque(error["input"]) and error["type"] != "value_error":
        return True
    counted = error["type"] == "too_short" and not error["loc"]
    return counted and len(value) >= error["ctx"]["min_length"]


@dataclass(frozen=True, slots=True)
class _Written:
    """A value that is written as one string on the wire, and parsed from it."""

    @classmethod
    def parse(cls, text: str) -> Self:
        raise NotImplementedError(cls.__name__)  # an abstract seam: Address, Scope and Owner below each fill it

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        from_text = core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.to_string_ser_schema(),
        )


@dataclass(frozen=True, slots=True, order=True)
class Address(_Written):
    """The name of one resource in one installation, written `shop/aws.vpc/main` or `shop/aws.subnet/app[a]`."""

    stack: str
    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as it is written. Raises `ValueError` naming the expected form."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError(f"not an address: {text!r} (expected STACK/KIND/NAME, as in shop/aws.vpc/main)")
        return cls(match["stack"], match["kind"], match["name"])

    def __str__(self) -> str:
        return f"{self.stack}/{self.kind}/{self.name}"

    @property
    def cloud(self) -> str:
        """The first half of the kind: `aws` of `aws.vpc`."""
        return self.kind.partition(".")[0]

    @property
    def base(self) -> str:
        """The name without its `for_each` key: `app` of `app[a]`."""
        return self.name.partition("[")[0]

    @property
    def key(self) -> str | None:
        """The `for_each` key: `a` of `app[a]`."""
        return self.name.partition("[")[2].removesuffix("]") or None


@dataclass(frozen=True, slots=True, order=True)
class Scope(_Written):
    """Where an action lands, whose credentials it needs and which queue it takes: `aws/123456789012/eu-west-1`."""

    cloud: str
    account: str
    region: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a scope as it is written. Raises `ValueError` naming the expected form."""
        parts = text.split("/")
        if len(parts) != len(fields(cls)) or not all(parts):
            raise ValueError(f"not a scope: {text!r} (expected CLOUD/ACCOUNT/REGION, as in aws/123456789012/eu-west-1)")
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.cloud}/{self.account}/{self.region}"


@dataclass(frozen=True, slots=True, order=True)
class Owner(_Written):
    """Who a resource belongs to, as the cloud remembers it. Installations keep two Holdfasts on one account apart."""

    installation: str
    stack: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an owner as it is written. Raises `ValueError` naming the expected form."""
        installation, slash, stack = text.partition("/")
        if not (installation and slash and stack):
            raise ValueError(f"not an owner: {text!r} (expected INSTALLATION/STACK)")
        return cls(installation, stack)

    def __str__(self) -> str:
        return f"{self.installation}/{self.stack}"

"""Puts values where paths stand: parameters and keys at once, outputs as `Unknown`s that name what they wait for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from holdfast.catalog import Catalog
from holdfast.document.fields import REFERENCE
from holdfast.document.nodes import Node, dotted
from holdfast.document.parameters import HOLE, MARKS
from holdfast.document.problems import Problems, show
from holdfast.document.reading import RESERVED
from holdfast.document.references import EACH_KEYS, Malformed, Path, split
from holdfast.document.shape import Data, Resource
from holdfast.model import STACK, Address
from holdfast.resource import Output
from holdfast.values import Unknown, pointers

EVERYTHING = frozenset({*RESERVED, "resources"})
NOTHING_YET = frozenset({"parameters"})  # before anything is looked up or made
_MEANT = 5  # names listed in a letter


class Each(NamedTuple):
    """The key and the value that one of several resources stands for."""

    key: str
    value: Any


class Astray(Exception):
    """A path that leads nowhere; caught where its place is known."""

    def __init__(self, message: str, seen: str, among: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.seen = seen
        self.among = among


@dataclass(slots=True)
class Trail:
    """What a value was filled with: the resources it stands on, the stacks it reads, and whether it must be hidden."""

    addresses: dict[Address, None] = field(default_factory=dict)
    stacks: dict[str, None] = field(default_factory=dict)
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """Everything a path may lead to. `keys` has those of each resource with `for_each`; None where they are unknown."""

    stack: str
    catalog: Catalog
    parameters: Mapping[str, Any]
    sensitive: frozenset[str]
    resources: Mapping[str, Resource]
    keys: Mapping[str, Mapping[str, Any] | None]
    data: Mapping[str, Data]

    def addresses(self, name: str, each: Each | None = None) -> list[Address]:
        """The resources that a name such as `app` or `app[a]` means: several, when it has keys and none is named.

        Raises `Astray`.
        """
        base, bracket, key = name.partition("[")
        return self.instances(base, key.removesuffix("]") if bracket else None, each)

    def instances(self, base: str, key: str | None, each: Each | None) -> list[Address]:
        """The same, of a name in its parts. Empty where a problem that was found before hides them."""
        resource = self.resources.get(base)
        if resource is None:
            raise Astray("there is no such resource", base, self.resources)
        if base not in self.keys:
            if key is not None:
                raise Astray(f"{base} has no for_each, so it has no keys", f"{base}[{key}]", [base])
            return [Address(self.stack, resource.kind, base)] if resource.kind else []
        keys = self.keys[base]
        if keys is None or not resource.kind:
            return []
        if key in EACH_KEYS:
            key = _each_key(key, each)
        if key is None:
            return [Address(self.stack, resource.kind, f"{base}[{k}]") for k in keys]
        if key not in keys:
            raise Astray(f"{base} has no such key", f"{base}[{key}]", [f"{base}[{k}]" for k in keys])
        return [Address(self.stack, resource.kind, f"{base}[{key}]")]


class Filling:
    """Fills the values of one place in the document. `heads` says which sorts of paths may stand there."""

    def __init__(
        self,
        names: Names,
        problems: Problems,
        heads: frozenset[str] = EVERYTHING,
        each: Each | None = None,
    ) -> None:
        self.names = names
        self.problems = problems
        self.heads = heads
        self.each = each
        self.trail = Trail()

    def fill(self, node: Node, path: str) -> Any:
        """The value of a node with every path in it replaced; `HOLE` where a path leads nowhere, which is noted."""
        value = node.value
        if isinstance(value, str):
            return self._text(value, node, path) if REFERENCE in value else value
        if isinstance(value, dict):
            own = [key for key in MARKS if key in value]
            for key in own:
                self.problems.add(value[key].key, path, "this key is Holdfast's own", seen=key)
            if own:
                return HOLE
            return {k: self.fill(v, dotted(path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [self.fill(v, dotted(path, i)) for i, v in enumerate(value)]
        return value

    def _text(self, text: str, node: Node, path: str) -> Any:
        try:
            parts = split(text)
            values = [p if isinstance(p, str) else self._follow(p) for p in parts]
            if len(values) == 1:
                return values[0]
            return _join(values, parts)
        except Malformed as wrong:
            self.problems.add(node.where, path, str(wrong), seen=wrong.seen, nearest=wrong.nearest)
        except Astray as astray:
            self.problems.add(node.where, path, str(astray), seen=astray.seen, among=astray.among)
        return HOLE

    def _follow(self, path: Path) -> Any:
        head = path.head if path.head in RESERVED else "resources"
        if head not in self.heads:
            raise Astray(f"{_HEADS[head]} cannot be used here: it is not known before planning", f"${{{path}}}")
        if head in RESERVED and path.key is not None:
            raise Astray(f"`{path.head}` has no keys", f"${{{path}}}")
        match head:
            case "parameters":
                return self._parameter(path)
            case "each":
                return self._each(path)
            case "data":
                return self._data(path)
            case "stack":
                return self._stack(path)
            case _:
                return self._resource(path)

    def _parameter(self, path: Path) -> Any:
        if not path.rest:
            raise Astray("name a parameter: ${parameters.…}", f"${{{path}}}")
        name, *deeper = path.rest
        if name not in self.names.parameters:
            raise Astray("there is no such parameter", name, self.names.parameters)
        self.trail.sensitive |= name in self.names.sensitive
        return _descend(self.names.parameters[name], deeper, f"parameters.{name}")

    def _each(self, path: Path) -> Any:
        if self.each is None:
            raise Astray("`each` has a meaning only beside for_each", f"${{{path}}}")
        if path.rest == ("key",):
            return self.each.key
        if path.rest[:1] == ("value",):
            return _descend(self.each.value, path.rest[1:], "each.value")
        raise Astray("only each.key and each.value can be used", str(path), EACH_KEYS)

    def _data(self, path: Path) -> Any:
        match path.rest:
            case (name, output, *_):
                pass
            case _:
                raise Astray("name an output of a look-up: ${data.linux.id}", f"${{{path}}}")
        data = self.names.data.get(name)
        if data is None:
            raise Astray("there is no such look-up under `data`", name, self.names.data)
        if not self.names.catalog.looks_up(data.kind):
            return HOLE  # said already
        self._output(self.names.catalog.data(data.kind).outputs, output, data.kind)
        return Unknown.of(f"data.{name}", ".".join(path.rest[1:]))

    def _stack(self, path: Path) -> Any:
        match path.rest:
            case (stack, "outputs", _, *_):
                pass
            case _:
                raise Astray("name an output of another stack: ${stack.network.outputs.vpc}", f"${{{path}}}")
        if re.fullmatch(STACK, stack) is None:
            raise Astray("this is not the name of a stack", stack)
        if stack == self.names.stack:
            raise Astray("a stack cannot wait for its own outputs", f"${{{path}}}")
        self.trail.stacks[stack] = None
        return Unknown.of(f"stack.{stack}", ".".join(path.rest[2:]))

    def _resource(self, path: Path) -> Any:
        found = self.names.instances(path.head, path.key, self.each)
        resource = self.names.resources[path.head]
        if resource.kind not in self.names.catalog:
            return HOLE  # said already
        outputs = self.names.catalog[resource.kind].outputs
        if path.head in self.names.keys and path.key is None:
            keys = list(self.names.keys[path.head] or ())
            first = [f"{path.head}[{key}]" for key in keys[:_MEANT]]
            more = ", …" if len(keys) > _MEANT else ""
            raise Astray(f"{path.head} has for_each: name one of {', '.join(first)}{more}", f"${{{path}}}")
        if not path.rest:
            raise Astray(f"name an output of {path.head}: {', '.join(sorted(outputs))}", f"${{{path}}}")
        self._output(outputs, path.rest[0], resource.kind)
        if not found:
            return HOLE
        self.trail.addresses[found[0]] = None
        return Unknown.of(found[0], ".".join(path.rest))

    def _output(self, outputs: Mapping[str, Output], name: str, kind: str) -> None:
        if name not in outputs:
            raise Astray(f"{kind} has no such output", name, outputs)
        self.trail.sensitive |= outputs[name].sensitive


_HEADS = {
    "resources": "what a resource gives",
    "parameters": "a parameter",
    "data": "what a look-up finds",
    "stack": "what another stack gives",
    "each": "`each`",
}


def _each_key(key: str, each: Each | None) -> str:
    if each is None:
        raise Astray("`each` has a meaning only beside for_each", key)
    value = each.key if key == "each.key" else each.value
    if not isinstance(value, str):
        raise Astray("a key is text", show(value))
    return value


def _descend(value: Any, steps: Iterable[str], so_far: str) -> Any:
    """A value deeper down in one that is known."""
    for step in steps:
        if value is HOLE:
            return HOLE
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            among = value if isinstance(value, dict) else ()
            raise Astray(f"{so_far} has no such member", step, among)
        so_far = f"{so_far}.{step}"
    return value


def _join(values: list[Any], parts: tuple[str | Path, ...]) -> Any:
    """One text of several pieces; an `Unknown` while one of them is."""
    if any(value is HOLE for value in values):
        return HOLE
    text = ""
    waits: list[str] = []
    for value, part in zip(values, parts, strict=True):
        match value:
            case Unknown():
                text += value.text
                waits += value.pointers
            case bool():
                text += "true" if value else "false"
            case str() | int() | float():
                text += str(value)
            case _:
                sort = {dict: "a map", list: "a list", type(None): "nothing"}
                raise Astray(f"{sort.get(type(value), 'a secret')} cannot be part of a text", f"${{{part}}}")
    if not waits:
        return text
    if list(pointers(Unknown(text))) != list(dict.fromkeys(waits)):
        raise Astray("text that looks like a pointer cannot stand beside a path", text)
    return Unknown(text)

"""From text to a Document, and from a Document to a Goal; all that is wrong is found before anything is said.

Nothing is looked up here: what only a cloud or another stack can say stays an `Unknown`, and is the planner's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pydantic import JsonValue

from holdfast.catalog import Catalog
from holdfast.desired import Goal, LookUp
from holdfast.document.entries import Entries
from holdfast.document.filling import EVERYTHING, NOTHING_YET, Filling, Names
from holdfast.document.moves import moves
from holdfast.document.nodes import dotted
from holdfast.document.parameters import HOLE, parameter_values
from holdfast.document.places import Places
from holdfast.document.problems import NO_SUCH_LOOK_UP, Problems
from holdfast.document.reading import ENVIRONMENT, read
from holdfast.document.shape import Data, Document
from holdfast.document.specs import check_spec
from holdfast.document.text import compose
from holdfast.document.unfolding import unfold

NO_VALUES: Mapping[str, JsonValue] = MappingProxyType({})
INSTALLATION = "holdfast"  # the default one
ASKED = frozenset({"parameters", "stack"})  # what a look-up may be filled with


def load(text: str, file: str) -> Document:
    """The document that a text says. Raises `InvalidDocument`, and nothing else, with all that is wrong with it."""
    problems = Problems()
    document = _document(text, file, problems)
    if document is None or problems:
        raise problems.error()
    return document


def bind(
    document: Document,
    catalog: Catalog,
    parameters: Mapping[str, JsonValue] = NO_VALUES,
    installation: str = INSTALLATION,
) -> Goal:
    """What the document asks for, with these values. Raises `InvalidDocument` with all that is wrong with it.

    The installation is part of the marks that must find room beside what a person wrote.
    """
    problems = Problems()
    goal = _Binding(document, catalog, parameters, problems, installation).goal()
    if problems:
        raise problems.error()
    return goal


def bind_text(
    text: str,
    file: str,
    catalog: Catalog,
    parameters: Mapping[str, JsonValue] = NO_VALUES,
    installation: str = INSTALLATION,
) -> Goal:
    """`load` and `bind` in one, which tells the problems of both together."""
    problems = Problems()
    document = _document(text, file, problems)
    if document is None:
        raise problems.error()
    goal = _Binding(document, catalog, parameters, problems, installation).goal()
    if problems:
        raise problems.error()
    return goal


def _document(text: str, file: str, problems: Problems) -> Document | None:
    tree = compose(text, file, problems)
    if tree is None:
        return None
    document = read(tree, problems)
    return document if isinstance(tree.value, dict) else None


class _Binding:
    """One document being bound. Its parts note what is wrong and go on."""

    def __init__(
        self,
        document: Document,
        catalog: Catalog,
        given: Mapping[str, JsonValue],
        problems: Problems,
        installation: str,
    ) -> None:
        self.document = document
        self.installation = installation
        self.catalog = catalog
        self.problems = problems
        self.uses: dict[str, None] = {}
        names = Names(
            stack=document.stack,
            catalog=catalog,
            parameters=parameter_values(document, given, problems),
            sensitive=frozenset(name for name, p in document.parameters.items() if p.sensitive),
            resources=document.resources,
            keys={},
            data=document.data,
        )
        known = Filling(names, problems, NOTHING_YET)
        keys = {
            name: unfold(name, resource, known)
            for name, resource in document.resources.items()
            if resource.node.child("for_each") is not None
        }
        self.names = replace(names, keys=keys)
        self.known = Filling(self.names, problems, NOTHING_YET)
        self.places = Places(document, self.known, catalog)

    def goal(self) -> Goal:
        entries = Entries(self.document, self.names, self.places, self.problems, self.installation)
        resources = entries.bound()
        self.uses |= entries.uses
        found = (self._look_up(*entry) for entry in self.document.data.items())
        data = tuple(look_up for look_up in found if look_up is not None)
        outputs, sensitive = self._outputs()
        like = "a name such as dev, staging or prod"
        return Goal(
            stack=self.document.stack,
            owner=self._top("owner", ".+", "the name of an owner"),
            environment=self._top("environment", ENVIRONMENT, like),
            resources=resources,
            data=data,
            moved=moves(self.document, self.names, self.problems),
            outputs=outputs,
            sensitive_outputs=sensitive,
            uses=tuple(self.uses),
        )

    def _top(self, name: str, form: str, like: str) -> str:
        """One of the texts at the top, which may come from a parameter."""
        node = self.document.tree.child(name)
        if node is None or not isinstance(node.value, str):
            return ""  # said already
        value = self.known.fill(node, name)
        if value is HOLE:
            return ""
        if isinstance(value, str) and re.fullmatch(form, value, re.DOTALL):
            return value
        self.problems.add(node.where, name, f"{like} is expected here", seen=node.shown)
        return ""

    def _look_up(self, name: str, data: Data) -> LookUp | None:
        path = f"data.{name}"
        known = self.catalog.looks_up(data.kind)
        if data.kind and not known:
            where, at = (data.node.child("kind") or data.node).where, f"{path}.kind"
            if data.kind in self.catalog:
                self.problems.add(where, at, f"{data.kind} is built: write it under `resources:`")
            else:
                words, among = NO_SUCH_LOOK_UP, self.catalog.data_kinds
                self.problems.add(where, at, words, seen=data.kind, among=among)
        filling = Filling(self.names, self.problems, ASKED)
        scope = self.places.of(data, path, self.known)
        node = data.node.child("filter")
        usable = node is not None and isinstance(node.value, dict)
        filled: dict[str, Any] = filling.fill(node, f"{path}.filter") if node and usable else {}
        self.uses |= filling.trail.stacks
        if not known:
            return None
        model = self.catalog.data(data.kind).filter
        spec = check_spec(model, filled, node or data.node, f"{path}.filter", self.problems)
        if spec is None or scope is None:
            return None
        return LookUp(name, data.kind, scope, spec.plain(), data.node.key)

    def _outputs(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        outputs: dict[str, Any] = {}
        sensitive = []
        for name in self.document.outputs:
            node = self.document.tree.member("outputs").member(name)
            filling = Filling(self.names, self.problems, EVERYTHING)
            outputs[name] = filling.fill(node, dotted("outputs", name))
            self.uses |= filling.trail.stacks
            if filling.trail.sensitive:
                sensitive.append(name)
        return outputs, tuple(sensitive)

"""Which scope each entry lands in, and whether its kind can stand there."""

from __future__ import annotations

import re

from holdfast.catalog import Catalog
from holdfast.document.filling import Filling
from holdfast.document.nodes import Node
from holdfast.document.parameters import HOLE
from holdfast.document.problems import Problems, show
from holdfast.document.reading import PART
from holdfast.document.shape import Data, Document, Resource
from holdfast.model import Scope

_LOWER = r"[a-z0-9-]+", "a region is named in lower case letters, digits and -"

# By cloud and field: the form, and what it is in words. A cloud that is not here brings forms of its own.
# Sources: docs.aws.amazon.com/accounts (account identifiers), cloud.google.com/resource-manager (creating projects; the
# domain stands before the ids of old ones), learn.microsoft.com/azure/azure-portal (subscription ids).
FORMS: dict[tuple[str, str], tuple[str, str]] = {
    ("aws", "account"): (r"[0-9]{12}", "an account of AWS is twelve digits, in quotes"),
    ("gcp", "account"): (
        r"([a-z0-9-]+(\.[a-z0-9-]+)+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "an account of Google's is the id of a project: 6 to 30 lower case letters, digits and -",
    ),
    ("azure", "account"): (
        r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
        "an account of Azure is the id of a subscription, as in 00000000-0000-0000-0000-000000000001",
    ),
    **{(cloud, "region"): _LOWER for cloud in ("aws", "gcp", "azure")},
}


class Places:
    """The scopes of a document by their names; None stands for one with a problem."""

    def __init__(self, document: Document, filling: Filling, catalog: Catalog) -> None:
        self._problems: Problems = filling.problems
        self._default = document.defaults
        self._clouds = catalog.clouds
        self._scopes: dict[str, Scope | None] = {
            name: self._scope(name, place.cloud, place.node, filling) for name, place in document.scopes.items()
        }
        if self._default.scope is not None and self._default.scope not in self._scopes:
            node = self._default.node.child("scope") or self._default.node
            self._missing(node, "defaults.scope", self._default.scope)

    def of(self, entry: Resource | Data, path: str, filling: Filling) -> Scope | None:
        """The scope of an entry; None when it has none that will do, which has been noted."""
        node = entry.node.child("scope")
        if node is None:
            name: object = self._default.scope
            if name is None:
                self._problems.add(
                    entry.node.key,
                    path,
                    "`scope` is missing, and there is no defaults.scope",
                    nearest=self._fitting(entry.kind),
                )
                return None
        else:
            name = filling.fill(node, f"{path}.scope")
        if name is HOLE:
            return None
        if not isinstance(name, str) or name not in self._scopes:
            if node is not None:
                self._missing(node, f"{path}.scope", show(name))
            return None
        scope = self._scopes[name]
        cloud = entry.kind.partition(".")[0]
        if scope is not None and cloud and scope.cloud != cloud and scope.cloud in self._clouds:
            kind = entry.node.child("kind") or entry.node
            self._problems.add(
                (node or kind).where,
                f"{path}.scope",
                f"{entry.kind} cannot stand in {name}, which is a scope of {scope.cloud}",
                nearest=self._fitting(entry.kind),
            )
        return scope

    def _fitting(self, kind: str) -> str | None:
        """A scope that the kind could stand in."""
        cloud = kind.partition(".")[0]
        fitting = [n for n, s in self._scopes.items() if s is not None and s.cloud == cloud]
        return fitting[0] if fitting else None

    def _missing(self, node: Node, path: str, seen: str) -> None:
        self._problems.add(node.where, path, "there is no such scope", seen=seen, among=self._scopes)

    def _scope(self, name: str, cloud: str, node: Node, filling: Filling) -> Scope | None:
        path = f"scopes.{name}"
        at = node.child("cloud")
        if at is not None and cloud and cloud not in self._clouds:
            self._problems.add(
                at.where, f"{path}.cloud", "no kind of this cloud is known", seen=cloud, among=self._clouds
            )
        account, region = (self._part(node, path, cloud, part, filling) for part in ("account", "region"))
        if not (cloud and account and region):
            return None
        return Scope(cloud, account, region)

    def _part(self, node: Node, path: str, cloud: str, name: str, filling: Filling) -> str | None:
        """The account or the region, which may come from a parameter, in the form that its cloud gives it."""
        member = node.child(name)
        if member is None or not isinstance(member.value, str):
            return None  # said already
        value = filling.fill(member, f"{path}.{name}")
        if value is HOLE:
            return None
        if not isinstance(value, str) or not re.fullmatch(PART, value):
            if value is not member.value:  # what was written outright has been looked at before
                words = "a name of letters, digits, - and . is expected here"
                self._problems.add(member.where, f"{path}.{name}", words, seen=show(value))
            return None
        form, words = FORMS.get((cloud, name), (PART, ""))
        if not re.fullmatch(form, value):
            self._problems.add(member.where, f"{path}.{name}", words, seen=show(value))
            return None
        return value

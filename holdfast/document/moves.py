"""Renames: which address a resource had before, so that it is not taken for another one."""

from __future__ import annotations

from holdfast.document.filling import Astray, Names
from holdfast.document.nodes import Node
from holdfast.document.problems import Problems
from holdfast.document.shape import Document
from holdfast.model import Address


def moves(document: Document, names: Names, problems: Problems) -> dict[Address, Address]:
    """Old address -> new. `{old: app}` moves every key of `app`. The kind stays: another kind is another resource."""
    found: dict[Address, Address] = {}
    taken: dict[Address, str] = {}
    for old, new in document.moved.items():
        node = document.tree.member("moved").member(old)
        path = f"moved.{old}"
        if _stands(old, names):
            problems.add(node.key, path, "the old name is still the name of a resource", seen=old)
            continue
        try:
            targets = names.addresses(new)
        except Astray as astray:
            problems.add(node.where, path, str(astray), seen=astray.seen, among=astray.among)
            continue
        for target in targets:
            if target in taken:
                problems.add(
                    node.where,
                    path,
                    f"{target.name} is what {taken[target]} becomes already",
                    seen=new,
                )
                continue
            before = _before(old, new, target, node, path, problems)
            if before is not None:
                taken[target] = old
                found[before] = target
    return found


def _stands(old: str, names: Names) -> bool:
    """Whether a name is still that of a resource, or of one of its keys."""
    base, bracket, key = old.partition("[")
    if base not in names.resources:
        return False
    keys = names.keys.get(base)
    if bracket:
        return keys is not None and key.removesuffix("]") in keys
    return base not in names.keys  # `app` may well become `app[a]`


def _before(old: str, new: str, target: Address, node: Node, path: str, problems: Problems) -> Address | None:
    """The address that `target` had."""
    if target.key is None or "[" in new:
        return Address(target.stack, target.kind, old)
    if "[" in old:
        problems.add(
            node.where,
            path,
            f"{new} has for_each: name the one that {old} becomes",
            seen=new,
            nearest=target.name,
        )
        return None
    return Address(target.stack, target.kind, f"{old}[{target.key}]")

"""Which resources an entry with `for_each` stands for: the keys, and what each brings along."""

from __future__ import annotations

import re
from typing import Any

from holdfast.document.filling import Filling
from holdfast.document.nodes import Node
from holdfast.document.parameters import HOLE
from holdfast.document.problems import Problems, show
from holdfast.document.references import EACH_KEYS
from holdfast.document.shape import Resource
from holdfast.model import KEY

LONGEST_KEY = 64  # characters: it becomes part of an address, which clouds keep in a tag


def unfold(name: str, resource: Resource, filling: Filling) -> dict[str, Any] | None:
    """The keys with their values, in the document's order; in a list each key is its own value.

    None where they could not be made out, which has been noted.
    """
    node = resource.node.child("for_each")
    if node is None or resource.for_each is None:
        return None
    path = f"resources.{name}.for_each"
    value = filling.fill(node, path)
    if isinstance(value, dict):
        for key in value:
            _check(key, _place(node, key), path, filling.problems)
        return value
    if isinstance(value, list):
        return _from_list(value, node, path, filling.problems)
    if value is not HOLE:
        filling.problems.add(node.where, path, "a map or a list of keys is expected here", seen=show(value))
    return None


def _from_list(members: list[Any], node: Node, path: str, problems: Problems) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for index, key in enumerate(members):
        if key is HOLE:
            continue
        place = _place(node, index)
        if not isinstance(key, str):
            advice = "use a map, whose keys name them" if isinstance(key, dict | list) else "quote it"
            problems.add(place.where, path, f"a key is text: {advice}", seen=show(key))
        elif key in keys:
            problems.add(place.where, path, "this key is there already", seen=key)
        else:
            _check(key, place, path, problems)
            keys[key] = key
    return keys


def _check(key: str, node: Node, path: str, problems: Problems) -> None:
    if re.fullmatch(KEY, key) is None or len(key) > LONGEST_KEY:
        problems.add(
            node.key,
            path,
            f"a key is made of at most {LONGEST_KEY} letters, digits, _, - and .",
            seen=show(key),
        )
    elif key in EACH_KEYS:
        problems.add(node.key, path, "this key would be taken for what `each` stands for", seen=key)


def _place(node: Node, step: str | int) -> Node:
    """Where a member was written, or the path that brought it."""
    return node.child(step) or node

"""Keeps the cost of writing an answer down: the same names need not be worked out for every field of every thing.

Moto works out, for each field of each thing, under which names it may lie, and compares its path with every exception
it knows. Both depend on the description of the service alone, and are remembered here. No answer changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from localcloud.aws.models.calls import Calls, replaced

MISSING = object()
Keys = dict[tuple[Any, ...], tuple[str, ...]]
Transforms = dict[tuple[int, int, str], Callable[[Any], Any] | None]


def install(_: Calls) -> None:
    """See the module."""
    from moto.core import responses, utils
    from moto.core.serialize import AttributePicker

    names: Keys = {}
    exceptions: Transforms = {}
    value_of = utils.get_value

    def keys(picker: Any, context: Any) -> tuple[str, ...]:
        shape = context.shape
        parent = getattr(shape, "parent", None)
        asked = (
            type(picker),
            type(context.obj).__name__,
            context.service_model.service_name if context.service_model is not None else None,
            context.key,
            shape.name if shape is not None else None,
            shape.serialization.get("name") if shape is not None else None,
            parent.name if parent is not None else None,
        )
        if asked not in names:
            names[asked] = tuple(dict.fromkeys(picker.get_possible_keys(context)))
        return names[asked]

    def exception(known: dict[str, Any], path: str) -> Callable[[Any], Any] | None:
        asked = (id(known), len(known), path)  # the tables are attributes of classes: they stay, and only grow
        if asked not in exceptions:
            exceptions[asked] = next((change for end, change in known.items() if path.endswith(end)), None)
        return exceptions[asked]

    def pick(picker: Any, context: Any) -> Any:
        thing = context.obj
        if hasattr(thing, "Meta"):
            return slowly(picker, context)
        value = None
        for key in keys(picker, context):
            found = value_of(thing, key, MISSING)
            if found is not MISSING:
                value = found
                break
        known = picker.response_transformers
        change = exception(known, f"{context.key_path}.{context.key}") if known else None
        return change(value) if change else value

    slowly = replaced(AttributePicker, "__call__", pick)
    replaced(responses, "method_names_from_class", cache(utils.method_names_from_class))

"""What an update, an adoption and a letting go write into labels: keys to write, and with None those to remove.

A map like that is what Storage takes in a PATCH. Where a service takes all labels at once, `merged` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from activities.providers.gcp import labels
from holdfast.contract import TAG_PREFIX
from holdfast.plan import FieldChange
from holdfast.resource import Call

ABOUT = "your own, beside Holdfast's marks; what others have written stays"  # a spec's field of them

Writes: TypeAlias = dict[str, str | None]


def changed(changes: Sequence[FieldChange]) -> Writes:
    """The labels among an update's changes."""
    of_labels = ((c.path.partition(".")[2], c.after) for c in changes if c.path.partition(".")[0] == "labels")
    return {key: None if value is None else str(value) for key, value in of_labels}


def adopting(call: Call[Any], found: Mapping[str, str]) -> Writes:
    """Our marks, and the pieces of a longer name that an earlier mark may have left."""
    return {**disowning(found), **labels.marks(call)}


def disowning(found: Mapping[str, str]) -> Writes:
    """Every mark away."""
    return {key: None for key in found if key.startswith(TAG_PREFIX)}


def merged(found: Mapping[str, str], writes: Writes) -> dict[str, str]:
    """All labels, once they are written."""
    return {key: value for key, value in {**found, **writes}.items() if value is not None}

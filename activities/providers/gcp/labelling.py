r"""What an update, an adoption and a letting go write into labels: keys to write, and with None those to remove.

A map like that is what Storage takes in a PATCH. Where a service takes all labels at once, `merged` makes them.
`Labels` is a spec's field of them, within what Google takes.

Source: Resource Manager, "Requirements for labels": a key matches `[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}` and has
at most 128 bytes; a value is of the same alphabet, and may be empty; 64 labels a resource.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from activities.providers.gcp import labels
from holdfast.plan import FieldChange
from holdfast.resource import Call

MOST: Final = 64  # labels of a resource
OURS: Final = 8  # the most of them that are, unless a `for_each` has keys that long: a long name takes several
YOURS: Final = MOST - OURS
ABOUT = (  # a spec's field of them
    f"your own, beside Holdfast's marks, which are up to {OURS} of the {MOST} that Google lets a resource have; what "
    "others have written stays; of lower-case letters, digits, `_` and `-`"
)
LONGEST: Final = 63  # characters in a key or value
BYTES: Final = 128  # in UTF-8, of either
_LETTERS: Final = frozenset({"Ll", "Lo"})  # in Unicode: lower-case letters, and those of scripts without case
_DIGITS: Final = frozenset({"Nd", "Nl", "No"})


def _key(key: str) -> str:
    if key.startswith(labels.GOOGLES):
        raise ValueError(f"labels that begin with {labels.GOOGLES} are Google's own")
    if not _fits(key) or unicodedata.category(key[:1] or " ") not in _LETTERS:
        raise ValueError(
            f"a label's key begins with a lower-case letter, and is of those, digits, _ and -, at most {LONGEST}"
        )
    return key


def _value(value: str) -> str:
    if not _fits(value):
        raise ValueError(f"a label's value is of lower-case letters, digits, _ and -, at most {LONGEST}")
    return value


def _few(labels: Any) -> Any:
    if isinstance(labels, Mapping) and len(labels) > YOURS:
        raise ValueError(
            f"{len(labels)} labels; Google lets a resource have {MOST}, of which up to {OURS} are Holdfast's marks: "
            f"at most {YOURS} of your own"
        )
    return labels


def _fits(text: str) -> bool:
    known = all(c in "_-" or unicodedata.category(c) in _LETTERS | _DIGITS for c in text)
    return known and len(text) <= LONGEST and len(text.encode()) <= BYTES


Labels: TypeAlias = Annotated[
    dict[Annotated[str, AfterValidator(_key)], Annotated[str, AfterValidator(_value)]],
    Field(max_length=YOURS),  # of which the schema and the pages know
    BeforeValidator(_few),
]
Writes: TypeAlias = dict[str, str | None]


def changed(changes: Sequence[FieldChange]) -> Writes:
    """The labels among an update's changes."""
    of_labels = ((c.path.partition(".")[2], c.after) for c in changes if c.path.partition(".")[0] == "labels")
    return {key: None if value is None else str(value) for key, value in of_labels if not labels.ours(key)}


def adopting(call: Call[Any], found: Mapping[str, str]) -> Writes:
    """Our marks, and the pieces of a longer name that an earlier mark may have left."""
    return {**disowning(found), **labels.marks(call)}


def disowning(found: Mapping[str, str]) -> Writes:
    """Every mark away."""
    return {key: None for key in found if labels.ours(key)}


def merged(found: Mapping[str, str], writes: Writes) -> dict[str, str]:
    """All labels, once they are written."""
    return {key: value for key, value in {**found, **writes}.items() if value is not None}

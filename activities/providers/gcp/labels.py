"""Labels: our marks among them, and the person's own beside them.

A label's value holds at most 63 of: lower-case letters, digits, `_` and `-`. An installation and a stack are made of
those. A kind's dot is written `_`, which its cloud's name never holds. In a name `_` is the escape, so no two names are
written alike. What is longer than one value fills it, ends in `_9` there and goes on in `holdfast-name-2`, and so on.
A piece goes on where the next one stands: a name may end in `_9` too, and an escape may be cut in two.

| in a name | in the label |
|---|---|
| a lower-case letter, a digit, `-` | itself |
| `A` | `_a` |
| `_` | `__` |
| `.` | `_1` |
| `[`, and the `]` that ends the name | `_0`, and nothing |

Source: Compute Engine, "Label format"; Resource Manager, "Requirements for labels".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from holdfast.contract import TAG_PREFIX, TOKEN_TAG
from holdfast.model import Address, Owner
from holdfast.resource import Call, Search

INSTALLATION: Final = "holdfast-installation"
STACK: Final = "holdfast-stack"
KIND: Final = "holdfast-kind"
NAME: Final = "holdfast-name"
LONGEST: Final = 63  # characters in one value
GOOGLES: Final = "goog-"  # what the keys of Google's own begin with
_MORE: Final = "_9"  # the name goes on in the next label
_ESCAPED: Final = {"_": "__", ".": "_1", "[": "_0", "]": ""}
_READ: Final = {"__": "_", "_1": ".", "_0": "["}
_PART: Final = re.compile(r"_.?|[^_]")


def marks(call: Call[Any]) -> dict[str, str]:
    """The labels that say whose a resource is, and by which act."""
    return {**_owned(call.owner), **_addressed(call.address), TOKEN_TAG: call.token}


def marked(call: Call[Any]) -> dict[str, str]:
    """The labels a create carries: our marks, and those of the spec."""
    return {**asked(call), **marks(call)}


def asked(call: Call[Any]) -> dict[str, str]:
    """The labels of the spec alone, and none that would pass for a mark."""
    given: Mapping[str, str] = getattr(call.spec, "labels", None) or {}
    return {key: value for key, value in given.items() if not ours(key)}


def own(labels: Mapping[str, str]) -> dict[str, JsonValue]:
    """The person's labels: not ours, and not Google's own."""
    return {k: v for k, v in labels.items() if not ours(k) and not k.startswith(GOOGLES)}


def ours(key: str) -> bool:
    """Whether a label of this key is one of Holdfast's."""
    return key.startswith(TAG_PREFIX)


def seen(labels: Mapping[str, str]) -> dict[str, Any]:
    """What an observation says of labels: `owner`, `address` and `token`."""
    installation, stack = labels.get(INSTALLATION), labels.get(STACK)
    kind = labels.get(KIND, "").replace("_", ".", 1)
    name = read("".join(_chain(labels)))
    return {
        "owner": str(Owner(installation, stack)) if installation and stack else None,
        "address": str(Address(stack, kind, name)) if stack and kind and name else None,
        "token": labels.get(TOKEN_TAG),
    }


def wanted(search: Search) -> dict[str, str]:
    """The labels of whatever a search describes."""
    return {
        **(_owned(search.owner) if search.owner else {}),
        **(_addressed(search.address) if search.address else {}),
        **({TOKEN_TAG: search.token} if search.token else {}),
    }


def written(name: str) -> str:
    """A name as its label has it, of whatever length."""
    return "".join(f"_{c.lower()}" if c.isupper() else _ESCAPED.get(c, c) for c in name)


def read(value: str) -> str:
    """The inverse of `written`. What was not written by it comes out as something that is no name of ours."""
    parts = _PART.findall(value)
    name = "".join(_READ.get(p) or _letter(p) for p in parts)
    return f"{name}]" if "_0" in parts else name


def _letter(part: str) -> str:
    if part[0] != "_":
        return part
    return part[1].upper() if part[1:].isalpha() else "?"


def _owned(owner: Owner) -> dict[str, str]:
    return {INSTALLATION: owner.installation, STACK: owner.stack}


def _addressed(address: Address) -> dict[str, str]:
    value = written(address.name)
    pieces = []
    # What fills a label and ends in `_9` of its own takes a second one, for that: a longer name may begin with it, and
    # must not be found by it.
    while len(value) > LONGEST or _may_go_on(value):
        pieces.append(value[: LONGEST - len(_MORE)] + _MORE)
        value = value[LONGEST - len(_MORE) :]
    pieces.append(value)
    return {KIND: address.kind.replace(".", "_", 1), **{_key(n): piece for n, piece in enumerate(pieces, 1)}}


def _chain(labels: Mapping[str, str]) -> Iterator[str]:
    for number in itertools.count(1):
        piece = labels.get(_key(number), "")
        # Without the next one its `_9` is the name's: also one that fills a label was written so once.
        if not (_may_go_on(piece) and labels.get(_key(number + 1))):
            yield piece
            return
        yield piece.removesuffix(_MORE)


def _may_go_on(piece: str) -> bool:
    return len(piece) == LONGEST and piece.endswith(_MORE)


def _key(number: int) -> str:
    return NAME if number == 1 else f"{NAME}-{number}"

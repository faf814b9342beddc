"""Descriptions: where something has no tags, our marks stand at the end of its description, after a person's words.

`reads the shop's files [holdfast-owner=holdfast/shop holdfast-address=shop/azure.role_assignment/app holdfast-token=…]`

How long one may be, the reference does not say; we keep within what every service that does say takes.
Source: Azure RBAC REST, "Role Assignments - Create", `properties.description`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.errors import InvalidInput
from holdfast.resource import Call, Search

LONGEST: Final = 1024  # characters of a description, ours among them
WORDS: Final = 512  # of them, a person's: the rest is for our marks
_MARKS: Final = re.compile(
    rf" ?\[{OWNER_TAG}=(?P<owner>[^ ]+) {ADDRESS_TAG}=(?P<address>[^ ]+) {TOKEN_TAG}=(?P<token>[^ ]*)\]\Z"
)


def over(words: str, call: Call[Any]) -> str:
    """A person's words with our marks after them. Raises `InvalidInput` when an address is too long for both."""
    marks = " ".join(f"{tag}={mark}" for tag, mark in call.marks.items())
    whole = f"{words} [{marks}]" if words else f"[{marks}]"
    if len(whole) > LONGEST:
        raise InvalidInput(
            f"the description and our marks are {len(whole)} characters long, and Azure holds {LONGEST}",
            address=call.address,
            standing="nothing was touched",
            next="shorten the description, or the name, or the key of its for_each",
        )
    return whole


def again(words: str, description: str) -> str:
    """Other words before the marks that a description has, if it has any."""
    found = _MARKS.search(description)
    marks = found[0].removeprefix(" ") if found else ""
    return f"{words} {marks}" if words and marks else words or marks


def compared(words: Any) -> Any:
    """A description as it is compared: blanks around the words mean nothing."""
    return words.strip() if isinstance(words, str) else words


def own(description: str) -> str:
    """The person's words alone."""
    return _MARKS.sub("", description)


def seen(description: str) -> dict[str, Any]:
    """What an observation says of a description: `owner`, `address` and `token`."""
    found = _MARKS.search(description)
    marks = found.groupdict() if found else dict.fromkeys(("owner", "address", "token"))
    return {**marks, "token": marks["token"] or None}


def matches(search: Search, description: str) -> bool:
    """Whether what is described so is what a search means."""
    found = seen(description)
    wanted = {"owner": search.owner, "address": search.address, "token": search.token}
    return all(found[mark] == str(value) for mark, value in wanted.items() if value)

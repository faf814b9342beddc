"""Descriptions: where a resource has no labels, our marks stand at the end of its description, after a person's words.

`the shop's network [holdfast-owner=holdfast/shop holdfast-address=shop/gcp.network/main holdfast-token=…]`

Compute's lists filter by a regular expression over a whole field, in double quotes: the pattern below holds neither
quotes nor backslashes, since what our marks are made of needs none but for brackets, dots and plus signs, which stand
in classes of their own.

Source: Compute Engine API, `filter` of every list: `field eq regex`, RE2 syntax.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.resource import Call, Search

LONGEST: Final = 2048  # characters of a description, ours among them
_MARKS: Final = re.compile(
    rf" ?\[{OWNER_TAG}=(?P<owner>[^ ]+) {ADDRESS_TAG}=(?P<address>[^ ]+) {TOKEN_TAG}=(?P<token>[^ ]*)\]\Z"
)


def marked(call: Call[Any]) -> str:
    """The description a create carries: the spec's, and our marks."""
    return over(getattr(call.spec, "description", None) or "", call)


def over(words: str, call: Call[Any]) -> str:
    """A person's words with our marks after them."""
    return beside(words, call.marks)


def beside(words: str, marks: Mapping[str, str]) -> str:
    """A person's words with these marks after them."""
    said = " ".join(f"{tag}={mark}" for tag, mark in marks.items())
    return f"{words} [{said}]" if words else f"[{said}]"


def reworded(words: str, description: str) -> str:
    """Other words before the marks that a description has, if it has any."""
    marks = description.removeprefix(own(description)).removeprefix(" ")
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


def wanted(search: Search) -> str | None:
    """The filter of a list for what a search describes; None when it describes everything."""
    if search.owner is None and search.address is None and search.token is None:
        return None
    marks = ((OWNER_TAG, search.owner), (ADDRESS_TAG, search.address), (TOKEN_TAG, search.token))
    pattern = " ".join(f"{tag}={'.*' if mark is None else _literal(str(mark))}" for tag, mark in marks)
    return f'description eq "(?s).*[[]{pattern}[]]"'


def _literal(text: str) -> str:
    return re.sub(r"[\[\].+]", lambda found: f"[{found[0]}]", text)

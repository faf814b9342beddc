"""Refuses the tags that ARM refuses, of whatever type they are: too many, too long, or of characters that it keeps.

Not here: what ARM says of two names that differ in case alone, and of names that begin with `azure`, `microsoft` or
`windows`. The reference reserves those where names are predefined for a subscription, and no answer is recorded.

Sources: Azure Resource Manager, "Use tags to organize your Azure resources", limitations; the codes and words as Azure
PowerShell's Az.Migrate repeats them before it asks, and as coreos/tectonic-installer, issue 596, was answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.azure.answers import No

MOST, NAME, VALUE = 50, 512, 256  # tags, and characters of each
NAME_OF_STORAGE = 128
KEPT = frozenset("<>%&\\?/")
LINKS = ("hidden", "link")  # Azure's own tags that lead from one resource to another hold an id
STORAGE = "Microsoft.Storage/storageAccounts"
EMPTY = "The tag name must be non-null, non-empty and non-whitespace only. Please provide an actual value."


def check(tags: Mapping[str, Any], type_: str) -> None:
    """Raises `No` for tags that a resource of this type cannot have."""
    longest = NAME_OF_STORAGE if type_ == STORAGE else NAME
    if len(tags) > MOST:
        words = f"Requested tag count - '{len(tags)}'. Maximum number of tags allowed - '{MOST}'."
        raise No("InvalidTags", f"Too many tags specified. {words}", 400)
    if any(not name.strip() for name in tags):
        raise No("InvalidTagName", EMPTY, 400)
    if long := [name for name in tags if len(name) > longest]:
        raise No("InvalidTagName", _long("key", "name", long, longest), 400)
    if odd := [name for name in tags if _is_odd(name)]:
        words = f"The tag names '{', '.join(odd)}' have reserved characters '<,>,%,&,\\,?,/' or control characters."
        only = "These characters are only allowed for tags that start with the prefix 'hidden, link'."
        raise No("InvalidTagNameCharacters", f"{words} {only}", 400)
    if long := [text for text in tags.values() if isinstance(text, str) and len(text) > VALUE]:
        raise No("InvalidTagValueLength", _long("value", "value", long, VALUE), 400)


def _is_odd(name: str) -> bool:
    if any(not c.isprintable() and not c.isspace() for c in name) or any(c in "\t\r\n" for c in name):
        return True
    return bool(KEPT & set(name)) and not name.lower().startswith(LINKS)


def _long(what: str, part: str, which: list[str], most: int) -> str:
    words = f"Following tag {part} '{', '.join(which)}' exceeded the maximum length."
    return f"Tag {what} too large. {words} Maximum allowed length for tag {part} - '{most}' characters."

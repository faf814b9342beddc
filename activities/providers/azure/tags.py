r"""Tags: our marks among them, and the person's own beside them.

A tag's value may hold any character, so marks are written as they are. A tag's name is compared without regard to
case, and some services give it back in another: whatever is read here is read in any. At most 50 tags a resource, a
name of 512 characters (of a storage account 128) and without `<>%&\?/`, a value of 256.

Most of ARM replaces all tags at once. The tags of anything are changed one by one at `path(id)`, by a PATCH that merges
or deletes, and leaves the others as they are:

    visit.client("resource").patch(tags.path(id), tags.merging(tags.marks(call)))

Sources: Azure Resource Manager, "Use tags to organize your Azure resources", limitations; REST, "Tags: Update At
Scope"; of names that begin with `hidden` or `link`, Azure PowerShell's Az.Migrate, `InvalidTagNameCharacters`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, Field, JsonValue

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TAG_PREFIX, TOKEN_TAG
from holdfast.errors import InvalidInput
from holdfast.plan import FieldChange
from holdfast.resource import Call, Search

ABOUT = "your own, beside Holdfast's marks; what others have written stays"  # a spec's field of them
MARKS = (OWNER_TAG, ADDRESS_TAG, TOKEN_TAG)
LONGEST: Final = 256  # characters in a value
NAME: Final = 512  # characters in a name
NAME_OF_STORAGE: Final = 128  # characters in a name, of a storage account
MOST: Final = 50  # tags of a resource
OURS: Final = 4  # the most of them that are: the three marks, and what a key vault is told when it is taken back
FORBIDDEN: Final = frozenset("<>%&\\?/")  # in a name
LINKS: Final = ("hidden", "link")  # of names that may hold even those: `hidden-link:/subscriptions/…`


def _name(name: str) -> str:
    if not 0 < len(name) <= NAME:
        raise ValueError(f"a tag's name is 1 to {NAME} characters long")
    if not name.strip():
        raise ValueError("a tag's name is more than blanks")
    if FORBIDDEN & set(name) and not name.lower().startswith(LINKS):
        raise ValueError(f"a tag's name holds none of {' '.join(sorted(FORBIDDEN))}")
    return name


def _short(name: str) -> str:
    if len(name) > NAME_OF_STORAGE:
        raise ValueError(f"the name of a storage account's tag is at most {NAME_OF_STORAGE} characters long")
    return name


def _value(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"a tag's value is at most {LONGEST} characters long")
    return text


def _told_apart(tags: dict[str, str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for name in tags:
        if (other := said.setdefault(name.lower(), name)) != name:
            raise ValueError(f"{other} and {name} are one tag: Azure does not tell case in their names")
    return tags


_Name: TypeAlias = Annotated[str, AfterValidator(_name)]
_Value: TypeAlias = Annotated[str, AfterValidator(_value)]
Tags: TypeAlias = Annotated[dict[_Name, _Value], Field(max_length=MOST - OURS), AfterValidator(_told_apart)]
StorageTags: TypeAlias = Annotated[
    dict[Annotated[_Name, AfterValidator(_short)], _Value], Field(max_length=MOST - OURS), AfterValidator(_told_apart)
]


def marked(call: Call[Any]) -> dict[str, str]:
    """The tags a create carries: our marks, and those of the spec. Raises `InvalidInput`."""
    mine = getattr(call.spec, "tags", None) or {}
    return {**{name: value for name, value in mine.items() if not ours(name)}, **marks(call)}


def marks(call: Call[Any]) -> dict[str, str]:
    """Our marks alone. Raises `InvalidInput` for an address that does not fit a tag: its key may be of any length."""
    address = str(call.address)
    if len(address) > LONGEST:
        raise InvalidInput(
            f"the address is {len(address)} characters long, and a tag of Azure's holds {LONGEST}",
            address=call.address,
            standing="nothing was touched",
            next="shorten the name, or the key of its for_each",
        )
    return call.marks


def seen(tags: Mapping[str, str] | None) -> dict[str, Any]:
    """What an observation says of tags: `owner`, `address` and `token`. An empty one says nothing."""
    low = {name.lower(): value for name, value in (tags or {}).items()}
    return {
        "owner": low.get(OWNER_TAG) or None,
        "address": low.get(ADDRESS_TAG) or None,
        "token": low.get(TOKEN_TAG) or None,
    }


def own(tags: Mapping[str, str] | None) -> dict[str, JsonValue]:
    """The person's tags, and those that Azure and others wrote: all but ours."""
    return {name: value for name, value in (tags or {}).items() if not ours(name)}


def ours(name: str) -> bool:
    """Whether a tag of this name is one of Holdfast's."""
    return name.lower().startswith(TAG_PREFIX)


def changed(changes: Sequence[FieldChange]) -> tuple[dict[str, str], list[str]]:
    """The tags to write, and those to remove, among an update's changes."""
    of_tags = [(c.path.partition(".")[2], c.after) for c in changes if c.path.partition(".")[0] == "tags"]
    of_tags = [(name, value) for name, value in of_tags if not ours(name)]
    return {k: str(v) for k, v in of_tags if v is not None}, [k for k, v in of_tags if v is None]


def matches(search: Search, tags: Mapping[str, str] | None) -> bool:
    """Whether what carries these tags is what a search describes. A list is filtered by one of them at most."""
    found = seen(tags)
    wanted = {"owner": search.owner, "address": search.address, "token": search.token}
    return all(found[mark] == str(value) for mark, value in wanted.items() if value)


def filtering(search: Search) -> str:
    """A `$filter` of the lists of resources and of groups: by the mark that the fewest carry. Nothing: all of them."""
    wanted = ((TOKEN_TAG, search.token), (ADDRESS_TAG, search.address), (OWNER_TAG, search.owner))
    for name, value in wanted:
        if value:
            return f"tagName eq '{name}' and tagValue eq '{_quoted(str(value))}'"
    return ""


def path(resource: str) -> str:
    """Where the tags of anything are read, and changed one by one."""
    return f"{resource}/providers/Microsoft.Resources/tags/default"


def merging(tags: Mapping[str, str]) -> dict[str, Any]:
    """A PATCH of `path` that writes these, and leaves the others."""
    return {"operation": "Merge", "properties": {"tags": dict(tags)}}


def removing(tags: Mapping[str, str] | None, names: Sequence[str] = MARKS) -> dict[str, Any]:
    """A PATCH of `path` that takes these names, in any case, off a resource that carries these tags."""
    low = {name.lower() for name in names}
    gone = {name: value for name, value in (tags or {}).items() if name.lower() in low}
    return {"operation": "Delete", "properties": {"tags": gone}}


def _quoted(value: str) -> str:
    return value.replace("'", "''")

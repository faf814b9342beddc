"""Tags: our marks among them, and the person's own beside them.

AWS allows letters, digits, spaces and `+ - = . _ : / @` in tags everywhere, and more in some services. An address's key
stands in brackets, which are not among them: `shop/aws.subnet/app[a]` is written `shop/aws.subnet/app:a`. A name holds
no colon, so this reads back as it was.

Sources: EC2 User Guide, "Tag restrictions"; S3 Control API reference, "S3Tag".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, Field, JsonValue

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TAG_PREFIX, TOKEN_TAG
from holdfast.plan import FieldChange
from holdfast.resource import Call, Search

ABOUT = "your own, beside Holdfast's marks; what others have written stays"  # a spec's field of them
MARKS = (OWNER_TAG, ADDRESS_TAG, TOKEN_TAG)
KEY: Final = 128  # characters in a tag's name
VALUE: Final = 256  # characters in its value
MOST: Final = 50  # tags of a resource, our three among them
PLAIN: Final = "+-=._:/@"  # what S3 takes beside letters, digits and blanks
AMAZONS: Final = "aws:"  # what the names of AWS's own begin with, in any case
PAGE = 100  # what the tagging API gives at most in one answer; half of it unless it is asked


def _key(name: str) -> str:
    if name.lower().startswith(AMAZONS):
        raise ValueError(f"tags that begin with {AMAZONS} are AWS's own")
    if not 0 < len(name) <= KEY:
        raise ValueError(f"a tag's name is 1 to {KEY} characters long")
    return name


def _value(text: str) -> str:
    if len(text) > VALUE:
        raise ValueError(f"a tag's value is at most {VALUE} characters long")
    return text


def _plain(text: str) -> str:
    if odd := sorted({c for c in text if c not in PLAIN and unicodedata.category(c)[0] not in "LZN"}):
        raise ValueError(f"S3 takes letters, digits, blanks and {' '.join(PLAIN)} in tags, and no {' '.join(odd)}")
    return text


Tags: TypeAlias = Annotated[
    dict[Annotated[str, AfterValidator(_key)], Annotated[str, AfterValidator(_value)]],
    Field(max_length=MOST - len(MARKS)),
]

_PlainKey: TypeAlias = Annotated[str, AfterValidator(_key), AfterValidator(_plain)]
_PlainValue: TypeAlias = Annotated[str, AfterValidator(_value), AfterValidator(_plain)]
BucketTags: TypeAlias = Annotated[dict[_PlainKey, _PlainValue], Field(max_length=MOST - len(MARKS))]


def marked(call: Call[Any]) -> dict[str, str]:
    """The tags a create carries: our marks, and those of the spec."""
    mine = getattr(call.spec, "tags", None) or {}
    return {**{name: value for name, value in mine.items() if not ours(name)}, **marks(call)}


def marks(call: Call[Any]) -> dict[str, str]:
    """Our marks alone."""
    return {**call.marks, ADDRESS_TAG: written(str(call.address))}


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As most of AWS takes them: `[{"Key": …, "Value": …}]`."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def plain(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """The inverse of `listed`."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def seen(tags: Mapping[str, str]) -> dict[str, Any]:
    """What an observation says of tags: `owner`, `address` and `token`."""
    address = tags.get(ADDRESS_TAG)
    return {
        "owner": tags.get(OWNER_TAG),
        "address": read(address) if address else None,
        "token": tags.get(TOKEN_TAG),
    }


def own(tags: Mapping[str, str]) -> dict[str, JsonValue]:
    """The person's tags: neither ours nor AWS's own."""
    return {k: v for k, v in tags.items() if not ours(k) and not k.startswith(AMAZONS)}


def ours(name: str) -> bool:
    """Whether a tag of this name is one of Holdfast's."""
    return name.startswith(TAG_PREFIX)


def changed(changes: Sequence[FieldChange]) -> tuple[dict[str, str], list[str]]:
    """The tags to write, and those to remove, among an update's changes."""
    of_tags = [(c.path.partition(".")[2], c.after) for c in changes if c.path.partition(".")[0] == "tags"]
    of_tags = [(name, value) for name, value in of_tags if not ours(name)]
    return {k: str(v) for k, v in of_tags if v is not None}, [k for k, v in of_tags if v is None]


def filters(search: Search) -> list[dict[str, Any]]:
    """EC2's filters for what a search describes."""
    wanted = {
        OWNER_TAG: str(search.owner) if search.owner else None,
        ADDRESS_TAG: written(str(search.address)) if search.address else None,
        TOKEN_TAG: search.token,
    }
    return [{"Name": f"tag:{tag}", "Values": [value]} for tag, value in wanted.items() if value]


def tagged(search: Search, service: str) -> Iterator[tuple[str, dict[str, str]]]:
    """What a service has that a search describes, by the tagging API: the names that end its ARNs, and its tags."""
    wanted = [{"Key": f["Name"].removeprefix("tag:"), "Values": f["Values"]} for f in filters(search)]
    pages = search.client("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in pages.paginate(TagFilters=wanted, ResourceTypeFilters=[service], ResourcesPerPage=PAGE):
        for row in page["ResourceTagMappingList"]:
            yield row["ResourceARN"].rpartition(":")[2], plain(row["Tags"])


def written(address: str) -> str:
    """An address as a tag's value."""
    return address.replace("[", ":").removesuffix("]")


def read(value: str) -> str:
    """An address from a tag's value."""
    name, colon, key = value.partition(":")
    return f"{name}[{key}]" if colon else name

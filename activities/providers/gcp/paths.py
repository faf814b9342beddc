"""The paths by which Compute's resources are known: `projects/P/PLACE/COLLECTION/NAME`, PLACE being `global`,
`regions/R` or `zones/Z`. A path is a resource's remote id; its self link is the same behind a prefix.

Google writes one resource in several ways (`https://www.googleapis.com/compute/v1/…`, `https://compute.googleapis.com/
compute/v1/…`, the path alone); `bare` is the one form in which two of them compare. A name alone is no reference here:
what it means depends on where it stands.

Source: Compute Engine API, "Resource URLs"; AIP-122, resource names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from holdfast.errors import InvalidInput

WWW: Final = "https://www.googleapis.com/compute/v1/"
NAME: Final = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"  # a resource's, by RFC 1035
ZONE: Final = r"^[a-z]+-[a-z]+\d+-[a-z]$"
IMAGE: Final = r"^(https://[^/]+/compute/v1/)?projects/[^/]+/global/images/[^/]+$"  # no family
IMAGE_OR_FAMILY: Final = r"^(https://[^/]+/compute/v1/)?projects/[^/]+/global/images/(family/)?[^/]+$"
_HOST: Final = re.compile(r"https?://[^/]+/(compute/)?(v1|beta|alpha)/")
_WHOLE: Final = re.compile(r"projects/([^/]+)/(global|regions/[^/]+|zones/[^/]+)/([A-Za-z]+)/([^/]+)")


@dataclass(frozen=True, slots=True)
class Path:
    """Where a resource is."""

    project: str
    place: str
    collection: str
    name: str

    @classmethod
    def read(cls, text: str) -> Self:
        """The path that a remote id or a link is. Raises `InvalidInput`."""
        found = _WHOLE.fullmatch(bare(text))
        if found is None:
            raise InvalidInput(
                f"{text!r} is no path of Compute's (projects/PROJECT/PLACE/COLLECTION/NAME)",
                next="name it as its `self_link` does, from `projects/` on",
            )
        return cls(*found.groups())

    def __str__(self) -> str:
        return f"projects/{self.project}/{self.place}/{self.collection}/{self.name}"

    @property
    def link(self) -> str:
        """Its self link."""
        return f"{WWW}{self}"

    @property
    def where(self) -> dict[str, Any]:
        """The arguments of a method that say where it is: project, and zone or region."""
        return {"project": self.project, **placed(self.place)}


def placed(place: str) -> dict[str, str]:
    """The argument of a method that a place is: `{"zone": "us-central1-a"}`; nothing for `global`."""
    scope, _, name = place.partition("/")
    return {scope.removesuffix("s"): name} if name else {}


def zonal(zone: str, region: str) -> str:
    """The place that a zone is. Raises `InvalidInput` for one outside of the scope's region, where no list shows it."""
    if wrong := outside(zone, region):
        raise InvalidInput(
            wrong,
            standing="untouched",
            next=f"choose a zone of {region}, or a scope whose region is {zone.rpartition('-')[0]}",
        )
    return f"zones/{zone}"


def outside(zone: str, region: str) -> str:
    """Why a zone is none of a scope's; nothing where it is one."""
    return "" if zone.rpartition("-")[0] == region else f"the zone {zone} is not in {region}, the region of the scope"


def bare(link: str) -> str:
    """A link without what stands before its path."""
    return _HOST.sub("", link.strip(), count=1).lstrip("/")


def last(link: str) -> str:
    """The name at the end of a link: of a zone, a region, a machine type or a disk type."""
    return link.rpartition("/")[2]


def versionless(key: str) -> str:
    """A key of Cloud KMS without its version: Compute shows which one was in use."""
    return key.partition("/cryptoKeyVersions/")[0]


def at_one_number(before: Mapping[str, Any], after: Mapping[str, Any], field: str) -> bool:
    """Whether two would have one address. Each network has all numbers; one that is not known yet may be the same."""
    if before.get(field) is None or before.get(field) != after.get(field):
        return False
    places = [(before.get(name), after.get(name)) for name in ("network", "subnetwork")]
    return all(one == other for one, other in places if isinstance(one, str) and isinstance(other, str))


def reference(collection: str) -> str:
    """The pattern of what a document may say for a resource of a collection: a self link, or its path."""
    return rf"^(https://[^/]+/compute/v1/)?projects/[^/]+/(global|regions/[^/]+|zones/[^/]+)/{collection}/[^/]+$"

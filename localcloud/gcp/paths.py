"""The names of things in Compute: `projects/P/PLACE/COLLECTION/NAME`, and the many ways in which they are written.

A place is `global`, `regions/R` or `zones/Z`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WWW = "https://www.googleapis.com/compute/v1/"
HOST = re.compile(r"https?://[^/]+/compute/(v1|beta|alpha)/")
WHOLE = re.compile(r"projects/([^/]+)/(global|regions/[^/]+|zones/[^/]+)/([A-Za-z]+)/(.+)")
PART = re.compile(r"(global|regions/[^/]+|zones/[^/]+)/([A-Za-z]+)/(.+)")
SHORT = re.compile(r"[^/]+")


@dataclass(frozen=True, slots=True)
class Path:
    """Where a thing is."""

    project: str
    place: str
    collection: str
    name: str

    def __str__(self) -> str:
        return f"projects/{self.project}/{self.place}/{self.collection}/{self.name}"

    @property
    def link(self) -> str:
        """The address under which the real cloud knows it."""
        return f"{WWW}{self}"


def read(text: str, project: str, place: str, collection: str) -> Path | None:
    """What a reference means that stands in a thing of that project and place. None when it is no reference."""
    text = HOST.sub("", text.strip()).lstrip("/")
    whole, part = WHOLE.fullmatch(text), PART.fullmatch(text)
    if whole:
        return Path(whole[1], whole[2], whole[3], whole[4])
    if part:
        return Path(project, part[1], part[2], part[3])
    return Path(project, place, collection, text) if SHORT.fullmatch(text) else None


def region_of(place: str) -> str:
    """The region of a place, as a place."""
    kind, _, name = place.partition("/")
    return f"regions/{name.rpartition('-')[0]}" if kind == "zones" else place

"""What Compute has for everybody, and nobody makes: zones, regions, machine types, disk types, public images."""

from __future__ import annotations

import re
from typing import Final

from localcloud.core.asked import Answer
from localcloud.core.cloud import Json
from localcloud.gcp import paths, shapes
from localcloud.gcp.paths import WWW
from localcloud.gcp.refusals import answer, invalid, not_found
from localcloud.gcp.state import Known
from localcloud.gcp.table import PUBLIC_IMAGES, REGION_NAMES

NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
IMAGE_PROJECTS: Final = frozenset(PUBLIC_IMAGES)
LETTERS: Final = {"us-central1": "abcf", "europe-west1": "bcd", "us-east1": "bcd"}
DISK_TYPES: Final = ("pd-standard", "pd-balanced", "pd-ssd", "pd-extreme", "hyperdisk-balanced")


def zones(region: str) -> list[str]:
    """The zones of a region."""
    return [f"{region}-{letter}" for letter in LETTERS.get(region, "abc")]


def known_place(place: str) -> None:
    """Raises `Refused` when there is no such region or zone."""
    scope, _, name = place.partition("/")
    region = paths.region_of(place).partition("/")[2]
    if scope == "regions" and name not in REGION_NAMES:
        raise invalid("region", name, "Unknown region.")
    if scope == "zones" and (region not in REGION_NAMES or name not in zones(region)):
        raise invalid("zone", name, "Unknown zone.")


def do(it: Known, place: str, collection: str, name: str, project: str) -> Answer:
    """A read of one of them, or of all. Raises `Refused`."""
    here = f"projects/{project}/{place}".removesuffix("/")
    path = f"{here}/{collection}/{name}".removesuffix("/")
    found: Json = None
    match collection:
        case "images":
            found = _image(it, project, name) if name else _images(project)
        case "machineTypes" if name:
            known_place(place)
            found = _machine_type(place, name, path)
        case "diskTypes" if name in DISK_TYPES:
            known_place(place)
            found = {"kind": "compute#diskType", "name": name, "selfLink": WWW + path, "zone": WWW + here}
        case "zones" | "regions":
            every = [r if collection == "regions" else z for r in REGION_NAMES for z in zones(r)]
            items = [_place(project, collection, one) for one in dict.fromkeys(every) if name in {"", one}]
            kind = f"compute#{collection.removesuffix('s')}List"
            found = {"kind": kind, "items": items} if not name else (items or [None])[0]
        case _:
            pass
    if found is None:
        raise not_found(path)
    return answer(found)


def _place(project: str, collection: str, name: str) -> Json:
    it: dict[str, Json] = {
        "kind": f"compute#{collection.removesuffix('s')}",
        "name": name,
        "status": "UP",
        "selfLink": f"{WWW}projects/{project}/{collection}/{name}",
    }
    if collection == "zones":
        return it | {"region": f"{WWW}projects/{project}/regions/{name.rpartition('-')[0]}"}
    return it | {"zones": [f"{WWW}projects/{project}/zones/{zone}" for zone in zones(name)]}


def _image(it: Known, project: str, name: str) -> Json:
    """The newest of a family; one of this cloud's own is shown whole."""
    found = shapes.image(f"projects/{project}/global/images/{name}", it, project)
    if found is None:
        return None
    own = it.things.get(found[0].removeprefix(WWW))
    if own is not None:
        return own.body | {"selfLink": found[0]}
    image = found[0].rpartition("/")[2]
    shown: dict[str, Json] = {"kind": "compute#image", "name": image, "selfLink": found[0], "status": "READY"}
    return shown | {"family": name.removeprefix("family/")}


def _images(project: str) -> Json:
    items: list[Json] = []
    for family, (name, number, size) in PUBLIC_IMAGES[project].items():
        link = f"{WWW}projects/{project}/global/images/{name}"
        one: dict[str, Json] = {"kind": "compute#image", "name": name, "id": number, "family": family}
        items.append(one | {"selfLink": link, "status": "READY", "diskSizeGb": str(size)})
    return {"kind": "compute#imageList", "items": items}


def _machine_type(place: str, name: str, path: str) -> Json:
    shape = shapes.machine(name)
    if shape is None:
        return None
    zone = place.partition("/")[2]
    shown: dict[str, Json] = {"kind": "compute#machineType", "name": name, "zone": zone, "selfLink": WWW + path}
    return shown | {"guestCpus": shape[0], "memoryMb": shape[1]}

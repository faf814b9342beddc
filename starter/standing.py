"""What stands in a local cloud, as its own control interface tells: whose it is, and whether two worlds are alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from activities.providers.aws import tags as aws_tags
from activities.providers.azure import descriptions as azure_descriptions
from activities.providers.azure import tags as azure_tags
from activities.providers.gcp import descriptions, labels
from holdfast.contract import ADDRESS_TAG, OWNER_TAG

World = Mapping[str, Any]
Marked = tuple[str, str, str, str]  # owner, address, the cloud's kind, id

# What a cloud counts up or throws dice for at every change, and nobody can put back.
OF_THE_MOMENT = frozenset({
    "etag", "fingerprint", "labelFingerprint", "generation", "metageneration", "updated", "updateTime", "timeUpdated",
    "lastStartTimestamp", "lastStopTimestamp", "lastAttachTimestamp", "lastDetachTimestamp", "lastModifiedAt",
    "lastModifiedBy",
})  # fmt: skip


def marked(cloud: str, world: World) -> Iterator[Marked]:
    """Whatever bears somebody's mark. What a cloud lets nobody mark is not among it."""
    yield from {"aws": _aws, "gcp": _gcp, "azure": _azure}[cloud](world)


def standing(cloud: str, world: World, stack: str) -> dict[str, str]:
    """Of a stack: address -> what stands there: its id, `taker (with its disk)` where another thing bears its mark too,
    and both ids where it stands twice.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for owner, address, kind, remote_id in marked(cloud, world):
        if owner.endswith(f"/{stack}"):
            found.setdefault(address, {}).setdefault(kind, []).append(remote_id)
    return {address: _shown(address, kinds) for address, kinds in found.items()}


def _shown(address: str, kinds: Mapping[str, list[str]]) -> str:
    """What stands at an address, by the cloud's own kinds: first what its kind names, then what came with that."""
    wanted = _plain(address.split("/")[1].partition(".")[2])
    own = next((kind for kind in kinds if _plain(kind) == wanted), next(iter(kinds)))
    beside = [
        f"its {_plain(kind)}" + ("" if ids == kinds[own] else f" {', '.join(ids)}")
        for kind, ids in kinds.items()
        if kind != own
    ]
    return ", ".join(kinds[own]) + (f" (with {' and '.join(beside)})" if beside else "")


def _plain(kind: str) -> str:
    """A cloud's name of a kind, or ours, alike: `instances`, `Microsoft.Compute/virtualMachines`, `virtual_machine`."""
    return kind.rpartition("/")[2].replace("_", "").lower().removesuffix("s")


def twice(cloud: str, world: World, stack: str) -> list[str]:
    """Addresses of a stack at which more than one of a kind stands."""
    seen: set[tuple[str, str]] = set()
    found: list[str] = []
    for owner, address, kind, _ in marked(cloud, world):
        if owner.endswith(f"/{stack}"):
            if (address, kind) in seen:
                found.append(address)
            seen.add((address, kind))
    return found


def lasting(world: Any) -> Any:
    """A world without what belongs to the moment, for comparing with `==`."""
    if isinstance(world, Mapping):
        return {k: lasting(v) for k, v in world.items() if k not in OF_THE_MOMENT and k != "deleted"}
    if isinstance(world, list):
        return [lasting(v) for v in world]
    return world


def _aws(world: World) -> Iterator[Marked]:
    for regions in world.values():
        for kinds in regions.values():
            for kind, things in kinds.items():
                for remote_id, thing in things.items():
                    tags = thing.get("tags") or {}
                    if OWNER_TAG in tags:
                        yield tags[OWNER_TAG], aws_tags.read(tags[ADDRESS_TAG]), kind, remote_id


def _gcp(world: World) -> Iterator[Marked]:
    for things in world.values():
        for name, thing in things.items():
            said = labels.seen(thing.get("labels") or {})
            if said["owner"] is None:
                said = descriptions.seen(thing.get("description") or "")
            if said["owner"] and said["address"]:
                kind = name.split("/")[-2] if "/" in name else ""
                yield said["owner"], said["address"], kind, name.rpartition("/")[2]


def _azure(world: World) -> Iterator[Marked]:
    for subscription, things in world.items():
        if subscription == "deleted":
            continue
        for remote_id, thing in things.items():
            said = azure_tags.seen(thing.get("tags"))
            if said["owner"] is None:
                said = azure_descriptions.seen(thing.get("properties", {}).get("description") or "")
            if said["owner"] and said["address"]:
                yield said["owner"], said["address"], str(thing.get("type", "")), remote_id.rpartition("/")[2]

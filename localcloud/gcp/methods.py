"""Custom methods of Compute: each says which fields of its thing a request changes, and to what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from localcloud.gcp import shapes
from localcloud.gcp.refusals import Refused, invalid, required
from localcloud.gcp.state import Known, Thing, fingerprint

MOVING = frozenset({"PROVISIONING", "STAGING", "STOPPING", "SUSPENDING"})


class Call(NamedTuple):
    """What a custom method gets to see."""

    thing: Thing
    body: dict[str, Any]
    query: Mapping[str, str]
    it: Known

    @property
    def now(self) -> dict[str, Any]:
        """The thing as it stands."""
        return self.thing.body


class Does(NamedTuple):
    """What becomes of the thing: at once, and when the operation is done."""

    then: dict[str, Any]
    meanwhile: Mapping[str, Any] = {}


def _field(name: str) -> Callable[[Call], Does]:
    return lambda call: Does({name: call.body.get(name)})


def _whole(name: str) -> Callable[[Call], Does]:
    """The request is the field."""

    def change(call: Call) -> Does:
        body = {k: v for k, v in call.body.items() if k not in {"fingerprint", "kind"}}
        return Does({name: body | {"fingerprint": fingerprint(body)} if name in {"metadata", "tags"} else body})

    return change


def _running(after: str, during: str, *before: str) -> Callable[[Call], Does]:
    """From one status to another. Where it is already, nothing happens."""

    def change(call: Call) -> Does:
        status = str(call.now.get("status"))
        if status == after:
            return Does({})
        if status not in before:
            why = f"Instance is in state {status}; it must be in one of: {', '.join(before)}."
            raise invalid("resource.status", status, why)
        return Does({"status": after}, {"status": during})

    return change


def _started(call: Call) -> Does:
    """With another address of the outside than before, unless it is a reserved one."""
    does = _running("RUNNING", "STAGING", "TERMINATED")(call)
    if not does.then:
        return does
    return does._replace(then={**does.then, "networkInterfaces": shapes.with_lent(call.now, call.it)})


def _stopped(call: Call) -> Does:
    """Without the address of the outside that was lent to it. Source: Compute Engine, "Stop an instance"."""
    does = _running("TERMINATED", "STOPPING", "RUNNING", "SUSPENDED")(call)
    if not does.then:
        return does
    interfaces = shapes.without_lent(call.thing.path, call.now, call.it)
    return does._replace(then={**does.then, "networkInterfaces": interfaces})


def _labels(call: Call) -> Does:
    return Does({"labels": call.body.get("labels") or {}})


def _grow(call: Call) -> Does:
    wanted, size = int(call.body.get("sizeGb", 0)), int(call.now["sizeGb"])
    if wanted <= size:
        why = f"New disk size '{wanted}' GB must be larger than existing size '{size}' GB."
        raise invalid("sizeGb", str(wanted), why)
    return Does({"sizeGb": str(wanted)})


def _group_size(call: Call) -> Does:
    if not call.query.get("size", "").isdigit():
        raise required("size")
    return Does({"targetSize": int(call.query["size"])})


def _expand(call: Call) -> Does:
    new, old = shapes.cidr(str(call.body.get("ipCidrRange", ""))), shapes.cidr(call.now["ipCidrRange"])
    if not (old.subnet_of(new) and old != new):
        raise invalid(
            "ipCidrRange", str(new), f"New IP CIDR range must contain the existing one, {old}, and be larger."
        )
    return Does({"ipCidrRange": str(new), "gatewayAddress": str(new.network_address + 1)})


def _machine_type(call: Call) -> Does:
    zone, wanted = call.thing.path.place.partition("/")[2], str(call.body.get("machineType", ""))
    shapes.known_machine(wanted, zone, "resource.machineType")
    if call.now["status"] != "TERMINATED":
        message = f"The instance '{call.thing.path}' must be stopped before its machine type is changed."
        raise Refused(400, "invalidUsage", f"Invalid resource usage: '{message}'.")
    return Does({"machineType": wanted})


def _service_account(call: Call) -> Does:
    if call.now["status"] != "TERMINATED":
        message = "The instance must be stopped before the service account can be changed."
        raise Refused(400, "invalidUsage", f"Invalid resource usage: '{message}'.")
    return Does({"serviceAccounts": [call.body] if call.body.get("email") else []})


def _shielded(call: Call) -> Does:
    if call.now["status"] != "TERMINATED":
        message = "The instance must be stopped before its Shielded VM options can be changed."
        raise Refused(400, "invalidUsage", f"Invalid resource usage: '{message}'.")
    return Does({"shieldedInstanceConfig": {**call.now.get("shieldedInstanceConfig", {}), **call.body}})


def _attach(call: Call) -> Does:
    return Does({"disks": [*call.now["disks"], call.body]})


def _device(call: Call) -> int:
    wanted = call.query.get("deviceName", "")
    for number, disk in enumerate(call.now["disks"]):
        if disk.get("deviceName", f"persistent-disk-{number}") == wanted:
            return number
    raise invalid("deviceName", wanted, "No attached disk found with device name.")


def _detach(call: Call) -> Does:
    gone = _device(call)
    if call.now["disks"][gone].get("boot") and call.now["status"] != "TERMINATED":
        raise Refused(400, "invalidUsage", "Invalid resource usage: 'Cannot detach boot disk of a running instance.'.")
    return Does({"disks": [disk for number, disk in enumerate(call.now["disks"]) if number != gone]})


def _auto_delete(call: Call) -> Does:
    which, wanted = _device(call), call.query.get("autoDelete") == "true"
    changed = [disk | ({"autoDelete": wanted} if n == which else {}) for n, disk in enumerate(call.now["disks"])]
    return Does({"disks": changed})


CHANGES: Mapping[str, Callable[[Call], Does]] = {
    "setLabels": _labels,
    "setPrivateIpGoogleAccess": _field("privateIpGoogleAccess"),
    "setTarget": _field("target"),
    "setInstanceTemplate": _field("instanceTemplate"),
    "setNamedPorts": lambda call: Does({"namedPorts": call.body.get("namedPorts") or None}),
    "setMetadata": _whole("metadata"),
    "setTags": _whole("tags"),
    "setScheduling": _whole("scheduling"),
    "deprecate": _whole("deprecated"),
    "setMinCpuPlatform": _field("minCpuPlatform"),
    "setMachineResources": _field("guestAccelerators"),
    "updateShieldedInstanceConfig": _shielded,
    "setDeletionProtection": lambda call: Does(
        {"deletionProtection": call.query.get("deletionProtection", "true") == "true"}
    ),
    "switchToCustomMode": lambda _: Does({"autoCreateSubnetworks": False}),
    "setMachineType": _machine_type,
    "setServiceAccount": _service_account,
    "attachDisk": _attach,
    "detachDisk": _detach,
    "setDiskAutoDelete": _auto_delete,
    "expandIpCidrRange": _expand,
    "resize": lambda call: (_grow if call.thing.path.collection == "disks" else _group_size)(call),
    "start": _started,
    "stop": _stopped,
    "suspend": _running("SUSPENDED", "SUSPENDING", "RUNNING"),
    "resume": _running("RUNNING", "STAGING", "SUSPENDED"),
    "reset": lambda _: Does({}),
}

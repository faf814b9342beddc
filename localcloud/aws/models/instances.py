"""Lets instances live and die as EC2's do: over time, holding what they use.

Settings: `instance_pending_seconds`, `instance_stopping_seconds`, `instance_shutting_down_seconds`,
`instance_gone_seconds` (terminated, and still shown), `instance_fails` (a reason code: launches end terminated).

Moto: running at the first look, terminated at once and for ever, its interface left behind; resizes what runs; resets
the metadata options it was not told; forgets DisableApiTermination; cannot change monitoring. AWS: pending, running,
stopping, stopped, shutting-down, terminated; the type changes only when stopped; a terminated instance is shown for
about an hour.
Sources: EC2 User Guide "Instance lifecycle"; EC2 API reference "ModifyInstanceAttribute", "TerminateInstances",
"ModifyInstanceMetadataOptions", "Error codes".
"""

from __future__ import annotations

import copy
import functools
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from localcloud.aws.models.calls import Call, Calls, Refusal, replaced
from localcloud.aws.models.times import happening, later
from localcloud.core.cloud import Cloud

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
DEAD = {"shutting-down", "terminated"}
STOPPED_ONLY = ("InstanceType", "UserData", "EbsOptimized", "Kernel", "Ramdisk")


def install(calls: Calls) -> None:
    """See the module."""
    cloud = calls.cloud
    cloud.declare("instance_pending_seconds", 1.0, "from launch or start to running")
    cloud.declare("instance_stopping_seconds", 1.0, "from stop to stopped")
    cloud.declare("instance_shutting_down_seconds", 1.0, "from terminate to terminated")
    cloud.declare("instance_gone_seconds", 60.0, "how long a terminated instance is still shown")
    cloud.declare("instance_fails", "", "a state reason such as Server.InternalError: launches end terminated")
    calls.after("ec2", "RunInstances", launched)
    calls.instead("ec2", "StartInstances", start)
    calls.instead("ec2", "StopInstances", stop)
    calls.instead("ec2", "RebootInstances", reboot)
    calls.instead("ec2", "TerminateInstances", terminate)
    calls.instead("ec2", "MonitorInstances", monitor)
    calls.instead("ec2", "UnmonitorInstances", monitor)
    calls.before("ec2", "ModifyInstanceAttribute", may_change)
    calls.before("ec2", "ModifyInstanceAttribute", one_attribute)
    calls.before("ec2", "ModifyInstanceMetadataOptions", keep_options)
    _patch()


def enter(instance: Any, state: str) -> None:
    """Be in a state from now on."""
    instance._state.name, instance._state.code = state, CODES[state]  # noqa: SLF001  # moto's own place for it
    instance._entered = getattr(instance, "_entered", 0) + 1  # noqa: SLF001  # a later state voids what was to happen


def launched(call: Call, result: ActionResult) -> None:
    """Begin as pending, with what the request said and moto dropped."""
    made: Any = result.result
    nics = call.params.get("NetworkInterfaces", [])
    stay = [n for n in nics if n.get("DeleteOnTermination") is False or n.get("NetworkInterfaceId")]
    kept = {int(n.get("DeviceIndex", 0)) for n in stay}
    for instance in made.instances:
        instance.disable_api_termination = bool(call.params.get("DisableApiTermination", False))
        for index, nic in instance.nics.items():
            nic.delete_on_termination = index not in kept
            for specification in call.params.get("TagSpecifications", []):
                if specification.get("ResourceType") == "network-interface":
                    nic.add_tags({t["Key"]: t.get("Value", "") for t in specification.get("Tags", [])})
        if not instance.security_groups and instance.nics:
            instance.security_groups = list(instance.nics[0]._group_set)  # noqa: SLF001  # as above
        instance.launch_time = utcnow()
        _soon(call, instance, "pending", "instance_pending_seconds")


def _soon(call: Call, instance: Any, state: str, setting: str) -> None:
    enter(instance, state)
    later(call.cloud, setting, f"instance.{state}", instance, instance._entered)  # noqa: SLF001  # as above


@happening("instance.pending")
def _begun(cloud: Cloud, instance: Any, entered: int) -> None:
    if instance._entered != entered:  # noqa: SLF001  # as above
        return
    reason = str(cloud.settings["instance_fails"])
    if not reason:
        instance.start()
        enter(instance, "running")
        return
    instance.state_reason.code, instance.state_reason.message = reason, f"{reason}: the instance could not be launched"
    _end(cloud, instance)


@happening("instance.stopping")
def _stopped(_: Cloud, instance: Any, entered: int) -> None:
    if instance._entered == entered:  # noqa: SLF001  # as above
        instance.stop()
        enter(instance, "stopped")


@happening("instance.shutting-down")
def _shut(cloud: Cloud, instance: Any, entered: int) -> None:
    if instance._entered == entered:  # noqa: SLF001  # as above
        _end(cloud, instance)


@happening("instance.gone")
def _gone(_: Cloud, instance: Any) -> None:
    backend = instance.ec2_backend
    for key, reservation in list(backend.reservations.items()):
        if instance in reservation.instances:
            reservation.instances.remove(instance)
            if not reservation.instances:
                del backend.reservations[key]
            break
    backend.tags.pop(instance.id, None)


def _end(cloud: Cloud, instance: Any) -> None:
    reason = copy.copy(instance.state_reason)
    volumes = [device.volume_id for device in instance.block_device_mapping.values()]
    nics = list(instance.nics.values())
    subnet = instance.ec2_backend.get_subnet(instance.subnet_id) if instance.subnet_id else None
    instance.terminate()
    if reason.code:
        instance.state_reason = reason
    backend = instance.ec2_backend
    for nic in nics:
        if not nic.delete_on_termination:
            instance.detach_eni(nic)
        if nic.id not in backend.enis:
            backend.tags.pop(nic.id, None)
    for volume in volumes:
        if volume not in backend.volumes:
            backend.tags.pop(volume, None)
    if subnet is not None:
        for address in instance._private_ips:  # noqa: SLF001  # as above
            subnet.del_subnet_ip(address)
    # A dead instance is in no network: whatever lists a network's instances must not find it.
    instance._private_ips, instance._subnet_id, instance.nics = set(), None, {}  # noqa: SLF001  # as above
    instance.security_groups = []
    enter(instance, "terminated")
    later(cloud, "instance_gone_seconds", "instance.gone", instance)


def _named(call: Call) -> list[Any]:
    return list(call.backend.get_multi_instances_by_id(call.params.get("InstanceIds", [])))


def _changes(changed: list[tuple[Any, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"InstanceId": i.id, "CurrentState": _state(i), "PreviousState": before} for i, before in changed]


def _state(instance: Any) -> dict[str, Any]:
    return {"Code": instance.state_code, "Name": instance.state}


def start(call: Call, _: Any) -> ActionResult:
    """Start what is stopped; what runs already goes on."""
    instances = _named(call)
    for instance in instances:
        if instance.state not in {"stopped", "pending", "running"}:
            _wrong(instance, "a state from which it can be started")
    changed = []
    for instance in instances:
        before = _state(instance)
        if instance.state == "stopped":
            _soon(call, instance, "pending", "instance_pending_seconds")
        changed.append((instance, before))
    return ActionResult({"StartingInstances": _changes(changed)})


def stop(call: Call, _: Any) -> ActionResult:
    """Stop what runs; what is stopped already stays so."""
    instances = _named(call)
    for instance in instances:
        if instance.state in DEAD | {"pending"}:
            _wrong(instance, "a state from which it can be stopped")
        if instance.disable_api_stop is True:
            message = (
                f"The instance '{instance.id}' may not be stopped. Modify its 'disableApiStop' instance attribute."
            )
            raise Refusal("OperationNotPermitted", message)
    changed = []
    for instance in instances:
        before = _state(instance)
        if instance.state == "running":
            _soon(call, instance, "stopping", "instance_stopping_seconds")
        changed.append((instance, before))
    return ActionResult({"StoppingInstances": _changes(changed)})


def reboot(call: Call, proceed: Any) -> Any:
    """Reboot what runs. Moto would make anything running, the dead too."""
    for instance in _named(call):
        if instance.state != "running":
            _wrong(instance, "a state from which it can be rebooted")
    return proceed()


def terminate(call: Call, _: Any) -> ActionResult:
    """End instances: all or none, as often as it is asked."""
    if not call.params.get("InstanceIds"):
        raise Refusal("MissingParameter", "The request must contain the parameter InstanceId")
    instances = _named(call)
    for instance in instances:
        if instance.disable_api_termination is True and instance.state not in DEAD:
            message = (
                f"The instance '{instance.id}' may not be terminated. Modify its 'disableApiTermination' instance "
                "attribute and try again."
            )
            raise Refusal("OperationNotPermitted", message)
    changed = []
    for instance in instances:
        before = _state(instance)
        if instance.state not in DEAD:
            instance.state_reason.code = "Client.UserInitiatedShutdown"
            instance.state_reason.message = "Client.UserInitiatedShutdown: User initiated shutdown"
            _soon(call, instance, "shutting-down", "instance_shutting_down_seconds")
        changed.append((instance, before))
    return ActionResult({"TerminatingInstances": _changes(changed)})


def monitor(call: Call, _: Any) -> ActionResult:
    """Metrics every minute, or every five. Moto cannot. AWS's answer speaks of the change, and reads of its outcome."""
    on, instances = call.action == "MonitorInstances", _named(call)
    for instance in instances:
        if instance.state in DEAD:
            _wrong(instance, "a state from which its monitoring can be changed")
        instance.monitoring_state = "enabled" if on else "disabled"
    state = {"State": "pending" if on else "disabling"}
    return ActionResult({"InstanceMonitorings": [{"InstanceId": i.id, "Monitoring": state} for i in instances]})


def _wrong(instance: Any, wanted: str) -> None:
    raise Refusal("IncorrectInstanceState", f"The instance '{instance.id}' is not in {wanted}.")


def may_change(call: Call) -> None:
    """Some attributes change only on a stopped instance; none on a dead one."""
    instance = call.backend.get_instance(call.params["InstanceId"])
    attribute = str(call.params.get("Attribute", ""))
    named = attribute[:1].upper() + attribute[1:]
    stopped_only = any(name in call.params or name == named for name in STOPPED_ONLY)
    if instance.state in DEAD or (stopped_only and instance.state != "stopped"):
        raise Refusal("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    if groups := call.params.get("Groups"):
        here = {g.id for g in call.backend.groups.get(instance.vpc_id, {}).values()}
        if strangers := sorted(set(groups) - here):
            message = f"Security group {strangers[0]} and interface of {instance.id} belong to different networks."
            raise Refusal("InvalidParameter", message)


CHANGES = {
    "InstanceType",
    "Kernel",
    "Ramdisk",
    "UserData",
    "DisableApiTermination",
    "SourceDestCheck",
    "EbsOptimized",
    "DisableApiStop",
    "InstanceInitiatedShutdownBehavior",
    "Groups",
    "BlockDeviceMappings",
    "EnaSupport",
    "SriovNetSupport",
}


def one_attribute(call: Call) -> None:
    """One attribute a call. Moto takes the first, and says nothing of the others."""
    if len(CHANGES & set(call.params)) > 1:
        raise Refusal("InvalidParameterCombination", "Fields for multiple attribute types specified")
    text = call.params.get("Value")
    if text in {"true", "false"}:
        call.set("Value", text == "true")


def keep_options(call: Call) -> None:
    """What is not said of the metadata options stays as it is."""
    options = call.backend.get_instance(call.params["InstanceId"]).metadata_options
    for name, now in (
        ("HttpTokens", options.http_tokens),
        ("HttpPutResponseHopLimit", options.http_put_response_hop_limit),
        ("HttpEndpoint", options.http_endpoint),
        ("HttpProtocolIpv6", options.http_protocol_ipv6),
        ("InstanceMetadataTags", options.instance_metadata_tags),
    ):
        if call.params.get(name) is None:
            call.set(name, now)


def _of_first_nic(attribute: str, instance: Any) -> Any:
    return getattr(instance.nics[0], attribute) if instance.nics else None


def _patch() -> None:
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface
    from moto.ec2.models.instances import Instance, InstanceBackend
    from moto.ec2.responses import EC2Response
    from moto.ec2.utils import filter_dict_attribute_mapping

    # Moto always says "pending" to a launch. A token that is sent again must show what has become of its instance.
    del EC2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER["RunInstances.Reservation.Instances.Instance.State"]
    filter_dict_attribute_mapping["client-token"] = "client_token"
    filter_dict_attribute_mapping["instance-state-code"] = "state_code"
    filter_dict_attribute_mapping["reservation-id"] = "reservation_id"
    for name in ("private_ip", "private_ip_address", "public_ip", "public_ip_address"):
        attribute = "private_ip_address" if name.startswith("private") else "public_ip"
        replaced(Instance, name, property(functools.partial(_of_first_nic, attribute)))
    dns: Any = Instance.__dict__["private_dns_name"]
    replaced(Instance, "private_dns_name", property(lambda i: dns.fget(i) if i.nics else ""))

    associated: Any = NetworkInterface.__dict__["association"]

    def owned(nic: Any) -> dict[str, Any]:
        """Moto: every public address is the account's. AWS: one that comes with a launch is Amazon's."""
        said: dict[str, Any] = associated.fget(nic)
        return said if not said or said.get("allocationId") else {**said, "ipOwnerId": "amazon"}

    replaced(NetworkInterface, "association", property(owned))

    def change_groups(backend: Any, instance_id: str, ids: list[str]) -> Any:
        """Moto: changes what the instance says, not what its interface has. AWS: they are the interface's."""
        instance = groups(backend, instance_id, ids)
        if ids and instance.nics:
            instance.nics[0]._group_set = list(instance.security_groups)  # noqa: SLF001  # moto's own place for it
        return instance

    groups = replaced(InstanceBackend, "modify_instance_security_groups", change_groups)

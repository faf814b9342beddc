"""The local Compute Engine, through its official SDK: operations take time, and nothing is done twice."""

from __future__ import annotations

import uuid

import pytest
from google.api_core import exceptions
from google.cloud import compute_v1 as c

from tests.localcloud.google_made import FOR_ALL, HERE, SLOW, disk, instance, network, status
from tests.localcloud.google_parts import AT_ONCE, PROJECT, REGION, ZONE, LocalGcp


def test_an_operation_takes_its_time(gcp: LocalGcp) -> None:
    """An operation runs until the cloud's clock has passed its end, and is found again by its name alone."""
    gcp.control.settings(**SLOW)
    begun = network(gcp)
    client = gcp.compute("GlobalOperations")
    assert (begun.status.name, begun.progress, begun.operation_type) == ("RUNNING", 0, "insert")
    assert client.get(operation=begun.name, **FOR_ALL).status.name == "RUNNING"
    with pytest.raises(exceptions.BadRequest, match="is not ready"):
        gcp.compute("Networks").delete_unary(network="net", **FOR_ALL)
    gcp.control.step(101)
    done = client.get(operation=begun.name, **FOR_ALL)
    assert (done.status.name, done.progress, bool(done.end_time)) == ("DONE", 100, True)
    assert done.target_link.endswith(f"projects/{PROJECT}/global/networks/net")


def test_waiting_for_an_operation(gcp: LocalGcp) -> None:
    """The API's own wait answers when the operation is done."""
    gcp.control.settings(operation_seconds=0.3)
    assert gcp.compute("GlobalOperations").wait(operation=network(gcp).name, **FOR_ALL).status.name == "DONE"


def test_the_life_of_an_instance(gcp: LocalGcp) -> None:
    """An instance goes through its states, changes its machine only when stopped, and takes its own disk with it."""
    gcp.control.settings(**SLOW)
    client = gcp.compute("Instances")
    instance(gcp)
    assert status(gcp) == "PROVISIONING"
    gcp.control.step(60)
    assert status(gcp) == "STAGING"
    gcp.control.step(60)
    assert status(gcp) == "RUNNING"
    found = client.get(instance="vm", **HERE)
    assert found.network_interfaces[0].network_i_p.startswith("10.")
    assert gcp.compute("Disks").get(disk="vm", **HERE).users == [found.self_link]
    bigger = c.InstancesSetMachineTypeRequest(machine_type=f"zones/{ZONE}/machineTypes/e2-medium")
    with pytest.raises(exceptions.BadRequest, match="must be stopped"):
        client.set_machine_type_unary(instance="vm", instances_set_machine_type_request_resource=bigger, **HERE)
    client.stop_unary(instance="vm", **HERE)
    assert status(gcp) == "STOPPING"
    gcp.control.step(101)
    assert status(gcp) == "TERMINATED"
    client.set_machine_type_unary(instance="vm", instances_set_machine_type_request_resource=bigger, **HERE)
    gcp.control.step(101)
    assert client.get(instance="vm", **HERE).machine_type.endswith("e2-medium")
    client.start_unary(instance="vm", **HERE)
    gcp.control.step(101)
    assert status(gcp) == "RUNNING"
    client.delete_unary(instance="vm", **HERE)
    assert status(gcp) == "STOPPING"
    gcp.control.step(101)
    assert list(client.list(**HERE)) == list(gcp.compute("Disks").list(**HERE)) == []


@pytest.mark.parametrize("reserved", [False, True], ids=["lent", "reserved"])
def test_an_address_that_is_lent(gcp: LocalGcp, *, reserved: bool) -> None:
    """An address of the outside that was lent goes back when its instance stops, and the next start brings another; a
    reserved one stays.
    """
    gcp.control.settings(**AT_ONCE)
    asked = {}
    if reserved:
        inserted = c.Address(name="door")
        gcp.compute("Addresses").insert_unary(project=PROJECT, region=REGION, address_resource=inserted)
        asked = {"nat_i_p": gcp.compute("Addresses").get(project=PROJECT, region=REGION, address="door").address}
    instance(gcp, outside=[c.AccessConfig(**asked)])
    client = gcp.compute("Instances")

    def address() -> str:
        gcp.control.step(60)
        return str(client.get(instance="vm", **HERE).network_interfaces[0].access_configs[0].nat_i_p)

    first = address()
    client.stop_unary(instance="vm", **HERE)
    stopped = address()
    client.start_unary(instance="vm", **HERE)
    assert (bool(first), bool(stopped)) == (True, reserved)
    assert (address() == first, bool(address())) == (reserved, True)


def test_an_operation_that_fails(gcp: LocalGcp) -> None:
    """An operation can end with an error: what it was to make is not there, and its name is free."""
    gcp.control.settings(operation_errors={"instances.insert": "ZONE_RESOURCE_POOL_EXHAUSTED"}, **SLOW)
    begun = instance(gcp)
    gcp.control.step(101)
    done = gcp.compute("ZoneOperations").get(operation=begun.name, **HERE)
    assert (done.status.name, done.error.errors[0].code) == ("DONE", "ZONE_RESOURCE_POOL_EXHAUSTED")
    assert done.http_error_status_code == 503
    with pytest.raises(exceptions.NotFound, match=f"projects/{PROJECT}/zones/{ZONE}/instances/vm"):
        status(gcp)
    gcp.control.settings(operation_errors={})
    instance(gcp)


def test_a_change_that_fails_changes_nothing(gcp: LocalGcp) -> None:
    """When a stop fails, the instance runs on."""
    gcp.control.settings(**AT_ONCE)
    instance(gcp)
    gcp.control.settings(operation_errors={"instances.*": "RESOURCE_OPERATION_RATE_EXCEEDED"})
    begun = gcp.compute("Instances").stop_unary(instance="vm", **HERE)
    assert gcp.done(begun, f"zones/{ZONE}").error.errors[0].code == "RESOURCE_OPERATION_RATE_EXCEEDED"
    assert status(gcp) == "RUNNING"


def test_refusals(gcp: LocalGcp) -> None:
    """What is not there, is there already, or has a bad name or place is refused as Google does."""
    gcp.control.settings(**AT_ONCE)
    with pytest.raises(exceptions.NotFound, match="The resource 'projects/a-project/global/networks/no' was not found"):
        gcp.compute("Networks").get(network="no", **FOR_ALL)
    network(gcp)
    with pytest.raises(exceptions.Conflict, match="already exists") as refused:
        network(gcp)
    assert refused.value.errors[0]["reason"] == "alreadyExists"
    with pytest.raises(exceptions.BadRequest, match="Must be a match of regex"):
        network(gcp, "Net")
    with pytest.raises(exceptions.BadRequest, match="Unknown zone"):
        gcp.compute("Disks").list(project=PROJECT, zone="moon-1-a", retry=None)
    path = f"/compute/v1/projects/{PROJECT}/zones/{ZONE}/instances"
    said = gcp.ask("POST", path, {"name": "vm", "machineType": "enormous", "disks": [{}], "networkInterfaces": [{}]})
    assert (said.status, said.body["error"]["errors"][0]["reason"]) == (400, "invalid")
    assert "Machine type with name 'enormous' does not exist" in said.body["error"]["message"]


def test_too_many_requests(gcp: LocalGcp) -> None:
    """A throttled caller hears 429 in Google's envelope, and when to come again."""
    gcp.control.throttle(rate=0.001, burst=1, service="compute")
    path = f"/compute/v1/projects/{PROJECT}/global/networks"
    assert gcp.ask("GET", path).status == 200
    said = gcp.ask("GET", path)
    assert (said.status, said.headers["Retry-After"]) == (429, "1")
    assert said.body["error"]["errors"][0]["reason"] == "rateLimitExceeded"
    with pytest.raises(exceptions.TooManyRequests):
        gcp.compute("Networks").list(**FOR_ALL)


def test_one_request_id_is_one_thing(gcp: LocalGcp) -> None:
    """The same request again gets the same operation; another under its id is refused; a refusal spends none."""
    gcp.control.settings(**AT_ONCE)
    key = str(uuid.UUID(int=7))
    first, second = network(gcp, request_id=key), network(gcp, request_id=key)
    assert first.name == second.name
    with pytest.raises(exceptions.BadRequest, match="already used for a different request"):
        network(gcp, "other", request_id=key)
    with pytest.raises(exceptions.BadRequest, match="must be a valid UUID"):
        network(gcp, "other", request_id="nonsense")
    with pytest.raises(exceptions.Conflict):
        network(gcp, request_id=str(uuid.UUID(int=8)))
    network(gcp, "other", request_id=str(uuid.UUID(int=8)))
    gcp.control.settings(request_id_seconds=50)
    gcp.control.step(51)
    with pytest.raises(exceptions.Conflict):
        network(gcp, request_id=key)


def test_fingerprints(gcp: LocalGcp) -> None:
    """A change that is built on an old state is refused with 412, and one on the present state is done."""
    gcp.control.settings(**AT_ONCE)
    disk(gcp, labels={"a": "1"})
    client = gcp.compute("Disks")
    old = client.get(disk="disk", **HERE).label_fingerprint

    def label(value: str, seen: str) -> None:
        body = c.ZoneSetLabelsRequest(labels={"a": value}, label_fingerprint=seen)
        client.set_labels_unary(resource="disk", zone_set_labels_request_resource=body, **HERE)

    label("2", old)
    for stale in (old, ""):
        with pytest.raises(exceptions.PreconditionFailed):
            label("3", stale)
    found = client.get(disk="disk", **HERE)
    assert dict(found.labels) == {"a": "2"}
    label("3", found.label_fingerprint)

    network(gcp)
    subnetworks, where = gcp.compute("Subnetworks"), {"project": PROJECT, "region": REGION, "retry": None}
    body = c.Subnetwork(name="sub", network="global/networks/net", ip_cidr_range="10.0.0.0/24")
    subnetworks.insert_unary(subnetwork_resource=body, **where)
    seen = subnetworks.get(subnetwork="sub", **where).fingerprint
    changed = c.Subnetwork(log_config=c.SubnetworkLogConfig(enable=True), fingerprint=seen)
    subnetworks.patch_unary(subnetwork="sub", subnetwork_resource=changed, **where)
    with pytest.raises(exceptions.PreconditionFailed):
        subnetworks.patch_unary(subnetwork="sub", subnetwork_resource=changed, **where)
    assert subnetworks.get(subnetwork="sub", **where).log_config.enable
    told = c.Subnetwork(description="new", fingerprint=subnetworks.get(subnetwork="sub", **where).fingerprint)
    with pytest.raises(exceptions.BadRequest, match="cannot be changed"):
        subnetworks.patch_unary(subnetwork="sub", subnetwork_resource=told, **where)


def test_what_is_made_does_not_show_before_its_operation_has_begun(gcp: LocalGcp) -> None:
    """A pending operation is found by its target alone; when it runs, what it makes shows."""
    gcp.control.settings(pending_seconds=60, operation_seconds=60)
    body = c.Network(name="net", auto_create_subnetworks=False)
    asked = gcp.compute("Networks").insert_unary(project=PROJECT, network_resource=body, retry=None)
    assert asked.status.name == "PENDING"
    with pytest.raises(exceptions.NotFound):
        gcp.compute("Networks").get(project=PROJECT, network="net")
    wanted = f'targetLink eq ".*/projects/{PROJECT}/global/networks/net"'
    listed = gcp.compute("GlobalOperations").list
    (found,) = listed(request={"project": PROJECT, "filter": wanted})
    assert (found.name, found.status.name) == (asked.name, "PENDING")
    gcp.control.step(61)
    assert gcp.compute("Networks").get(project=PROJECT, network="net").name == "net"
    gcp.control.step(61)
    (found,) = listed(request={"project": PROJECT, "filter": wanted})
    assert found.status.name == "DONE"


def test_references(gcp: LocalGcp) -> None:
    """What is referred to must exist, and cannot go before what refers to it."""
    gcp.control.settings(**AT_ONCE)
    rule = c.Firewall(name="rule", network="global/networks/net", allowed=[c.Allowed(I_p_protocol="tcp")])
    firewalls, networks = gcp.compute("Firewalls"), gcp.compute("Networks")
    with pytest.raises(exceptions.NotFound, match="global/networks/net' was not found"):
        firewalls.insert_unary(firewall_resource=rule, **FOR_ALL)
    with pytest.raises(exceptions.BadRequest, match="The referenced network resource cannot be found"):
        instance(gcp, net="global/networks/net")
    network(gcp)
    firewalls.insert_unary(firewall_resource=rule, **FOR_ALL)
    with pytest.raises(exceptions.BadRequest, match="is already being used by") as refused:
        networks.delete_unary(network="net", **FOR_ALL)
    assert refused.value.errors[0]["reason"] == "resourceInUseByAnotherResource"
    firewalls.delete_unary(firewall="rule", **FOR_ALL)
    networks.delete_unary(network="net", **FOR_ALL)
    assert "net" not in [n.name for n in networks.list(**FOR_ALL)]


def test_an_attached_disk(gcp: LocalGcp) -> None:
    """A disk that is attached cannot be deleted; detached, it can; it grows and never shrinks."""
    gcp.control.settings(**AT_ONCE)
    instance(gcp)
    disk(gcp, "data")
    instances, disks = gcp.compute("Instances"), gcp.compute("Disks")
    attached = c.AttachedDisk(source=f"zones/{ZONE}/disks/data", device_name="data")
    instances.attach_disk_unary(instance="vm", attached_disk_resource=attached, **HERE)
    with pytest.raises(exceptions.BadRequest, match="already being used"):
        disks.delete_unary(disk="data", **HERE)
    bigger = c.DisksResizeRequest(size_gb=30)
    disks.resize_unary(disk="data", disks_resize_request_resource=bigger, **HERE)
    with pytest.raises(exceptions.BadRequest, match="must be larger"):
        disks.resize_unary(disk="data", disks_resize_request_resource=bigger, **HERE)
    assert disks.get(disk="data", **HERE).size_gb == 30
    instances.detach_disk_unary(instance="vm", device_name="data", **HERE)
    disks.delete_unary(disk="data", **HERE)
    assert [d.name for d in disks.list(**HERE)] == ["vm"]


def test_quotas(gcp: LocalGcp) -> None:
    """A project has as many as it may have; the networks that it began with do not count."""
    gcp.control.settings(quotas={"networks": 1}, **AT_ONCE)
    network(gcp)
    with pytest.raises(exceptions.Forbidden, match="Quota 'NETWORKS' exceeded") as refused:
        network(gcp, "other")
    assert refused.value.errors[0]["reason"] == "quotaExceeded"


def test_subnetworks_overlap(gcp: LocalGcp) -> None:
    """Two subnetworks of one network share no address."""
    gcp.control.settings(**AT_ONCE)
    network(gcp)
    client, where = gcp.compute("Subnetworks"), {"project": PROJECT, "region": REGION, "retry": None}
    for name, span, fits in (("a", "10.0.0.0/24", True), ("b", "10.0.1.0/24", True), ("c", "10.0.0.128/25", False)):
        body = c.Subnetwork(name=name, network="global/networks/net", ip_cidr_range=span)
        if fits:
            client.insert_unary(subnetwork_resource=body, **where)
        else:
            with pytest.raises(exceptions.BadRequest, match="conflicts with existing subnetwork 'a'"):
                client.insert_unary(subnetwork_resource=body, **where)
    assert client.get(subnetwork="b", **where).gateway_address == "10.0.1.1"


def test_a_group(gcp: LocalGcp) -> None:
    """A group has as many members as it shall have, and is stable when its operation is done; its template is held."""
    gcp.control.settings(**AT_ONCE)
    properties = c.InstanceProperties(
        machine_type="e2-small", network_interfaces=[c.NetworkInterface(network="default")]
    )
    template = c.InstanceTemplate(name="template", properties=properties)
    templates, groups = gcp.compute("InstanceTemplates"), gcp.compute("InstanceGroupManagers")
    templates.insert_unary(instance_template_resource=template, **FOR_ALL)
    body = c.InstanceGroupManager(
        name="group", base_instance_name="app", target_size=2, instance_template="global/instanceTemplates/template"
    )
    groups.insert_unary(instance_group_manager_resource=body, **HERE)
    gcp.control.settings(**SLOW)
    groups.resize_unary(instance_group_manager="group", size=3, **HERE)
    assert not groups.get(instance_group_manager="group", **HERE).status.is_stable
    gcp.control.step(101)
    found = groups.get(instance_group_manager="group", **HERE)
    assert (found.status.is_stable, found.target_size) == (True, 3)
    members = list(groups.list_managed_instances(instance_group_manager="group", **HERE))
    assert [m.instance_status for m in members] == ["RUNNING"] * 3
    gcp.control.settings(**AT_ONCE)
    gcp.compute("Instances").delete_unary(instance=members[0].name, **HERE)
    healed = {m.name for m in groups.list_managed_instances(instance_group_manager="group", **HERE)}
    assert (len(healed), members[0].name in healed) == (3, False)
    assert {i.name for i in gcp.compute("Instances").list(**HERE)} == healed
    with pytest.raises(exceptions.BadRequest, match="already being used"):
        templates.delete_unary(instance_template="template", **FOR_ALL)
    groups.delete_unary(instance_group_manager="group", **HERE)
    assert list(gcp.compute("Instances").list(**HERE)) == []


def test_a_load_balancer(gcp: LocalGcp) -> None:
    """A chain of references goes from its end, and each part has the defaults of its type."""
    gcp.control.settings(**AT_ONCE)
    checks, services, rules = (gcp.compute(n) for n in ("HealthChecks", "BackendServices", "GlobalForwardingRules"))
    service = c.BackendService(name="service", health_checks=["global/healthChecks/check"])
    with pytest.raises(exceptions.BadRequest, match="The referenced health check resource cannot be found"):
        services.insert_unary(backend_service_resource=service, **FOR_ALL)
    check = c.HealthCheck(name="check", type_="HTTP", http_health_check=c.HTTPHealthCheck(port=80))
    checks.insert_unary(health_check_resource=check, **FOR_ALL)
    services.insert_unary(backend_service_resource=service, **FOR_ALL)
    found = services.get(backend_service="service", **FOR_ALL)
    assert (found.protocol, found.timeout_sec, found.session_affinity) == ("HTTP", 30, "NONE")
    rule = c.ForwardingRule(name="rule", backend_service="global/backendServices/service", port_range="80")
    rules.insert_unary(forwarding_rule_resource=rule, **FOR_ALL)
    standing = rules.get(forwarding_rule="rule", **FOR_ALL)
    assert (standing.I_p_protocol, standing.port_range, bool(standing.I_p_address)) == ("TCP", "80-80", True)
    labels = c.GlobalSetLabelsRequest(labels={"a": "b"}, label_fingerprint=standing.label_fingerprint)
    rules.set_labels_unary(resource="rule", global_set_labels_request_resource=labels, **FOR_ALL)
    assert dict(rules.get(forwarding_rule="rule", **FOR_ALL).labels) == {"a": "b"}
    changed = c.BackendService(timeout_sec=60, fingerprint=found.fingerprint)
    services.patch_unary(backend_service="service", backend_service_resource=changed, **FOR_ALL)
    with pytest.raises(exceptions.PreconditionFailed):
        services.patch_unary(backend_service="service", backend_service_resource=changed, **FOR_ALL)
    for delete, name in (
        (services.delete_unary, {"backend_service": "service"}),
        (checks.delete_unary, {"health_check": "check"}),
    ):
        with pytest.raises(exceptions.BadRequest, match="already being used"):
            delete(**name, **FOR_ALL)
    rules.delete_unary(forwarding_rule="rule", **FOR_ALL)
    services.delete_unary(backend_service="service", **FOR_ALL)
    checks.delete_unary(health_check="check", **FOR_ALL)
    assert set(gcp.control.world()["compute"]) == set()


def test_an_address_in_use(gcp: LocalGcp) -> None:
    """An address says that it is used, also when it is named by its number, and cannot be given back."""
    gcp.control.settings(**AT_ONCE)
    client, where = gcp.compute("Addresses"), {"project": PROJECT, "region": REGION, "retry": None}
    client.insert_unary(address_resource=c.Address(name="ip"), **where)
    number = client.get(address="ip", **where).address
    nic = c.NetworkInterface(network="global/networks/default", access_configs=[c.AccessConfig(nat_i_p=number)])
    disk(gcp, "boot")
    body = c.Instance(
        name="vm",
        machine_type="e2-small",
        network_interfaces=[nic],
        disks=[c.AttachedDisk(boot=True, source=f"zones/{ZONE}/disks/boot")],
    )
    gcp.compute("Instances").insert_unary(instance_resource=body, **HERE)
    found = client.get(address="ip", **where)
    assert (found.status, [u.rpartition("/")[2] for u in found.users]) == ("IN_USE", ["vm"])
    with pytest.raises(exceptions.BadRequest, match="already being used"):
        client.delete_unary(address="ip", **where)
    gcp.compute("Instances").delete_unary(instance="vm", **HERE)
    assert client.get(address="ip", **where).status == "RESERVED"
    client.delete_unary(address="ip", **where)
    assert [d.name for d in gcp.compute("Disks").list(**HERE)] == ["boot"]


def test_metadata_and_tags(gcp: LocalGcp) -> None:
    """Metadata and network tags are changed under fingerprints of their own; a PUT leaves nothing of the old rule."""
    gcp.control.settings(**AT_ONCE)
    instance(gcp, metadata=c.Metadata(items=[c.Items(key="a", value="1")]), tags=c.Tags(items=["web"]))
    client = gcp.compute("Instances")
    seen = client.get(instance="vm", **HERE)
    metadata = c.Metadata(items=[c.Items(key="a", value="2")], fingerprint=seen.metadata.fingerprint)
    client.set_metadata_unary(instance="vm", metadata_resource=metadata, **HERE)
    with pytest.raises(exceptions.PreconditionFailed):
        client.set_metadata_unary(instance="vm", metadata_resource=metadata, **HERE)
    tags = c.Tags(items=["db"], fingerprint=seen.tags.fingerprint)
    client.set_tags_unary(instance="vm", tags_resource=tags, **HERE)
    found = client.get(instance="vm", **HERE)
    assert (found.metadata.items[0].value, list(found.tags.items)) == ("2", ["db"])
    firewalls, tcp = gcp.compute("Firewalls"), c.Allowed(I_p_protocol="tcp", ports=["80"])
    rule = c.Firewall(name="rule", network="global/networks/default", allowed=[tcp], source_ranges=["10.0.0.0/8"])
    firewalls.insert_unary(firewall_resource=rule, **FOR_ALL)
    whole = c.Firewall(name="rule", network="global/networks/default", allowed=[tcp], source_tags=["web"])
    firewalls.update_unary(firewall="rule", firewall_resource=whole, **FOR_ALL)
    after = firewalls.get(firewall="rule", **FOR_ALL)
    assert (list(after.source_ranges), list(after.source_tags), after.priority) == ([], ["web"], 1000)
    with pytest.raises(exceptions.BadRequest, match="cannot be changed"):
        firewalls.patch_unary(firewall="rule", firewall_resource=c.Firewall(network="global/networks/x"), **FOR_ALL)


def test_an_image_of_a_disk(gcp: LocalGcp) -> None:
    """An image is as large as its disk, and outlives it; it is found by its family, and no disk of it is smaller."""
    gcp.control.settings(**AT_ONCE)
    disk(gcp)
    image = c.Image(name="image", family="mine", source_disk=f"zones/{ZONE}/disks/disk")
    gcp.compute("Images").insert_unary(image_resource=image, **FOR_ALL)
    gcp.compute("Disks").delete_unary(disk="disk", **HERE)
    assert gcp.compute("Images").get_from_family(family="mine", **FOR_ALL).disk_size_gb == 10
    small = c.Disk(name="small", size_gb=5, source_image="global/images/image")
    with pytest.raises(exceptions.BadRequest, match="must not be less than the image size"):
        gcp.compute("Disks").insert_unary(disk_resource=small, **HERE)
    same = c.Disk(name="same", source_image=f"projects/{PROJECT}/global/images/family/mine")
    gcp.compute("Disks").insert_unary(disk_resource=same, **HERE)
    assert gcp.compute("Disks").get(disk="same", **HERE).source_image.endswith("global/images/image")
    assert [i.name for i in gcp.compute("Images").list(project="debian-cloud", retry=None)]

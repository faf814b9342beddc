"""Machines and scale sets of the local Azure, through the official SDK."""

from __future__ import annotations

from typing import Any

from tests.localcloud.azure_parts import WHERE, LocalAzure, disk, group, interface, machine, network, quick, refused


def power(azure: LocalAzure, name: str = "web") -> str:
    statuses = azure.compute.virtual_machines.instance_view("shop", name).statuses
    return next((s.code.partition("/")[2] for s in statuses if s.code.startswith("PowerState/")), "")


def ground(azure: LocalAzure) -> str:
    """A group and a network, and the id of its subnet."""
    quick(azure)
    group(azure)
    return str(network(azure).subnets[0].id)


def launch(azure: LocalAzure, **more: Any) -> Any:
    nic = interface(azure, ground(azure)).id
    return azure.compute.virtual_machines.begin_create_or_update("shop", "web", machine(nic, **more)).result()


def test_a_machine_comes_up(azure: LocalAzure) -> None:
    """A machine brings its disk, shows no password, and runs."""
    made = launch(azure)
    assert made.os_profile.admin_password is None
    assert power(azure) == "running"
    main = azure.compute.disks.get("shop", made.storage_profile.os_disk.name)
    assert (main.managed_by, main.disk_state, main.os_type) == (made.id, "Attached", "Linux")
    assert azure.network.network_interfaces.get("shop", "nic").virtual_machine.id == made.id
    (entry,) = azure.control.executed("Microsoft.Compute/virtualMachines/write")
    assert made.id in entry.made
    assert "Opens-nothing" not in str(entry.parameters)


def test_power(azure: LocalAzure) -> None:
    """Start, powerOff, deallocate and restart take time, say so meanwhile, and end as they should."""
    launch(azure)
    azure.control.settings(seconds={})
    machines = azure.compute.virtual_machines
    for act, meanwhile, after in (
        (machines.begin_power_off, "stopping", "stopped"),
        (machines.begin_deallocate, "deallocating", "deallocated"),
        (machines.begin_start, "starting", "running"),
        (machines.begin_restart, "running", "running"),
    ):
        act("shop", "web", polling=False)
        assert power(azure) == meanwhile
        with refused("ConflictingConcurrentWriteNotAllowed", 409):
            machines.begin_start("shop", "web")
        azure.control.step(60)
        assert power(azure) == after


def test_a_machine_leaves_its_disks(azure: LocalAzure) -> None:
    """With a machine go the disks that were to go with it, and no others."""
    nic = interface(azure, ground(azure)).id
    body = machine(nic)
    profile = body["properties"]["storageProfile"]
    profile["osDisk"]["deleteOption"] = "Delete"
    profile["dataDisks"] = [{"lun": 0, "createOption": "Attach", "managedDisk": {"id": disk(azure).id}}]
    azure.compute.virtual_machines.begin_create_or_update("shop", "web", body).result()
    assert azure.compute.disks.get("shop", "disk").disk_state == "Attached"
    azure.compute.virtual_machines.begin_delete("shop", "web").result()
    assert [(d.name, d.disk_state) for d in azure.compute.disks.list()] == [("disk", "Unattached")]


def test_a_disk_belongs_to_one_machine(azure: LocalAzure) -> None:
    """A disk, and an interface, that one machine has are refused to another."""
    made = launch(azure)
    nic = azure.network.network_interfaces.get("shop", "nic")
    machines = azure.compute.virtual_machines
    with refused("NicInUse", 400):
        machines.begin_create_or_update("shop", "other", machine(nic.id))
    body = machine(interface(azure, nic.ip_configurations[0].subnet.id, "nic2").id)
    taken = made.storage_profile.os_disk.managed_disk.id
    body["properties"]["storageProfile"]["dataDisks"] = [
        {"lun": 0, "createOption": "Attach", "managedDisk": {"id": taken}}
    ]
    with refused("ConflictingUserInput", 409):
        machines.begin_create_or_update("shop", "other", body)


def test_a_machine_is_changed(azure: LocalAzure) -> None:
    """Size and tags change in place and the disks stay; the name of its administrator cannot be changed."""
    made = launch(azure)
    machines = azure.compute.virtual_machines
    machines.begin_update("shop", "web", {"properties": {"hardwareProfile": {"vmSize": "Standard_B2s"}}}).result()
    machines.begin_update("shop", "web", {"tags": {"a": "b"}}).result()
    shown = machines.get("shop", "web")
    assert (shown.hardware_profile.vm_size, shown.tags) == ("Standard_B2s", {"a": "b"})
    assert shown.storage_profile.os_disk.managed_disk.id == made.storage_profile.os_disk.managed_disk.id
    body = machine(made.network_profile.network_interfaces[0].id)
    body["properties"]["osProfile"]["adminUsername"] = "other"
    with refused("PropertyChangeNotAllowed", 409):
        machines.begin_create_or_update("shop", "web", body)


def scale_set(subnet: str, capacity: int = 2) -> dict[str, Any]:
    address = {"name": "one", "properties": {"subnet": {"id": subnet}}}
    nic = {"name": "nic", "properties": {"primary": True, "ipConfigurations": [address]}}
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    return {
        "location": WHERE,
        "sku": {"name": "Standard_B1s", "capacity": capacity},
        "properties": {
            "upgradePolicy": {"mode": "Manual"},
            "virtualMachineProfile": {
                "storageProfile": {"imageReference": image},
                "osProfile": {"computerNamePrefix": "web", "adminUsername": "ops", "adminPassword": "Opens-nothing-1"},
                "networkProfile": {"networkInterfaceConfigurations": [nic]},
            },
        },
    }


def test_a_scale_set(azure: LocalAzure) -> None:
    """A set has as many instances as it was asked for, more or fewer later; their numbers are not used again."""
    subnet = ground(azure)
    sets, instances = azure.compute.virtual_machine_scale_sets, azure.compute.virtual_machine_scale_set_vms

    def numbers() -> list[str]:
        return [i.instance_id for i in instances.list("shop", "web")]

    sets.begin_create_or_update("shop", "web", scale_set(subnet)).result()
    assert numbers() == ["0", "1"]
    assert [i.name for i in instances.list("shop", "web")] == ["web_0", "web_1"]
    sets.begin_delete_instances("shop", "web", {"instanceIds": ["0"]}).result()
    assert (numbers(), sets.get("shop", "web").sku.capacity) == (["1"], 1)
    sets.begin_create_or_update("shop", "web", scale_set(subnet, 3)).result()
    assert numbers() == ["1", "2", "3"]
    sets.begin_update("shop", "web", {"sku": {"name": "Standard_B1s", "capacity": 1}}).result()
    assert numbers() == ["1"]
    with refused("InUseSubnetCannotBeDeleted", 400):
        azure.network.subnets.begin_delete("shop", "net", "s0")
    sets.begin_delete("shop", "web").result()
    assert list(azure.compute.disks.list()) == []


def test_a_new_model_is_rolled_out(azure: LocalAzure) -> None:
    """After a change of its model a set with manual upgrades has old instances, until each is upgraded."""
    subnet = ground(azure)
    sets, instances = azure.compute.virtual_machine_scale_sets, azure.compute.virtual_machine_scale_set_vms

    def latest() -> list[bool]:
        return [i.latest_model_applied for i in instances.list("shop", "web")]

    sets.begin_create_or_update("shop", "web", scale_set(subnet)).result()
    body = scale_set(subnet)
    body["properties"]["virtualMachineProfile"]["storageProfile"]["imageReference"]["version"] = "24.04.1"
    sets.begin_create_or_update("shop", "web", body).result()
    assert latest() == [False, False]
    sets.begin_update_instances("shop", "web", {"instanceIds": ["1"]}).result()
    assert latest() == [False, True]
    instances.begin_power_off("shop", "web", "1").result()
    codes = [s.code for s in instances.get_instance_view("shop", "web", "1").statuses]
    assert "PowerState/stopped" in codes


def test_images(azure: LocalAzure) -> None:
    """An image's versions are listed, a machine gets the newest, and one that is not there is refused."""
    images = azure.compute.virtual_machine_images
    which = (WHERE, "Canonical", "ubuntu-24_04-lts", "server")
    newest = images.list(*which, top=1, orderby="name desc")[0].name
    assert launch(azure).storage_profile.image_reference.exact_version == newest
    assert images.get(*which, newest).os_disk_image.operating_system == "Linux"
    with refused("PlatformImageNotFound", 404):
        images.get(*which, "0.0.0")

"""Azure: a resource group (by name, with tags, answered at once), a network security group (by name, with tags, by an
operation), a role assignment (marked in its description), and a subnet (nothing carries a mark: the ledger knows).
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.testing.laws import Thing
from tests.kills.clouds import Cloud
from tests.kills.parts import KEPT, Hit, Part, Site, second

SUBSCRIPTION, REGION = "00000000-0000-0000-0000-000000000001", "westeurope"

# What the rest is put into: it stands before.
YARD = "  yard: {kind: azure.resource_group, spec: {name: <stack>-yard}}\n"
NET = """
  net:
    kind: azure.virtual_network
    spec: {name: <stack>-net, resource_group: "${yard.name}", address_space: [10.0.0.0/16]}
"""
BASE = YARD + NET

CREW = "  crew: {kind: azure.resource_group, <about>spec: {name: <stack>-crew}}\n"
GATE = (
    '  gate: {kind: azure.network_security_group, <about>spec: {name: <stack>-gate, resource_group: "${yard.name}"}}\n'
)
READS = (
    "  reads: {kind: azure.role_assignment, <about>spec: {role_definition_id: <reader>, principal_id: <somebody>, "
    'scope: "${yard.id}"}}\n'
)
LAN = (
    '  lan: {kind: azure.subnet, <about>spec: {name: <stack>-lan, virtual_network: "${net.id}", '
    "address_prefixes: [10.0.1.0/24]}}\n"
)
THREE = CREW + GATE + READS
FOUR = THREE + LAN
OTHERS = (
    CREW.replace("<stack>-crew", "<stack>-crew, tags: {team: shop}")
    + GATE.replace(
        "<stack>-gate",
        "<stack>-gate, security_rules: [{name: https, direction: Inbound, access: Allow, priority: 100, protocol: Tcp, "
        "source_address_prefixes: [VirtualNetwork], destination_address_prefixes: ['*'], "
        "destination_port_ranges: [443]}]",
    )
    + READS.replace("scope:", "description: reads the yard, scope:")
    + LAN.replace("[10.0.1.0/24]", "[10.0.1.0/24], default_outbound_access: true")
)
RENAMED = THREE.replace("crew:", "guild:").replace("gate:", "door:").replace("reads:", "looks:")
MOVED = "moved: {crew: guild, gate: door, reads: looks}\n"
NIC = """
  wire: {kind: azure.subnet, spec: {name: <stack>-wire, virtual_network: "${net.id}", address_prefixes: [10.0.2.0/24]}}
  nic: {kind: azure.network_interface, spec: {name: <stack>-nic, resource_group: "${yard.name}", subnet: "${wire.id}"}}
"""
ON = """
  web:
    kind: azure.virtual_machine
    spec:
      name: <stack>-web
      resource_group: "${yard.name}"
      vm_size: Standard_B2s
      image: Canonical:ubuntu-24_04-lts:server:latest
      network_interfaces: ["${nic.id}"]
      admin_username: ops
      ssh_public_keys: ["<key>"]
"""
OFF = f"{ON}      power: deallocated\n"
# A kind that nobody else lists: what a list is filtered by, no rule can match.
DOOR = '  door: {kind: azure.public_ip, spec: {name: <stack>-door, resource_group: "${yard.name}"}}\n'
PATIENT = DOOR.replace("<stack>-door", "<stack>-door, idle_timeout_in_minutes: 10")
ANCHOR = (
    '  anchor: {kind: azure.disk, spec: {name: <stack>-anchor, resource_group: "${yard.name}", disk_size_gb: 20}}\n'
)

TAGS = "Microsoft.Resources/tags/write"
GROUPS, GATES = "Microsoft.Resources/resourceGroups", "Microsoft.Network/networkSecurityGroups"
ROLES, LANS = "Microsoft.Authorization/roleAssignments", "Microsoft.Network/virtualNetworks/subnets"
MACHINES = "Microsoft.Compute/virtualMachines"


def _each(verb: str) -> tuple[Hit, ...]:
    return (
        Hit(f"{GROUPS}/{verb}", "/<stack>-crew"),
        Hit(f"{GATES}/{verb}", "/<stack>-gate"),
        Hit(f"{ROLES}/{verb}", "/<stack>-yard/"),
        Hit(f"{LANS}/{verb}", "/<stack>-lan"),
    )


WRITES, DELETES = _each("write"), _each("delete")
UPDATES = (Hit(TAGS, "/<stack>-crew/"), *WRITES[1:])
MARKS = (Hit(TAGS, "/<stack>-crew/"), Hit(TAGS, "/<stack>-gate/"), WRITES[2])
STOP, START = (Hit(f"{MACHINES}/{verb}/action", "/<stack>-web") for verb in ("deallocate", "start"))

FORWARD = (
    Part("create", None, BASE + FOUR, WRITES, BASE + FOUR),
    Part("update", BASE + FOUR, BASE + OTHERS, UPDATES, BASE + OTHERS),
    Part("delete", BASE + FOUR, BASE, DELETES, BASE),
    Part("adopt", BASE + THREE, BASE + RENAMED + MOVED, MARKS, BASE + RENAMED),
    Part("disown", BASE + THREE, BASE, MARKS, BASE, about=KEPT, lets_go=True),
    Part("operate", BASE + NIC + ON, BASE + NIC + OFF, (STOP,), BASE + NIC + OFF),
    Part(
        "discover",
        YARD + DOOR,
        YARD + PATIENT,
        (Hit("Microsoft.Network/publicIPAddresses/read", "/providers/Microsoft.Network/publicIPAddresses"),),
        YARD + PATIENT,
    ),
)
BACK = (
    Part("taking a create back", BASE + ANCHOR, BASE + FOUR, DELETES, BASE + ANCHOR),
    Part("taking an update back", BASE + FOUR + ANCHOR, BASE + OTHERS, second(UPDATES), BASE + FOUR + ANCHOR),
    Part("taking a delete back", YARD + GATE + READS + ANCHOR, YARD, WRITES[1:3], YARD + GATE + READS + ANCHOR),
    Part(
        "taking an adoption back",
        BASE + THREE + ANCHOR,
        BASE + RENAMED + MOVED,
        second(MARKS),
        BASE + THREE + ANCHOR,
    ),
    Part("taking an operation back", BASE + NIC + ON + ANCHOR, BASE + NIC + OFF, (START,), BASE + NIC + ON + ANCHOR),
    Part("taking a disowning back", BASE + THREE + ANCHOR, BASE, second(MARKS), BASE + THREE + ANCHOR, about=KEPT),
)


def _things(cloud: Cloud) -> list[Thing]:
    from starter.testing.azure import AzureGround

    return AzureGround(cloud).things()


def _words(cloud: Cloud, region: str) -> Mapping[str, str]:
    return {
        "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "somebody": "5f0e4a52-1d52-4a6f-9d5b-2f8f0a6b7c11",
        "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleEx ops",
    }


SITE = Site(
    cloud="azure",
    scope=f"{{cloud: azure, account: {SUBSCRIPTION}, region: <region>}}",
    region=REGION,
    waves={"forward": FORWARD, "back": BACK},
    things=_things,
    kinds={
        GROUPS: "azure.resource_group",
        GATES: "azure.network_security_group",
        ROLES: "azure.role_assignment",
        LANS: "azure.subnet",
        MACHINES: "azure.virtual_machine",
        "Microsoft.Network/virtualNetworks": "azure.virtual_network",
        "Microsoft.Network/networkInterfaces": "azure.network_interface",
        "Microsoft.Network/publicIPAddresses": "azure.public_ip",
        "Microsoft.Compute/disks": "azure.disk",
    },
    unmarked=frozenset({LANS}),
    refusal=("Microsoft.Compute/disks/delete", "AuthorizationFailed", 403),
    lags={"listed_after_seconds": 5},
    stale={},
    words=_words,
    settings={"seconds": {"*": 0.5}},
)

"""What a plan says of Azure's kinds where their cloud would refuse the walk."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.document import bind_text
from holdfast.errors import InUse, InvalidInput
from holdfast.model import Address, Owner, Status
from holdfast.plan import Plan
from holdfast.planners.converge import Facts, converge
from holdfast.resource import Observation
from tests.kinds.azure_visit import GROUP
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE
from workers.catalog import catalog

OWNER = Owner("test", "shop")
HEAD = f"""\
version: 1
stack: shop
owner: the tests
environment: test
scopes: {{main: {{cloud: azure, account: "{SUBSCRIPTION}", region: {WHERE}}}}}
defaults: {{scope: main}}
resources:
"""
DOOR = '  door: {{kind: azure.public_ip, spec: {{name: {}, resource_group: shop, zones: ["1"]}}}}\n'
WEB = f"""\
  web:
    kind: azure.network_interface
    spec: {{name: web, resource_group: shop, subnet: {GROUP}/subnets/app, public_ip_address: "${{door.id}}"}}
"""
DAYS = "soft_delete_retention_in_days"
VAULT = "  vault: {{kind: azure.key_vault, spec: {{name: {}, resource_group: shop, {}: 30}}}}\n"


def _standing(kind: str, at: str, type_: str, **said: Any) -> tuple[Address, tuple[Observation, ...]]:
    """One of ours, as Azure shows it."""
    address, id_ = Address("shop", kind, at), f"{GROUP}/providers/{type_}/{said['name']}"
    seen = Observation(
        kind=kind,
        status=Status.ready,
        remote_id=id_.lower(),
        properties={"resource_group": "shop", "tags": {}, **said},
        outputs={"id": id_, "name": said["name"]},
        owner=str(OWNER),
        address=str(address),
        token="t",
    )
    return address, (seen,)


def _plan(resources: str, *standing: tuple[Address, tuple[Observation, ...]]) -> Plan:
    goal = bind_text(HEAD + resources, "the test", catalog())
    return converge(catalog(), Facts(owner=OWNER, goal=goal, observations=dict(standing)))


PLACE = f"{GROUP}/providers/Microsoft.Network/publicIPAddresses/door"
STANDS = (
    _standing("azure.public_ip", "door", "Microsoft.Network/publicIPAddresses", name="door", zones=["2"]),
    _standing(
        *("azure.network_interface", "web", "Microsoft.Network/networkInterfaces"),
        name="web",
        subnet=f"{GROUP}/subnets/app",
        public_ip_address=PLACE,
    ),
)


def test_an_address_that_is_used_is_not_deleted_first() -> None:
    """Azure would refuse that for as long as an interface has it. Under another name it is made first."""
    with pytest.raises(InUse, match=r"azure\.network_interface/web uses it until then") as refused:
        _plan(DOOR.format("door") + WEB, *STANDS)
    assert "another name" in refused.value.letter.next
    plan = _plan(DOOR.format("door-2") + WEB, *STANDS)
    assert [f"{a.verb} {a.address.name}" for a in plan.actions] == ["create door", "update web", "delete door"]


def test_a_vault_is_not_replaced_by_one_of_its_name() -> None:
    """The deleted one would hold the name. Under another name it is made first."""
    stands = _standing(
        *("azure.key_vault", "vault", "Microsoft.KeyVault/vaults"), name="shop-vault", soft_delete_retention_in_days=90
    )
    with pytest.raises(InvalidInput, match="once deleted it holds that for 90 days"):
        _plan(VAULT.format("shop-vault", DAYS), stands)
    plan = _plan(VAULT.format("shop-vault-2", DAYS), stands)
    assert [f"{a.verb} {a.address.name}" for a in plan.actions] == ["create vault", "delete vault"]

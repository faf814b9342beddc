"""`azure.load_balancer`: what the laws cannot see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from activities.providers.azure import ids
from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.load_balancer import LoadBalancer, LoadBalancerSpec
from holdfast.model import Address, Owner
from holdfast.plan import FieldChange
from holdfast.resource import Call
from tests.kinds.azure_visit import GROUP, SCOPE, SUBNET, with_a_subnet
from tests.localcloud.azure_parts import LocalAzure

OWNER = Owner("test", "shop")
KIND = LoadBalancer()
BALANCER = ids.inside(GROUP, "Microsoft.Network/loadBalancers", "web")


@pytest.fixture
def visit(azure: LocalAzure) -> AzureVisit:
    return with_a_subnet(azure)


def _spec(**more: Any) -> LoadBalancerSpec:
    fronts = [{"name": "inside", "subnet": SUBNET}]
    said = {"name": "web", "resource_group": "shop", "frontend_ip_configurations": fronts, **more}
    return LoadBalancerSpec.model_validate(said)


def _call(visit: AzureVisit, **more: Any) -> Call[LoadBalancerSpec]:
    return Call(Address(OWNER.stack, KIND.kind, "web"), SCOPE, OWNER, visit.client, token="a", spec=_spec(**more))


@pytest.mark.parametrize("front", [{"name": "a"}, {"name": "a", "subnet": "/s", "public_ip_address": "/p"}])
def test_a_frontend_is_inside_or_outside(front: dict[str, str]) -> None:
    """A frontend has an address in a subnet or a public one, and never both."""
    with pytest.raises(ValidationError, match="one of them only"):
        _spec(frontend_ip_configurations=[front])


def test_two_parts_of_one_name() -> None:
    """A name stands for one part of a list."""
    with pytest.raises(ValidationError, match="the same name"):
        _spec(backend_address_pools=["app", "App"])


def test_what_others_put_in_stays(visit: AzureVisit, azure: LocalAzure) -> None:
    """A new probe leaves the addresses that others have put into a pool, and their rules of translation."""
    KIND.create(_call(visit, backend_address_pools=["app"]))
    azure.control.step(60)
    body = visit.client("network").get(BALANCER).body
    inside = {"id": f"{BALANCER}/frontendIPConfigurations/inside"}
    theirs = {"frontendIPConfiguration": inside, "protocol": "Tcp", "frontendPort": 50022, "backendPort": 22}
    body["properties"]["inboundNatRules"] = [{"name": "ssh", "properties": theirs}]
    mine = {"name": "one", "properties": {"ipAddress": "10.0.1.9"}}
    body["properties"]["backendAddressPools"][0]["properties"]["loadBalancerBackendAddresses"] = [mine]
    visit.client("network").put(BALANCER, body)
    azure.control.step(60)
    probes = [{"name": "well", "protocol": "Tcp", "port": 80}]
    wanted = _call(visit, backend_address_pools=["more", "app"], probes=probes)
    changes = tuple(FieldChange(path=path, after=[]) for path in ("probes", "backend_address_pools"))
    KIND.update(replace(wanted, remote_id=BALANCER, changes=changes))
    azure.control.step(60)
    now = visit.client("network").get(BALANCER).body["properties"]
    assert [rule["name"] for rule in now["inboundNatRules"]] == ["ssh"]
    pools = {pool["name"]: pool["properties"] for pool in now["backendAddressPools"]}
    assert pools["app"]["loadBalancerBackendAddresses"] == [mine]
    assert set(pools) == {"app", "more"}
    assert [probe["name"] for probe in now["probes"]] == ["well"]

"""The group of a manager, through the official SDK: its ports are its own, and its fingerprint is theirs."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import compute_v1 as c

from tests.localcloud.google_made import HERE
from tests.localcloud.google_parts import AT_ONCE, LocalGcp


def test_ports_are_the_groups_own(gcp: LocalGcp) -> None:
    """They are written at the group, under the fingerprint with which they were read, and shown by its manager."""
    gcp.control.settings(**AT_ONCE)
    managers, groups = gcp.compute("InstanceGroupManagers"), gcp.compute("InstanceGroups")
    body = c.InstanceGroupManager(name="web", target_size=0, named_ports=[c.NamedPort(name="http", port=80)])
    managers.insert_unary(instance_group_manager_resource=body, **HERE)
    found = groups.get(instance_group="web", **HERE)
    assert [(p.name, p.port) for p in found.named_ports] == [("http", 80)]
    new = c.InstanceGroupsSetNamedPortsRequest(
        named_ports=[c.NamedPort(name="http", port=81)], fingerprint=found.fingerprint
    )
    said = {"instance_group": "web", "instance_groups_set_named_ports_request_resource": new}
    asked = groups.set_named_ports_unary(**said, **HERE)
    assert asked.target_link.endswith("/instanceGroups/web")
    with pytest.raises(exceptions.PreconditionFailed):
        groups.set_named_ports_unary(**said, **HERE)
    assert [p.port for p in managers.get(instance_group_manager="web", **HERE).named_ports] == [81]
    none = c.InstanceGroupsSetNamedPortsRequest()
    groups.set_named_ports_unary(instance_groups_set_named_ports_request_resource=none, instance_group="web", **HERE)
    assert not groups.get(instance_group="web", **HERE).named_ports
    with pytest.raises(exceptions.NotFound):
        groups.get(instance_group="other", **HERE)

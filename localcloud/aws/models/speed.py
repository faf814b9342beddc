"""Keeps the cost of a call from growing with what stands.

Moto looks through all tags of all things, with patterns, for the tags of one; through all groups of all networks,
copying each, for one group; through copies of all reservations for one instance. Nothing here changes an answer, but
one: a filter with several values matches a list that has any of them, as on AWS.
Source: EC2 API reference "Filter".
"""

from __future__ import annotations

import fnmatch
from typing import Any

from localcloud.aws.models.calls import Calls, replaced


def install(_: Calls) -> None:
    """See the module."""
    _tags_and_groups()
    _instances()
    _subnets()
    _filters()


def _tags_and_groups() -> None:
    from moto.ec2 import utils
    from moto.ec2.models.core import TaggedEC2Resource
    from moto.ec2.models.security_groups import SecurityGroupBackend

    def get_tags(thing: Any) -> list[dict[str, str]]:
        kind = utils.EC2_PREFIX_TO_RESOURCE.get(utils.get_prefix(thing.id), "") if thing.id else ""
        own = thing.ec2_backend.tags.get(thing.id, {}) if thing.id else {}
        return [{"resource_id": thing.id, "key": k, "value": v, "resource_type": kind} for k, v in own.items()]

    def group_by_id(backend: Any, group_id: str) -> Any:
        return next((groups[group_id] for groups in backend.groups.values() if group_id in groups), None)

    replaced(TaggedEC2Resource, "get_tags", get_tags)
    replaced(SecurityGroupBackend, "get_security_group_from_id", group_by_id)


def _instances() -> None:
    from moto.ec2.exceptions import InvalidInstanceIdError
    from moto.ec2.models.instances import InstanceBackend

    def instance_by_id(backend: Any, instance_id: str) -> Any:
        for reservation in backend.reservations.values():
            for instance in reservation.instances:
                if instance.id == instance_id:
                    return instance
        return None

    def instance(backend: Any, instance_id: str) -> Any:
        found = instance_by_id(backend, instance_id)
        if found is None:
            raise InvalidInstanceIdError(instance_id)
        return found

    def run(backend: Any, image_id: str, count: int, *args: Any, **kwargs: Any) -> Any:
        """Moto looks through all types, and does nothing with what it finds. `launches` has looked already."""
        kwargs["is_instance_type_default"] = kwargs["is_instance_type_default"] or not kwargs.get("launch_template")
        return launched(backend, image_id, count, *args, **kwargs)

    replaced(InstanceBackend, "get_instance_by_id", instance_by_id)
    replaced(InstanceBackend, "get_instance", instance)
    launched = replaced(InstanceBackend, "run_instances", run)


def _subnets() -> None:
    from moto.ec2.models.subnets import Subnet, SubnetBackend

    def free_addresses(subnet: Any) -> int:
        enis = subnet.ec2_backend.enis.values()
        taken = sum(len(eni.private_ip_addresses or ()) for eni in enis if eni.subnet.id == subnet.id)
        return int(subnet._available_ip_addresses) - taken  # noqa: SLF001  # moto's only place for it

    def subnets(backend: Any, subnet_ids: Any = None, filters: Any = None) -> Any:
        """Moto asks for the subnets of one network, by a plain id, before it makes each subnet."""
        if not subnet_ids and filters and list(filters) == ["vpc-id"] and isinstance(filters["vpc-id"], str):
            return [s for zone in backend.subnets.values() for s in zone.values() if s.vpc_id == filters["vpc-id"]]
        return described(backend, subnet_ids, filters)

    replaced(Subnet, "available_ip_address_count", property(free_addresses))
    described = replaced(SubnetBackend, "describe_subnets", subnets)


def _filters() -> None:
    from moto.ec2 import utils

    def matching(thing: Any, name: str, wanted: Any) -> bool:
        value = thing.get_filter_value(name)
        if wanted and isinstance(wanted, list) and isinstance(value, list | set | type({}.keys()) | type({}.values())):
            return any(fnmatch.fnmatchcase(str(one), str(pattern)) for one in value for pattern in wanted)
        return bool(was(thing, name, wanted))

    was = replaced(utils, "is_filter_matching", matching)

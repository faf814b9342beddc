"""Says what stands, so that two moments can be compared field by field.

    {account: {region: {kind: {id: {...}}}}}

Kinds: vpc, subnet, internet_gateway, route_table, security_group, instance, network_interface, volume, s3_bucket (in
its own region, by name), sqs_queue (by name). Everything that our kinds can set, tags and states; sorted; no times,
no addresses that chance chose. Left out: what an account has before anybody asks (the default VPC with its subnets,
main route table and group, while nothing of it has tags), terminated instances, and interfaces of instances. Looking
changes nothing that can be seen, but lets happen what was due.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from localcloud.aws.models.times import tick
from localcloud.core.cloud import Cloud, Json

World = dict[str, Json]
Thing = tuple[str, str, dict[str, Any]]


def world(cloud: Cloud) -> World:
    """See the module."""
    tick(cloud)
    found: dict[str, Any] = {}
    for account, region, (kind, one, said) in _everything():
        found.setdefault(account, {}).setdefault(region, {}).setdefault(kind, {})[one] = said
    ordered: World = json.loads(json.dumps(found, sort_keys=True, default=str))
    return ordered


def _everything() -> Iterator[tuple[str, str, Thing]]:
    from moto.ec2.models import ec2_backends
    from moto.s3.models import s3_backends
    from moto.sqs.models import sqs_backends

    for account, region, backend in ec2_backends.iter_backends():
        for thing in _networks(backend):
            yield account, region, thing
        for thing in _machines(backend):
            yield account, region, thing
    buckets: Any
    queues: Any
    for account, _, buckets in s3_backends.iter_backends():
        for bucket in buckets.buckets.values():
            yield account, bucket.region_name, ("s3_bucket", bucket.name, _bucket(buckets, bucket))
    for account, region, queues in sqs_backends.iter_backends():
        for queue in queues.queues.values():
            yield account, region, ("sqs_queue", queue.name, _queue(queue))


def _tags(backend: Any, one: str) -> dict[str, str]:
    return dict(backend.tags.get(one, {}))


def _networks(backend: Any) -> Iterator[Thing]:
    given = {v.id for v in backend.vpcs.values() if v.is_default and not backend.tags.get(v.id)}
    for vpc in backend.vpcs.values():
        if vpc.id not in given:
            yield "vpc", vpc.id, {**_vpc(vpc), "tags": _tags(backend, vpc.id)}
    for zone in backend.subnets.values():
        for subnet in zone.values():
            if not (subnet.vpc_id in given and subnet.default_for_az and not backend.tags.get(subnet.id)):
                yield "subnet", subnet.id, {**_subnet(subnet), "tags": _tags(backend, subnet.id)}
    for gateway in backend.internet_gateways.values():
        said = {"vpc_id": gateway.vpc.id if gateway.vpc else None, "tags": _tags(backend, gateway.id)}
        yield "internet_gateway", gateway.id, said
    for table in backend.route_tables.values():
        if not (table.vpc_id in given and table.main_association_id and not backend.tags.get(table.id)):
            yield "route_table", table.id, {**_table(table), "tags": _tags(backend, table.id)}
    for groups in backend.groups.values():
        for group in groups.values():
            if not (group.vpc_id in given and group.is_default and not backend.tags.get(group.id)):
                yield "security_group", group.id, {**_group(backend, group), "tags": _tags(backend, group.id)}


def _vpc(vpc: Any) -> dict[str, Any]:
    return {
        "cidr_block": vpc.cidr_block,
        "cidr_blocks": sorted(c["cidr_block"] for c in vpc.get_cidr_block_association_set()),
        "default": vpc.is_default,
        "dns_hostnames": vpc.enable_dns_hostnames,
        "dns_support": vpc.enable_dns_support,
        "network_address_usage_metrics": vpc.enable_network_address_usage_metrics,
        "state": vpc.state,
        "tenancy": vpc.instance_tenancy,
    }


def _subnet(subnet: Any) -> dict[str, Any]:
    return {
        "assign_ipv6": subnet.assign_ipv6_address_on_creation,
        "availability_zone": subnet.availability_zone,
        "cidr_block": subnet.cidr_block,
        "dns_records": dict(subnet.private_dns_name_options_on_launch),
        "map_public_ip": subnet.map_public_ip_on_launch,
        "state": subnet.state,
        "vpc_id": subnet.vpc_id,
    }


def _table(table: Any) -> dict[str, Any]:
    routes = {
        route.destination_cidr_block or route.destination_ipv6_cidr_block or route.destination_prefix_list_id: {
            "state": route.state,
            "target": route.gateway_id
            or route.instance_id
            or route.nat_gateway_id
            or route.network_interface_id
            or route.egress_only_internet_gateway_id
            or route.transit_gateway_id
            or route.vpc_peering_connection_id,
        }
        for route in table.routes
    }
    associated = sorted(a.get("SubnetId") or a.get("GatewayId") or "main" for a in table.associations)
    return {"associations": associated, "routes": routes, "vpc_id": table.vpc_id}


def _group(backend: Any, group: Any) -> dict[str, Any]:
    return {
        "default": group.is_default,
        "description": group.description,
        "egress": sorted((_rule(backend, r) for r in group.egress_rules), key=str),
        "ingress": sorted((_rule(backend, r) for r in group.ingress_rules), key=str),
        "name": group.name,
        "vpc_id": group.vpc_id,
    }


def _rule(backend: Any, rule: Any) -> dict[str, Any]:
    return {
        "description": rule.ip_range.get("Description") or rule.source_group.get("Description") or "",
        "from_port": rule.from_port,
        "peer": rule.cidr_ipv4 or rule.cidr_ipv6 or rule.source_group.get("GroupId") or rule.prefix_list_id,
        "protocol": rule.ip_protocol,
        "tags": _tags(backend, rule.id),
        "to_port": rule.to_port,
    }


def _machines(backend: Any) -> Iterator[Thing]:
    for reservation in backend.reservations.values():
        for instance in reservation.instances:
            if instance.state != "terminated":
                yield "instance", instance.id, {**_instance(instance), "tags": _tags(backend, instance.id)}
    for eni in backend.enis.values():
        if eni.instance is None:
            said = {"description": eni.description, "subnet_id": eni.subnet.id, "tags": _tags(backend, eni.id)}
            yield "network_interface", eni.id, {**said, "groups": sorted(g.id for g in eni.group_set)}
    for volume in backend.volumes.values():
        yield "volume", volume.id, {**_volume(volume), "tags": _tags(backend, volume.id)}


def _instance(instance: Any) -> dict[str, Any]:
    options = instance.metadata_options
    profile = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    return {
        "availability_zone": instance.availability_zone,
        "client_token": instance.client_token,
        "disable_api_stop": bool(instance.disable_api_stop),
        "disable_api_termination": bool(instance.disable_api_termination),
        "disks": {
            device: {"delete_on_termination": disk.delete_on_termination, "volume": disk.volume_id}
            for device, disk in instance.block_device_mapping.items()
        },
        "ebs_optimized": bool(instance.ebs_optimized),
        "image": instance.image_id,
        "instance_profile": profile.iam_instance_profile.arn if profile else None,
        "instance_type": instance.instance_type,
        "key_name": instance.key_name,
        "metadata_options": {
            "endpoint": options.http_endpoint,
            "hop_limit": options.http_put_response_hop_limit,
            "instance_tags": options.instance_metadata_tags,
            "ipv6": options.http_protocol_ipv6,
            "tokens": options.http_tokens,
        },
        "monitoring": instance.monitoring_state,
        "public": bool(instance.public_ip),
        "security_groups": sorted(g.id for g in instance.security_groups),
        "shutdown_behavior": instance.instance_initiated_shutdown_behavior,
        "source_dest_check": bool(instance.source_dest_check),
        "state": instance.state,
        "subnet_id": instance.subnet_id,
        "user_data": str(instance.user_data) if instance.user_data else None,
        "vpc_id": instance.vpc_id,
    }


def _volume(volume: Any) -> dict[str, Any]:
    held = volume.attachment
    return {
        "attachment": {"device": held.device, "instance": held.instance.id, "state": held.status} if held else None,
        "availability_zone": volume.availability_zone,
        "encrypted": bool(volume.encrypted),
        "iops": volume.iops,
        "kms_key": volume.kms_key_id,
        "multi_attach": bool(volume.multi_attach_enabled),
        "size": volume.size,
        "snapshot": volume.snapshot_id,
        "state": volume.status,
        "throughput": volume.throughput,
        "type": volume.volume_type,
    }


def _bucket(backend: Any, bucket: Any) -> dict[str, Any]:
    block = bucket.public_access_block
    return {
        "encryption": _encryption(bucket.encryption),
        "keys": len(bucket.keys),
        "lifecycle_rules": len(bucket.rules),
        "logging": bucket.logging or None,
        "object_lock": bucket.object_lock_enabled,
        "ownership": bucket.ownership_rule,
        "policy": json.loads(bucket.policy) if bucket.policy else None,
        "public_access_block": block.to_config_dict() if block else None,
        "tags": dict(backend.tagger.tags.get(bucket.arn, {})),
        "versioning": bucket.versioning_status,
    }


def _encryption(said: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same whether it was said or is how a new bucket begins: without XML's namespace, with S3's default."""
    if not said:
        return said
    rule = said.get("Rule")
    rules = [{"BucketKeyEnabled": "false", **r} for r in (rule if isinstance(rule, list) else [rule or {}])]
    return {k: v for k, v in said.items() if not k.startswith("@")} | {"Rule": rules if len(rules) > 1 else rules[0]}


COUNTS = ("ApproximateNumber", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn")


def _queue(queue: Any) -> dict[str, Any]:
    said = {k: str(v) for k, v in queue.attributes.items() if v is not None and not k.startswith(COUNTS)}
    for name in ("Policy", "RedrivePolicy"):
        if name in said:
            said[name] = json.loads(said[name])
    state = "deleting" if getattr(queue, "deleting", False) else "available"
    return {"attributes": said, "state": state, "tags": dict(queue.tags)}

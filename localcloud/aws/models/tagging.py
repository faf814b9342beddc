"""Lists what stands by its tags, page by page, as the Resource Groups Tagging API does.

Moto: keeps half-read generators as its pages, which no restart survives, and lists buckets in every region. AWS: a
bucket is listed in its own region; a page ends after `ResourcesPerPage` things.
Source: Resource Groups Tagging API reference "GetResources".
"""

from __future__ import annotations

import base64
from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal

MOST_A_PAGE = 100


def install(calls: Calls) -> None:
    """See the module."""
    calls.instead("resourcegroupstaggingapi", "GetResources", resources)


def resources(call: Call, _: Any) -> ActionResult:
    """One page, in the order of the ARNs."""
    from moto.core.resource_tagging import make_tag_matcher, match_resource_type

    asked = call.params
    if asked.get("ResourceARNList") and (asked.get("TagFilters") or asked.get("ResourceTypeFilters")):
        raise Refusal("InvalidParameterException", "ResourceARNList cannot be combined with filters")
    size = int(asked.get("ResourcesPerPage", 50))
    if not 1 <= size <= MOST_A_PAGE:
        raise Refusal("InvalidParameterException", f"ResourcesPerPage must be between 1 and {MOST_A_PAGE}")
    matches, wanted = make_tag_matcher(asked.get("TagFilters")), set(asked.get("ResourceARNList", []))
    found = {
        one.arn: one.tags
        for one in _standing(call)
        if one.tags
        and match_resource_type(one.resource_type, asked.get("ResourceTypeFilters"))
        and matches(one.tags)
        and (not wanted or one.arn in wanted)
    }
    after = _after(asked.get("PaginationToken"))
    left = sorted(arn for arn in found if arn > after)
    page = left[:size]
    more = base64.urlsafe_b64encode(page[-1].encode()).decode() if len(left) > size else ""
    listed = [{"ResourceARN": a, "Tags": [{"Key": k, "Value": v} for k, v in found[a].items()]} for a in page]
    return ActionResult({"PaginationToken": more, "ResourceTagMappingList": listed})


def _after(token: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode() if token else ""
    except ValueError:
        raise Refusal("PaginationTokenExpiredException", "The pagination token is not valid") from None


def _standing(call: Call) -> Any:
    from moto.core.resource_tagging import iter_taggable_backends

    services = {kind.partition(":")[0] for kind in call.params.get("ResourceTypeFilters", [])}
    for backend in iter_taggable_backends(call.account, call.region):
        if services and backend.SERVICE_NAMESPACE not in services:
            continue
        buckets = getattr(backend, "buckets", None) if backend.SERVICE_NAMESPACE == "s3" else None
        for one in backend.iter_tagged_resources():
            if buckets is None or buckets[one.arn.rpartition(":")[2]].region_name == call.region:
                yield one

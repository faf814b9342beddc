"""IAM policies, of whatever may have one: read, changed under their etags, written."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta
from typing import Any

from localcloud.core.cloud import Cloud, Json
from localcloud.gcp.refusals import Refused

MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(deleted:)?(user|group|serviceAccount|domain|projectOwner|projectEditor|projectViewer"
    r"|principal|principalSet):.+"
)
CONDITIONAL = 3  # the version of a policy that has conditions
AGAIN = (
    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. "
    "The request's ETag did not match the current policy's ETag."
)


def _all(cloud: Cloud) -> dict[str, dict[str, Any]]:
    it: dict[str, dict[str, Any]] = cloud.memory.setdefault("gcp.policies", {})
    return it


def etag(revision: int) -> str:
    """Of a revision: another one for each."""
    digits = []
    while revision > 0x7F:  # noqa: PLR2004  # seven bits a byte, as in Google's own
        digits.append(revision & 0x7F | 0x80)
        revision >>= 7
    return base64.b64encode(bytes([8, *digits, revision])).decode()


def install(cloud: Cloud) -> None:
    """Declare the settings."""
    cloud.declare(
        "account_reads_lag_seconds", 0.0, "how long IAM answers that a service account is not there, once it is"
    )
    cloud.declare("account_lag_seconds", 0.0, "how long policies do not know of a new service account")


def meet(cloud: Cloud, email: str) -> None:
    """A service account is made, of which policies hear later."""
    cloud.memory.setdefault("gcp.policies.met", {})[f"serviceAccount:{email}"] = cloud.clock.now()


def _known(cloud: Cloud, member: str) -> bool:
    met = cloud.memory.get("gcp.policies.met", {}).get(member)
    return met is None or cloud.clock.now() - met >= timedelta(
        seconds=float(str(cloud.settings["account_lag_seconds"]))
    )


def begin(cloud: Cloud, resource: str, bindings: list[Any]) -> None:
    """A thing has a policy from its beginning."""
    _all(cloud)[resource] = {"revision": 1, "version": 1, "bindings": bindings}


def get(cloud: Cloud, resource: str, version: Any = CONDITIONAL) -> dict[str, Json]:
    """The policy of a thing. `version`: as the caller asks for it; below 3 what has a condition is shown without it,
    and its role by another name. One that nobody has written, and that has no bindings, has no version.
    """
    held = _all(cloud).get(resource, {"revision": 1, "version": 1, "bindings": []})
    shown: dict[str, Json] = {"etag": etag(held["revision"])}
    if not held["bindings"] and held["revision"] == 1:
        return shown
    bindings, told = held["bindings"], held["version"]
    if int(version or 1) < CONDITIONAL and told == CONDITIONAL:
        bindings, told = [_plain(b) for b in bindings], 1
    shown["version"] = told
    return shown | ({"bindings": bindings} if bindings else {})


def _plain(binding: dict[str, Any]) -> dict[str, Any]:
    if "condition" not in binding:
        return binding
    digest = hashlib.sha256(json.dumps(binding["condition"], sort_keys=True).encode()).hexdigest()[:20]
    return {"role": f"{binding['role']}_withcond_{digest}", "members": binding["members"]}


def change(cloud: Cloud, resource: str, policy: Any, status: int = 409, code: str = "ABORTED") -> dict[str, Json]:
    """Write a policy. Raises `Refused`, with this status and code when it is built on another than the present one."""
    if not isinstance(policy, dict):
        raise Refused(400, "INVALID_ARGUMENT", "Policy is required.")
    now = _all(cloud).get(resource, {"revision": 1})
    sent = policy.get("etag")
    if sent and sent.rstrip("=") != etag(now["revision"]).rstrip("="):
        raise Refused(status, code, AGAIN)
    bindings = [b for b in policy.get("bindings") or () if b.get("members")]
    for binding in bindings:
        if not re.fullmatch(r"(projects/[^/]+/|organizations/[^/]+/)?roles/.+", str(binding.get("role", ""))):
            raise Refused(400, "INVALID_ARGUMENT", f"Role {binding.get('role')} is not supported for this resource.")
        for member in binding["members"]:
            if not MEMBER.fullmatch(str(member)):
                raise Refused(400, "INVALID_ARGUMENT", f"Invalid member: {member}.")
            if not _known(cloud, str(member)):
                why = f"Service account {str(member).partition(':')[2]} does not exist."
                raise Refused(400, "INVALID_ARGUMENT", why)
    version = int(policy.get("version") or 1)
    if version < CONDITIONAL and any(b.get("condition") for b in bindings):
        raise Refused(400, "INVALID_ARGUMENT", "The specified policy version must be 3 to have conditions.")
    _all(cloud)[resource] = {"revision": now["revision"] + 1, "version": version, "bindings": bindings}
    return get(cloud, resource)


def world(cloud: Cloud) -> dict[str, Json]:
    """Every member of every binding of every policy, each as a thing of its own."""
    found: dict[str, Json] = {}
    for resource, held in sorted(_all(cloud).items()):
        for binding in held["bindings"]:
            condition = binding.get("condition")
            more = "/" + json.dumps(condition, sort_keys=True) if condition else ""
            for member in binding["members"]:
                it: dict[str, Json] = {"resource": resource, "role": binding["role"], "member": member}
                if condition:
                    it["condition"] = condition
                found[f"{resource}/{binding['role']}/{member}{more}"] = it
    return found


def forget(cloud: Cloud, resource: str) -> None:
    """The thing is gone."""
    _all(cloud).pop(resource, None)

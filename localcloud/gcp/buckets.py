"""Cloud Storage's buckets, and as much of objects as makes a bucket full. Names are one world for all projects."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from localcloud.core.asked import Answer
from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import labelled, listing, policies
from localcloud.gcp.reading import Request
from localcloud.gcp.refusals import Refused, answer, changed, over_quota
from localcloud.gcp.state import number, stamp

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
WIDE = frozenset({"US", "EU", "ASIA"})
DUAL = frozenset({"ASIA1", "EUR4", "EUR5", "EUR7", "EUR8", "NAM4"})
LINK = "https://www.googleapis.com/storage/v1/b/"
GIVEN = frozenset({"kind", "id", "selfLink", "projectNumber", "metageneration", "etag", "timeCreated", "updated"})
FIXED = frozenset({"name", "location", "locationType", "generation"})
TEAMS = (("owners", "OWNER", "OWNER"), ("editors", "OWNER", "OWNER"), ("viewers", "READER", "READER"))
LEGACY = {
    "roles/storage.legacyBucketOwner": ["projectEditor:{0}", "projectOwner:{0}"],
    "roles/storage.legacyBucketReader": ["projectViewer:{0}"],
}

Bucket = dict[str, Any]
Object = dict[str, Any]


def _all(cloud: Cloud) -> dict[str, Bucket]:
    it: dict[str, Bucket] = cloud.memory.setdefault("gcp.buckets", {})
    return it


def _objects(cloud: Cloud, bucket: str) -> dict[str, Object]:
    it: dict[str, Object] = cloud.memory.setdefault("gcp.objects", {}).setdefault(bucket, {})
    return it


def do(cloud: Cloud, request: Request, project_number: str) -> tuple[Answer, list[str], list[str]]:
    """Carry out a request: its answer, what it made and what it touched. Raises `Refused`."""
    name = request.parts["name"]
    if request.parts["part"] == "o":
        return _object(cloud, request), [], [f"buckets/{name}"]
    match request.verb:
        case "insert":
            bucket = _insert(cloud, request, project_number)
            full = request.query.get("projection") == "full"
            return answer(_shown(bucket, full=full)), [f"buckets/{bucket['name']}"], []
        case "list":
            return answer(_list(cloud, request, project_number)), [], []
        case verb:
            bucket = _find(cloud, name)
            if not _matches(bucket, request.query):
                return Answer(304, (), b""), [], []
            return _on_one(cloud, request, bucket, verb), [], [f"buckets/{name}"]


def _find(cloud: Cloud, name: str) -> Bucket:
    bucket = _all(cloud).get(name)
    if bucket is None:
        raise Refused(404, "notFound", "The specified bucket does not exist.")
    return bucket


def _matches(bucket: Bucket, query: Mapping[str, str]) -> bool:
    """False: it has not changed. Raises `Refused` when it has, and should not have."""
    wanted, other = query.get("ifMetagenerationMatch"), query.get("ifMetagenerationNotMatch")
    if wanted is not None and wanted != str(bucket["metageneration"]):
        raise changed("At least one of the pre-conditions you specified did not hold.")
    return other is None or other != str(bucket["metageneration"])


def _on_one(cloud: Cloud, request: Request, bucket: Bucket, verb: str) -> Answer:
    resource, full = f"buckets/{bucket['name']}", request.query.get("projection", "full") == "full"
    head: dict[str, Json] = {"kind": "storage#policy", "resourceId": f"projects/_/{resource}"}
    match verb:
        case "get":
            return answer(_shown(bucket, full=request.query.get("projection") == "full"))
        case "patch" | "update":
            _change(cloud, bucket, request.body, whole=verb == "update")
            return answer(_shown(bucket, full=full))
        case "delete":
            if _objects(cloud, bucket["name"]):
                raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
            del _all(cloud)[bucket["name"]]
            policies.forget(cloud, resource)
            return answer({}, 204)
        case "getIamPolicy":
            return answer(head | policies.get(cloud, resource, request.query.get("optionsRequestedPolicyVersion")))
        case "setIamPolicy":
            return answer(head | policies.change(cloud, resource, request.body, 412, "conditionNotMet"))
        case "testIamPermissions":
            return answer({"kind": "storage#testIamPermissionsResponse", "permissions": ["storage.buckets.get"]})
        case _:
            raise Refused(404, "notFound", f"There is no method buckets.{verb}.")


def _insert(cloud: Cloud, request: Request, project_number: str) -> Bucket:
    name, project = str(request.body.get("name", "")), request.query.get("project", "")
    if not project:
        raise Refused(400, "required", "Required parameter: project")
    if not NAME.fullmatch(name) or "goog" in name[:4]:
        raise Refused(400, "invalid", f"Invalid bucket name: '{name}'")
    before = _all(cloud).get(name)
    if before is not None:
        mine = "Your previous request to create the named bucket succeeded and you already own it."
        other = "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
        raise Refused(409, "conflict", mine if before["project"] == project else other)
    quotas = cloud.settings["quotas"]
    limit = quotas.get("buckets") if isinstance(quotas, dict) else None
    if limit is not None and sum(b["project"] == project for b in _all(cloud).values()) >= int(str(limit)):
        raise over_quota("BUCKETS", int(str(limit)), "globally")
    now = stamp(cloud.clock.now())
    location = str(request.body.get("location", "US")).upper()
    kind = "multi-region" if location in WIDE else "dual-region" if location in DUAL else "region"
    bucket: Bucket = {
        "name": name,
        "project": project,
        "projectNumber": project_number,
        "location": location,
        "locationType": kind,
        "generation": number(cloud),
        "metageneration": 0,
        "timeCreated": now,
        "softDeletePolicy": {"retentionDurationSeconds": "604800"},
        "storageClass": "STANDARD",
    }
    if kind != "region":
        bucket["rpo"] = "DEFAULT"
    _change(cloud, bucket, {k: v for k, v in request.body.items() if k not in FIXED}, whole=False)
    _all(cloud)[name] = bucket
    legacy = [{"role": role, "members": [m.format(project) for m in members]} for role, members in LEGACY.items()]
    policies.begin(cloud, f"buckets/{name}", legacy)
    return bucket


def _change(cloud: Cloud, bucket: Bucket, said: Mapping[str, Any], *, whole: bool) -> None:
    for name in FIXED & set(said):
        if str(said[name]).lower() != str(bucket[name]).lower():
            raise Refused(400, "invalid", f"The bucket's {name} cannot be changed.")
    labelled.check_bucket(said.get("labels") or {})
    asked = {k: v for k, v in said.items() if k not in GIVEN | FIXED}
    if whole:
        kept = GIVEN | FIXED | {"project", "rpo", "storageClass", "softDeletePolicy", "metageneration"}
        for name in set(bucket) - kept:
            del bucket[name]
    for name, value in asked.items():
        _merge(bucket, name, value)
    now = cloud.clock.now()
    soft = bucket["softDeletePolicy"]
    if soft.get("retentionDurationSeconds") == "0":
        soft.pop("effectiveTime", None)
    else:
        soft.setdefault("effectiveTime", stamp(now))
    if bucket.get("retentionPolicy"):
        bucket["retentionPolicy"].setdefault("effectiveTime", stamp(now))
    if bucket.get("autoclass", {}).get("enabled"):
        bucket["autoclass"] = {"terminalStorageClass": "NEARLINE", "toggleTime": stamp(now)} | bucket["autoclass"]
    _access(bucket, stamp(now + timedelta(days=90)))
    if not bucket.get("lifecycle", {}).get("rule"):
        bucket.pop("lifecycle", None)
    bucket["metageneration"] += 1
    bucket["updated"] = stamp(now)


def _merge(held: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        held.pop(name, None)
    elif isinstance(value, dict):
        inner = held[name] = dict(held.get(name) or {})
        for key, item in value.items():
            _merge(inner, key, item)
    else:
        held[name] = value


def _access(bucket: Bucket, until: str) -> None:
    """Uniform access has two names, and can be taken back for ninety days."""
    access = bucket.setdefault("iamConfiguration", {})
    access.setdefault("publicAccessPrevention", "inherited")
    uniform = dict(access.get("uniformBucketLevelAccess") or access.get("bucketPolicyOnly") or {"enabled": False})
    if uniform.get("enabled"):
        uniform.setdefault("lockedTime", until)
    else:
        uniform.pop("lockedTime", None)
    access["uniformBucketLevelAccess"], access["bucketPolicyOnly"] = uniform, dict(uniform)


def _shown(bucket: Bucket, *, full: bool) -> dict[str, Json]:
    shown = {k: v for k, v in bucket.items() if k != "project" and v not in ({}, [], None)}
    name, owner = bucket["name"], bucket["projectNumber"]
    tag = policies.etag(bucket["metageneration"])
    shown |= {"kind": "storage#bucket", "id": name, "selfLink": LINK + name, "etag": tag}
    shown["metageneration"] = str(bucket["metageneration"])
    if not full or bucket["iamConfiguration"]["uniformBucketLevelAccess"].get("enabled"):
        return shown
    acl, default = [], []
    for team, role, on_objects in TEAMS:
        entity = f"project-{team}-{owner}"
        who = {"entity": entity, "etag": tag, "projectTeam": {"projectNumber": owner, "team": team}}
        where = {"bucket": name, "id": f"{name}/{entity}", "selfLink": f"{LINK}{name}/acl/{entity}"}
        acl.append(who | where | {"kind": "storage#bucketAccessControl", "role": role})
        default.append(who | {"kind": "storage#objectAccessControl", "role": on_objects})
    return {**shown, "acl": acl, "defaultObjectAcl": default, "owner": {"entity": f"project-owners-{owner}"}}


def _list(cloud: Cloud, request: Request, project_number: str) -> dict[str, Json]:
    prefix = request.query.get("prefix", "")
    mine = sorted(
        (n, b) for n, b in _all(cloud).items() if b["projectNumber"] == project_number and n.startswith(prefix)
    )
    full = request.query.get("projection") == "full"
    shown: list[tuple[str, Json]] = [(name, _shown(bucket, full=full)) for name, bucket in mine]
    cut, more = listing.page(shown, request.query.get("maxResults", ""), request.query.get("pageToken", ""), 1000)
    head: dict[str, Json] = {"kind": "storage#buckets"}
    return head | ({"items": [i for _, i in cut]} if cut else {}) | ({"nextPageToken": more} if more else {})


def _object(cloud: Cloud, request: Request) -> Answer:
    bucket, name = _find(cloud, request.parts["name"])["name"], request.parts["object"]
    objects = _objects(cloud, bucket)
    match request.verb:
        case "list":
            prefix = request.query.get("prefix", "")
            found: list[Json] = [o["shown"] for n, o in sorted(objects.items()) if n.startswith(prefix)]
            return answer({"kind": "storage#objects"} | ({"items": found} if found else {}))
        case "insert":
            return _upload(cloud, request, bucket)
        case _ if name not in objects:
            raise Refused(404, "notFound", f"No such object: {bucket}/{name}")
        case "get" if request.query.get("alt") == "media" or request.parts["upload"] == "/download":
            content = objects[name]["content"]
            return Answer(200, (("Content-Type", "application/octet-stream"), *_hash(content)), content)
        case "get":
            return answer(objects[name]["shown"])
        case "delete":
            del objects[name]
            return answer({}, 204)
        case verb:
            raise Refused(404, "notFound", f"There is no method objects.{verb}.")


def _hash(content: bytes) -> tuple[tuple[str, str], ...]:
    return (("X-Goog-Stored-Content-Length", str(len(content))),)


def _upload(cloud: Cloud, request: Request, bucket: str) -> Answer:
    """In one request: the content alone, or behind a part that describes it."""
    content, said = request.raw, dict[str, Any]()
    if request.query.get("uploadType") == "multipart":
        boundary = content.lstrip(b"\r\n").partition(b"\r\n")[0]
        parts = [part for part in content.split(boundary) if part.strip(b"-\r\n")]
        described, content = (part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts[:2])
        said = json.loads(described)
    name = str(request.query.get("name") or said.get("name", ""))
    generation, now = number(cloud), stamp(cloud.clock.now())
    shown: dict[str, Json] = {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "name": name,
        "bucket": bucket,
        "generation": generation,
        "metageneration": "1",
        "size": str(len(content)),
        "timeCreated": now,
        "updated": now,
        "etag": hashlib.sha256(content).hexdigest()[:16],
    }
    _objects(cloud, bucket)[name] = {"content": content, "shown": shown}
    return answer(shown)


def world(cloud: Cloud) -> dict[str, Json]:
    """Every bucket that stands."""
    return {name: _shown(bucket, full=False) for name, bucket in sorted(_all(cloud).items())}

"""Reads what a request to Google Cloud asks: service, method and parameters, from its path alone.

The services stand under one address here, which their paths tell apart. Decides nothing and changes nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from localcloud.core.asked import Asked, Environ
from localcloud.core.cloud import Json

COMPUTE: Final = re.compile(
    r"/compute/v1/projects/(?P<project>[^/]+)/(?:(?P<place>global|aggregated|regions/[^/]+|zones/[^/]+)/)?"
    r"(?P<collection>[A-Za-z]+)(?:/(?P<name>family/[^/]+|[^/]+)(?:/(?P<method>[A-Za-z]+))?)?"
)
BY_VERB: Final = {"GET": "get", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
ON_ALL: Final = {"GET": "list", "POST": "insert"}
SERVICE_ACCOUNTS: Final = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/serviceAccounts(?:/(?P<name>[^/:]+))?(?::(?P<method>[A-Za-z]+))?"
)
MANAGER: Final = re.compile(
    r"/(?P<version>v1|v3)/(?P<collection>projects|folders|organizations|operations)(?:/(?P<name>[^/:]+))?"
    r"(?::(?P<method>[A-Za-z]+))?"
)
BUCKETS: Final = re.compile(
    r"(?P<upload>/upload|/download)?/storage/v1/b(?:/(?P<name>[^/]+)(?:/(?P<part>iam|o)(?:/(?P<object>.+))?)?)?"
)
READS: Final = re.compile(r"(get|list|search|test|wait|aggregated)")


@dataclass(frozen=True, slots=True)
class Request:
    """A request, taken apart. `parts` are those of its path, by name; what is not there is "". `verb`: the method."""

    service: str
    verb: str
    parts: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    raw: bytes


def _body(body: bytes, kind: str) -> dict[str, Any]:
    if not body or "json" not in (kind or "json"):
        return {}
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def request(environ: Environ, body: bytes) -> Request:
    """What a request asks for. The service of one that nobody here understands is ""."""
    method, path = environ["REQUEST_METHOD"], str(environ.get("RAW_URI") or environ["PATH_INFO"])
    path = re.sub(r"%3A", ":", path.partition("?")[0], flags=re.IGNORECASE)
    query = {k: v[-1] for k, v in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).items()}
    said = _body(body, environ.get("CONTENT_TYPE", ""))
    for service, shape in (
        ("compute", COMPUTE),
        ("iam", SERVICE_ACCOUNTS),
        ("cloudresourcemanager", MANAGER),
        ("storage", BUCKETS),
    ):
        found = shape.fullmatch(path)
        if found:
            parts = {k: unquote(v or "") for k, v in found.groupdict().items()}
            verb = parts.pop("method", "") or (BY_VERB.get(method, "") if parts["name"] else ON_ALL.get(method, ""))
            if service == "compute" and parts["place"] == "aggregated":
                verb = "aggregatedList"
            if service == "storage":
                verb = _storage_verb(method, parts)
            return Request(service, verb, parts, query, said, body)
    return Request("", "", {"path": path}, query, said, body)


def _storage_verb(method: str, parts: dict[str, str]) -> str:
    match parts["part"], method:
        case "iam", _:
            policy = {"GET": "getIamPolicy", "PUT": "setIamPolicy"}
            return "testIamPermissions" if parts["object"] else policy.get(method, "")
        case "o", _ if not parts["object"]:
            return ON_ALL.get(method, "")
        case _, "GET" if not parts["name"]:
            return "list"
        case _, "POST" if not parts["name"]:
            return "insert"
        case _:
            return BY_VERB.get(method, "")


def asked(environ: Environ, it: Request) -> Asked:
    """The same, for the gate: what a rule can match, and what stands in the ledger."""
    if not it.service or not it.verb:
        return Asked(it.service, "", "", "", {}, mutates=False, detail=environ["PATH_INFO"])
    parts = it.parts
    where = parts.get("place", "").rpartition("/")[2]
    collection = {"iam": "serviceAccounts", "storage": "buckets"}.get(it.service, parts.get("collection", ""))
    if parts.get("part") == "o":
        collection = "objects"
    project = parts.get("project") or it.query.get("project", "")
    if it.service == "cloudresourcemanager" and parts["collection"] == "projects":
        project = parts["name"] or str(it.body.get("projectId", ""))
    named: dict[str, Json] = {
        k: v for k, v in {**parts, **it.query}.items() if v and k not in {"alt", "prettyPrint", "$alt"}
    }
    if it.body:
        named["body"] = it.body
    elif it.raw:
        named["body"] = f"{len(it.raw)} bytes"
    mutates = not READS.match(it.verb)
    return Asked(it.service, f"{collection}.{it.verb}", project, where or "global", named, mutates, detail=it.verb)

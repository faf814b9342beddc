"""What Resource Manager remembers, and how its two versions show it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from localcloud.core.cloud import Cloud, Json
from localcloud.gcp.refusals import Refused
from localcloud.gcp.state import fingerprint, stamp

PROJECT: Final = "Project"
FOLDER: Final = "Folder"
V1: Final = "type.googleapis.com/google.cloudresourcemanager.v1"
V3: Final = "type.googleapis.com/google.cloud.resourcemanager.v3"
ANY: Final = "-"  # of a request that names what stands in any project
EXHAUSTED: Final = 8  # google.rpc.Code


@dataclass(slots=True)
class Held:
    """A project or a folder."""

    kind: str
    number: str
    project_id: str  # of a project
    shown: str
    parent: str  # `folders/N`, `organizations/N` or nothing
    labels: dict[str, str]
    created: str
    updated: str
    state: str = "ACTIVE"
    deleted: str = ""
    waits: datetime | None = None  # until it is there
    purged: datetime | None = None  # when it goes

    @property
    def name(self) -> str:
        """As the third version names it."""
        return f"{self.kind.lower()}s/{self.number}"

    @property
    def id(self) -> str:
        """As a filter calls it."""
        return self.project_id or self.number


@dataclass(slots=True)
class Work:
    """A long-running operation."""

    name: str
    held: Held
    what: str
    due: datetime
    old: bool  # it was begun in the first version
    error: tuple[int, str] | None = None
    then: dict[str, Any] = field(default_factory=dict)  # what its thing is changed to when it has ended well

    @property
    def type(self) -> str:
        """The package of its messages."""
        return V1 if self.old else V3


@dataclass(slots=True)
class Managed:
    """Everything that Resource Manager remembers."""

    held: dict[str, Held] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)  # ids of projects, for ever

    def all(self, collection: str) -> list[Held]:
        """Every project, or every folder."""
        return [held for held in self.held.values() if held.name.startswith(f"{collection}/")]

    def of(self, collection: str, name: str) -> Held | None:
        """The one with that id or number."""
        return next((held for held in self.all(collection) if name in {held.project_id, held.number} and name), None)


def managed(cloud: Cloud) -> Managed:
    """Of a cloud, as it is now."""
    it: Managed = cloud.memory.setdefault("gcp.managed", Managed())
    return it


def settle(cloud: Cloud) -> None:
    """Let everything happen that is due by now."""
    it, now = managed(cloud), cloud.clock.now()
    for name, held in list(it.held.items()):
        failed = any(w.held is held and w.error is not None for w in it.works.values()) if held.waits else False
        if held.waits is not None and held.waits <= now:
            held.waits = None
            if failed:
                del it.held[name]
        if held.purged is not None and held.purged <= now:
            it.held.pop(name, None)
    for work in it.works.values():
        if work.then and work.due <= now:
            then, work.then = work.then, {}
            for name, value in {} if work.error else {**then, "updated": stamp(work.due)}.items():
                setattr(work.held, name, value)


def failure(cloud: Cloud, it: Managed, kind: str, verb: str = "insert") -> tuple[int, str] | None:
    """Why an operation will fail: on demand, or because there are too many."""
    collection = f"{kind.lower()}s"
    errors, quotas = cloud.settings["operation_errors"], cloud.settings["quotas"]
    if isinstance(errors, dict) and f"{collection}.{verb}" in errors:
        return EXHAUSTED, str(errors[f"{collection}.{verb}"])
    limit = quotas.get(collection) if isinstance(quotas, dict) else None
    if verb == "insert" and limit is not None and len(it.all(collection)) > int(str(limit)):
        return EXHAUSTED, f"The {kind.lower()} cannot be created because you have exceeded your allotted quota."
    return None


def operation(cloud: Cloud, work: Work) -> dict[str, Json]:
    """An operation as a GET shows it."""
    shown: dict[str, Json] = {"name": work.name}
    if work.held.kind == PROJECT and work.what == "Create":
        done = work.due <= cloud.clock.now()
        kind = "ProjectCreationStatus" if work.old else "CreateProjectMetadata"
        ready: dict[str, Json] = {"gettable": True, "ready": True} if done else {}
        shown["metadata"] = {"@type": f"{work.type}.{kind}", **ready}
    elif work.what != "Create":
        shown["metadata"] = {"@type": f"{work.type}.{work.what}{work.held.kind}Metadata"}
    if work.due > cloud.clock.now():
        return shown
    shown["done"] = True
    if work.error is not None:
        return shown | {"error": {"code": work.error[0], "message": work.error[1]}}
    body = shown_v1(work.held) if work.old and work.held.kind == PROJECT else shown_v3(work.held)
    return shown | {"response": {"@type": f"{work.type}.{work.held.kind}", **body}}


def shown_v1(held: Held) -> dict[str, Json]:
    """A project as the first version shows it."""
    above, _, name = held.parent.partition("/")
    shown: dict[str, Json] = {
        "createTime": held.created,
        "lifecycleState": held.state,
        "name": held.shown,
        "projectId": held.project_id,
        "projectNumber": held.number,
    }
    if held.labels:
        shown["labels"] = dict(held.labels)
    return shown | ({"parent": {"type": above.removesuffix("s"), "id": name}} if name else {})


def shown_v3(held: Held) -> dict[str, Json]:
    """A project or a folder as the third version shows it."""
    shown: dict[str, Json] = {
        "name": held.name,
        "displayName": held.shown,
        "state": held.state,
        "createTime": held.created,
        "updateTime": held.updated,
        "etag": fingerprint([held.shown, held.state, held.updated, held.parent, dict(held.labels)]),
    }
    if held.kind == PROJECT:
        shown["projectId"] = held.project_id
    if held.labels:
        shown["labels"] = dict(held.labels)
    if held.deleted:
        shown["deleteTime"] = held.deleted
    return shown | ({"parent": held.parent} if held.parent else {})


def project_number(cloud: Cloud, project: str) -> str:
    """Of any project, also of one that nobody made here."""
    held = managed(cloud).of("projects", project)
    return held.number if held is not None else _number(project)


def _number(project: str) -> str:
    digest = hashlib.sha256(project.encode()).hexdigest()
    return str(10**11 + int(digest[:12], 16) % (9 * 10**11))


def refused(cloud: Cloud, service: str, project: str) -> Refused | None:
    """Why a service does nothing in a project; None where it does. Each says it in its own words.

    Sources: hashicorp/terraform-provider-google issue 1789, terraform-google-modules/terraform-google-project-factory
    issue 296 (a service that is not enabled); googleapis/google-api-php-client issue 2422 (a deleted project).
    """
    it = managed(cloud)
    held = it.of("projects", project)
    if held is None:
        known = project not in it.taken and stands_from_the_beginning(cloud, project)
        return None if known or project == ANY else _unknown(service, project)
    if held.waits is not None:
        return _unknown(service, project)
    if held.state != "ACTIVE":
        return Refused(403, "PERMISSION_DENIED" if service == "iam" else "forbidden", _deleted(held))
    return None if cloud.settings["new_projects_open"] else _shut(service, held)


def stands_from_the_beginning(cloud: Cloud, project: str) -> bool:
    """Whether a project is one that nobody had to make here, named by its id or its number."""
    every = cloud.settings["projects"]
    return any(project in {one, _number(str(one))} for one in (every if isinstance(every, list) else ()))


def _deleted(held: Held) -> str:
    return f"Project #{held.number} has been deleted."


def _unknown(service: str, project: str) -> Refused:
    match service:
        case "storage":
            return Refused(404, "notFound", "The requested project was not found.")
        case "iam":
            return Refused(404, "NOT_FOUND", f"Unknown project id: {project}")
        case _:
            return Refused(404, "notFound", f"The resource 'projects/{project}' was not found")


def _shut(service: str, held: Held) -> Refused:
    """What a project says that is new, where no service is enabled and no billing account linked yet."""
    after = (
        f"by visiting https://console.developers.google.com/apis/api/{service}.googleapis.com/overview?project="
        f"{held.number} then retry. If you enabled this API recently, wait a few minutes for the action to propagate "
        "to our systems and retry."
    )
    match service:
        case "storage":
            why = "The billing account for the owning project is disabled in state absent"
            return Refused(403, "accountDisabled", why)
        case "iam":
            why = (
                f"Identity and Access Management (IAM) API has not been used in project {held.number} before or it is "
            )
            return Refused(403, "PERMISSION_DENIED", f"{why}disabled. Enable it {after}")
        case _:
            why = f"Project {held.number} is not found and cannot be used for API calls. If it is recently created, "
            return Refused(403, "accessNotConfigured", f"{why}enable Compute Engine API {after}")

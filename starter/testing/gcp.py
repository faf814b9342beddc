"""The local Google Cloud as a `Ground`: the laws' judge of what stands, and what makes it fail.

Its process's environment has to name the cloud (`LocalCloud.environment`): kinds are reached through the one door.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from activities.providers.gcp import descriptions, door, labels
from activities.providers.gcp.door import GcpVisit, open_visit
from activities.providers.gcp.kinds.instance_template import DIGITS
from activities.providers.gcp.machines import items
from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TAG_PREFIX, TOKEN_TAG
from holdfast.model import Scope
from holdfast.resource import Clients
from holdfast.testing.laws import Thing
from starter.testing.cloud import LocalCloud
from starter.testing.controlled import ControlledGround

PROJECT = "a-project"
REGION = "us-central1"

ENDS = re.compile(rf"[0-9a-f]{{{DIGITS}}}$")  # of a name that an act has made behind a prefix

READS = re.compile(r"(get|list|search|test|aggregated)_?")
TAKES_TIME = ("operation_seconds", "manager_seconds")
EVERYTHING = 7_200  # seconds, after which all that takes time has come about
LAGS = {"list_lag_seconds": 5, "pending_seconds": 2, "account_reads_lag_seconds": 5}
# Of a thing, what another one that people call alike has differently: when it was made, what Google counts it by, and
# the addresses that it was given.
OWN = frozenset(
    {
        "id",
        "creationTimestamp",
        "createTime",
        "updateTime",
        "timeCreated",
        "updated",
        "effectiveTime",
        "lockedTime",
        "etag",
        "metageneration",
        "generation",
        "fingerprint",
        "labelFingerprint",
        "selfLinkWithId",
        "networkIP",
        "natIP",
        "address",
        "uniqueId",
        "oauth2ClientId",
    }
)
# What a method needs beside the permission of its own name. Source: Compute Engine, "IAM permissions" of each method.
MORE: Mapping[str, tuple[str, ...]] = {
    "firewalls.insert": ("compute.networks.updatePolicy",),
    "firewalls.patch": ("compute.networks.updatePolicy",),
    "firewalls.update": ("compute.networks.updatePolicy",),
    "firewalls.delete": ("compute.networks.updatePolicy",),
    "subnetworks.insert": ("compute.networks.updatePolicy",),
    "subnetworks.delete": ("compute.networks.updatePolicy",),
}
VERBS = {"insert": "create", "patch": "update", "aggregated_list": "list"}
SERVICES = {
    "storage": "buckets",
    "region_instance_group_managers": "instance_group_managers",
    "region_instance_groups": "instance_groups",
}


def forget() -> None:
    """The door keeps its clients: those of another test's cloud must not be among them."""
    door._principals.clear()


class GoogleGround(ControlledGround):
    """See the module."""

    scope: ClassVar[Scope] = Scope("gcp", PROJECT, REGION)

    def __init__(self, cloud: LocalCloud) -> None:
        super().__init__(cloud.control)
        self.cloud = cloud

    # --- using it ----------------------------------------------------------------------------------------------

    def clients(self) -> Clients:
        """See `Ground`."""
        visit: GcpVisit = open_visit(self.scope)
        return lambda service: _Watched(self, service, visit.client(service))

    # --- judging it --------------------------------------------------------------------------------------------

    def things(self) -> list[Thing]:
        """See `Ground`. A deleted project or folder that can be brought back yet is as good as gone.

        The members of a group are the group's, as many as it shall have.
        """
        return [
            Thing(_kind(part, path), path, *_told(dict(shown)))
            for part, found in self.control.world().items()
            for path, shown in found.items()
            if shown.get("state") != "DELETE_REQUESTED" and "created-by" not in items(shown)
        ]

    def mutates(self, action: str) -> bool:
        """See `Ground`."""
        return READS.match(action.partition(".")[2]) is None

    def permissions(self, action: str) -> frozenset[str]:
        """See `Ground`: `compute.networks.create` of `networks.insert`."""
        return frozenset(_permissions(action))

    def reachable(self, thing: Thing) -> bool:
        """See `Ground`: a rule that lets everybody in, or a bucket that does not refuse to be public."""
        fields = thing.fields
        everybody = {"0.0.0.0/0", "::/0"} & set(fields.get("sourceRanges", ()))
        anybody = thing.kind == "firewalls" and not any(name.startswith("source") for name in fields)
        open_rule = bool((everybody or anybody) and fields.get("allowed")) and not fields.get("disabled")
        guard = fields.get("iamConfiguration", {}).get("publicAccessPrevention")
        return open_rule or (thing.kind == "buckets" and guard != "enforced")

    # --- making it fail ----------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """See `ControlledGround`. A new project has nothing that a kind would meet."""

    def lag(self) -> None:
        """See `Ground`."""
        self.control.settings(**LAGS)

    def slow(self) -> None:
        """See `Ground`."""
        self.control.settings(**dict.fromkeys(TAKES_TIME, 3600))

    def give_up(self, words: str) -> bool:
        """See `Ground`. What takes no time, as a bucket, is made all the same."""
        self.control.settings(operation_errors={"*": words})
        return True

    def request(self, action: str, ask: Callable[[], Any]) -> Any:
        """One request through the door."""
        self.leave(action)
        return ask()


class _Watched:
    """A client whose requests are written down."""

    def __init__(self, ground: GoogleGround, service: str, inner: Any) -> None:
        self._ground, self._service, self._inner = ground, service, inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return lambda **given: self._ground.request(f"{self._service}.{name}", lambda: found(**given))


def _kind(part: str, path: str) -> str:
    """`networks` of a path of Compute's, `projects` or `folders` of Resource Manager's."""
    if part == "compute":
        return path.split("/")[-2]
    return path.partition("/")[0] if part == "manager" else {"accounts": "serviceAccounts"}.get(part, part)


def _told(shown: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What stands, without our marks and what is its own alone; and its marks, whichever way it carries them."""
    carried, said = dict(shown.pop("labels", None) or {}), str(shown.pop("description", ""))
    if words := descriptions.own(said):
        shown["description"] = words
    found = descriptions.seen(said)
    if found["owner"] is None:
        found = labels.seen(carried)
    ours = {OWNER_TAG: found["owner"], ADDRESS_TAG: found["address"], TOKEN_TAG: found["token"]}
    marks = {tag: str(mark) for tag, mark in ours.items() if mark is not None}
    if "name" in shown:
        shown["name"] = ENDS.sub("<token>", str(shown["name"]))
    return _scrubbed(shown), {**{k: v for k, v in carried.items() if not k.startswith(TAG_PREFIX)}, **marks}


def _scrubbed(found: Any) -> Any:
    if isinstance(found, dict) and found.get("enable") is False:
        return {"enable": False}  # how logs would be written that nobody writes
    if isinstance(found, dict):
        whole = {name: _scrubbed(value) for name, value in found.items() if name not in OWN}
        return {name: value for name, value in whole.items() if value != {}}  # tags that hold a fingerprint alone
    return [_scrubbed(value) for value in found] if isinstance(found, list) else found


def _permissions(action: str) -> Iterator[str]:
    service, _, method = action.partition(".")
    yield from MORE.get(action, ())
    if service in {"iam", "projects", "folders", "organizations"}:
        yield _managed(service, method)
    else:
        api = "storage" if service == "storage" else "compute"
        if method in {"resize", "set_named_ports"} and "instance_group" in service:
            method = "update"  # which Google counts it as
        yield f"{api}.{_camel(SERVICES.get(service, service))}.{_camel(VERBS.get(method, method))}"


def _managed(service: str, method: str) -> str:
    """Of a method whose name has its resource in it: `create_service_account`, `get_iam_policy`, `get_operation`."""
    verb, _, rest = method.partition("_")
    api, resources = ("iam", "serviceAccounts") if service == "iam" else ("resourcemanager", service)
    if rest.startswith("iam_"):
        return f"{api}.{resources}.{verb}IamPolicy"
    return f"{api}.{resources}.{ {'patch': 'update', 'search': 'get'}.get(verb, verb) }"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)

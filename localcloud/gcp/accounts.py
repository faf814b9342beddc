"""IAM's service accounts. A deleted one can be brought back for thirty days, by its unique id."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from localcloud.core.asked import Answer
from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import listing, policies
from localcloud.gcp.reading import Request
from localcloud.gcp.refusals import Refused, answer
from localcloud.gcp.state import fingerprint, number

ACCOUNT = re.compile(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")
KEPT = timedelta(days=30)
CHANGEABLE = ("displayName", "description")
LONGEST = {"displayName": 100, "description": 256}  # bytes


def _all(cloud: Cloud) -> dict[str, dict[str, Any]]:
    it: dict[str, dict[str, Any]] = cloud.memory.setdefault("gcp.accounts", {})
    return it


def _gone(cloud: Cloud) -> dict[str, tuple[datetime, dict[str, Any]]]:
    it: dict[str, tuple[datetime, dict[str, Any]]] = cloud.memory.setdefault("gcp.accounts.gone", {})
    return it


def _hidden(cloud: Cloud, account: dict[str, Any]) -> bool:
    """Whether reads do not have it yet, and changes do not know it."""
    since: datetime | None = cloud.memory.get("gcp.accounts.since", {}).get(account["name"])
    lag = timedelta(seconds=float(str(cloud.settings["account_reads_lag_seconds"])))
    return since is not None and cloud.clock.now() - since < lag


def _appears(cloud: Cloud, account: dict[str, Any]) -> None:
    cloud.memory.setdefault("gcp.accounts.since", {})[account["name"]] = cloud.clock.now()


def _shown(account: dict[str, Any]) -> dict[str, Json]:
    return {k: v for k, v in account.items() if v not in ("", None, False)} | {"etag": fingerprint(account)}


def _find(cloud: Cloud, request: Request) -> dict[str, Any]:
    name, project = request.parts["name"], request.parts["project"]
    for account in _all(cloud).values():
        named = name in {account["email"], account["uniqueId"]} and project in {"-", account["projectId"]}
        if named and not _hidden(cloud, account):
            return account
    raise Refused(404, "NOT_FOUND", "Unknown service account")


def do(cloud: Cloud, request: Request) -> tuple[Answer, list[str], list[str]]:
    """Carry out a request: its answer, what it made and what it touched. Raises `Refused`."""
    match request.verb:
        case "insert":
            account = _create(cloud, request)
            return answer(_shown(account)), [account["name"]], []
        case "list":
            return answer(_list(cloud, request)), [], []
        case "undelete":
            account = _undelete(cloud, request)
            return answer({"restoredAccount": _shown(account)}), [], [account["name"]]
        case _:
            account = _find(cloud, request)
            return answer(_on_one(cloud, request, account)), [], [account["name"]]


def _create(cloud: Cloud, request: Request) -> dict[str, Any]:
    project, wanted = request.parts["project"], str(request.body.get("accountId", ""))
    if not ACCOUNT.fullmatch(wanted):
        raise Refused(400, "INVALID_ARGUMENT", f'The account ID "{wanted}" does not have a length between 6 and 30.')
    email = f"{wanted}@{project}.iam.gserviceaccount.com"
    name = f"projects/{project}/serviceAccounts/{email}"
    if name in _all(cloud):
        message = f"Service account {wanted} already exists within project projects/{project}."
        raise Refused(409, "ALREADY_EXISTS", message)
    said = _checked(request.body.get("serviceAccount") or {})
    account = {field: said[field] for field in CHANGEABLE if field in said}
    account |= {"name": name, "email": email, "projectId": project}
    account |= {"uniqueId": f"1{number(cloud)}0", "oauth2ClientId": f"1{number(cloud)}1"}
    _all(cloud)[name] = account
    policies.meet(cloud, email)
    _appears(cloud, account)
    return account


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    for field, most in LONGEST.items():
        if len(str(said.get(field, "")).encode()) > most:
            raise Refused(400, "INVALID_ARGUMENT", f"The {field} of a service account has at most {most} bytes.")
    return said


def _list(cloud: Cloud, request: Request) -> dict[str, Json]:
    own = [(n, a) for n, a in _all(cloud).items() if a["projectId"] == request.parts["project"]]
    mine = sorted((n, a) for n, a in own if not _hidden(cloud, a))
    shown: list[tuple[str, Json]] = [(name, _shown(account)) for name, account in mine]
    cut, more = listing.page(shown, request.query.get("pageSize", "20"), request.query.get("pageToken", ""), 100)
    return ({"accounts": [item for _, item in cut]} if cut else {}) | ({"nextPageToken": more} if more else {})


def _undelete(cloud: Cloud, request: Request) -> dict[str, Any]:
    found = _gone(cloud).get(request.parts["name"])
    if found is None or cloud.clock.now() - found[0] > KEPT:
        raise Refused(404, "NOT_FOUND", "Unknown service account")
    account = found[1]
    if account["name"] in _all(cloud):
        raise Refused(400, "FAILED_PRECONDITION", "A service account with the same email exists.")
    del _gone(cloud)[request.parts["name"]]
    _all(cloud)[account["name"]] = account
    _appears(cloud, account)
    return account


def _on_one(cloud: Cloud, request: Request, account: dict[str, Any]) -> Json:
    match request.verb:
        case "get":
            return _shown(account)
        case "patch":
            said = _checked(request.body.get("serviceAccount") or {})
            mask = str(request.body.get("updateMask", "")).replace("display_name", "displayName").split(",")
            if not set(mask) <= set(CHANGEABLE):
                raise Refused(400, "INVALID_ARGUMENT", "The update mask has a field that cannot be changed.")
            for field in mask:
                account[field] = said.get(field, "")
            return {"name": account["name"]} | {field: account[field] for field in mask if account[field]}
        case "update":
            account |= {field: request.body.get(field, "") for field in CHANGEABLE}
            return _shown(account)
        case "delete":
            del _all(cloud)[account["name"]]
            _gone(cloud)[account["uniqueId"]] = (cloud.clock.now(), account)
            policies.forget(cloud, account["name"])
            return {}
        case "enable" | "disable":
            account["disabled"] = request.verb == "disable"
            return {}
        case "getIamPolicy":
            asked = request.body.get("options") or {}
            return policies.get(cloud, account["name"], asked.get("requestedPolicyVersion"))
        case "setIamPolicy":
            return policies.change(cloud, account["name"], request.body.get("policy"))
        case "testIamPermissions":
            return {"permissions": request.body.get("permissions", [])}
        case _:
            raise Refused(404, "NOT_FOUND", f"There is no method {request.verb}.")


def world(cloud: Cloud) -> dict[str, Json]:
    """Every account that stands."""
    return {name: _shown(account) for name, account in sorted(_all(cloud).items())}

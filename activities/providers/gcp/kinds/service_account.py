"""`gcp.service_account`: an identity for machines. It has no keys and no roles unless something else gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.gcp import descriptions
from activities.providers.gcp.unseen import got
from holdfast.errors import InvalidInput, NameTaken, NotFound, Pending
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Output, ResourceType, Safety, Search

PAGE = 100  # what a list gives at most in one answer
LONGEST = 256  # bytes of a description, our marks among them


class ServiceAccountSpec(Spec):
    """A service account. Its address is made of its id and its project."""

    account_id: str = Field(
        pattern=r"^[a-z]([-a-z0-9]{4,28}[a-z0-9])$",
        description="what stands before the @ of its email, 6 to 30 letters",
    )
    display_name: str = Field(default="", max_length=100, description="a person's name for it")
    description: str = Field(
        default="", max_length=LONGEST, description="what it is for; Holdfast's marks stand behind it, in 256 bytes"
    )
    disabled: bool = Field(default=False, description="whether nobody can act as it")
    unique_id: str | None = Field(
        default=None, description="the number that IAM gave it, by which a deleted one is brought back; leave it out"
    )


class ServiceAccount(ResourceType[ServiceAccountSpec]):
    """IAM keeps a deleted account for thirty days, and with it what was granted to it."""

    kind = "gcp.service_account"
    spec = ServiceAccountSpec
    outputs = {
        "id": Output("its name, projects/PROJECT/serviceAccounts/EMAIL"),
        "email": Output("its address"),
        "member": Output("how policies name it: serviceAccount:EMAIL"),
        "unique_id": Output("the number that IAM gave it"),
    }
    safety = Safety.by_name
    carrier = Carrier.description
    immutable = frozenset({"account_id", "unique_id"})
    delete_undo = UndoLabel.lossy
    delete_note = (
        "for thirty days it comes back as it was, with what was granted to it; its keys may be lost. Later one of the "
        "same email is made, to which nothing is granted"
    )
    visible_within = timedelta(seconds=60)  # IAM's reads may lack what is new. Source: IAM, "Create service accounts"
    permissions = {
        "observe": ("iam.serviceAccounts.get", "iam.serviceAccounts.list"),
        "discover": ("iam.serviceAccounts.list",),
        "create": (
            "iam.serviceAccounts.create",
            "iam.serviceAccounts.undelete",
            "iam.serviceAccounts.update",
            "iam.serviceAccounts.disable",
        ),
        "update": ("iam.serviceAccounts.update", "iam.serviceAccounts.enable", "iam.serviceAccounts.disable"),
        "delete": ("iam.serviceAccounts.delete",),
        "adopt": ("iam.serviceAccounts.update",),
        "disown": ("iam.serviceAccounts.update",),
    }
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = "robot: {kind: gcp.service_account, spec: {account_id: shop-robot, description: restocks the shelves}}"
    trials = {"display_name": "Robot", "description": "counts the shelves", "disabled": True}

    # --- reading -----------------------------------------------------------------------------------------------

    def observe(self, call: Call[ServiceAccountSpec]) -> Observation:
        raw = got(
            lambda: call.client("iam").get_service_account(name=call.id),
            lambda: any(raw["name"] == call.id for raw in _listed(call)),
        )
        return self.absent(call.remote_id) if raw is None else self._see(raw)

    def discover(self, search: Search) -> Iterator[Observation]:
        """All of the project's: IAM does not filter."""
        wanted = {"owner": search.owner, "address": search.address, "token": search.token}
        marks = {name: str(mark) for name, mark in wanted.items() if mark is not None}.items()
        for raw in _listed(search):
            if marks <= descriptions.seen(raw.get("description", "")).items():
                yield self._see(raw)

    def find(self, call: Call[ServiceAccountSpec]) -> list[Observation]:
        """At the email, whosever it is."""
        if call.spec is None:
            return super().find(call)
        seen = self.observe(replace(call, remote_id=_name(call.scope, call.spec.account_id)))
        return [] if seen.status is Status.absent else [seen]

    def find_all(
        self, calls: Sequence[Call[ServiceAccountSpec]]
    ) -> Iterator[tuple[Call[ServiceAccountSpec], Observation]]:
        """One list of the project's."""
        standing = {raw["name"]: raw for raw in _listed(calls[0])} if calls else {}
        for call in calls:
            raw = standing.get(_name(call.scope, call.wanted.account_id))
            if raw is not None:
                yield call, self._see(raw)

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[ServiceAccountSpec]) -> Observation:
        """One call; a second where it is to be disabled. On the way back the deleted one is brought back.

        Raises `NameTaken` when an account of that email stands already, and `Pending` while IAM does not know
        everywhere what it has just made, or brought back: the second call is then the next delivery's.
        """
        wanted, iam = call.wanted, call.client("iam")
        seen: Observation | None = None
        if call.remote_id is not None:
            seen = self.observe(call)
        elif call.back and wanted.unique_id is not None:
            seen = self._brought_back(call, wanted.unique_id)
        if seen is None:
            body = {
                "accountId": wanted.account_id,
                "serviceAccount": {"displayName": wanted.display_name, "description": _marked(call)},
            }
            try:
                seen = self._see(iam.create_service_account(name=f"projects/{call.scope.account}", body=body))
            except NameTaken:
                # By the account itself, which an earlier delivery brought back, and which did not show until now.
                if not call.back or wanted.unique_id is None:
                    raise
                if (seen := self._brought_back(call, wanted.unique_id)) is None:
                    raise
        if wanted.disabled and seen.stands and not seen.properties["disabled"]:
            with _young(call):
                iam.disable_service_account(name=seen.remote_id)
            return seen.model_copy(update={"properties": {**seen.properties, "disabled": True}})
        return seen

    def update(self, call: Call[ServiceAccountSpec]) -> Observation:
        """One call for words, and one for whether it is disabled."""
        wanted, iam, changed = call.wanted, call.client("iam"), {c.path for c in call.changes}
        words: dict[str, str] = {}
        if "display_name" in changed:
            words["displayName"] = wanted.display_name
        if "description" in changed:
            words["description"] = _short(descriptions.reworded(wanted.description, self._description(call)))
        if words:
            self._patch(call, **words)
        if "disabled" in changed:
            switch = iam.disable_service_account if wanted.disabled else iam.enable_service_account
            switch(name=call.id)
        return self.observe(call)

    def delete(self, call: Call[ServiceAccountSpec]) -> Observation:
        """What was granted to it stays where it was granted, for as long as the account can come back."""
        try:
            call.client("iam").delete_service_account(name=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    def adopt(self, call: Call[ServiceAccountSpec]) -> Observation:
        words = descriptions.own(self._description(call))
        self._patch(call, description=_short(descriptions.over(words, call)))
        return self.observe(call)

    def disown(self, call: Call[ServiceAccountSpec]) -> Observation:
        self._patch(call, description=descriptions.own(self._description(call)))
        return self.observe(call)

    # --- checking and comparing -------------------------------------------------------------------------------

    def crowded(self, spec: Mapping[str, Any], marks: Mapping[str, str]) -> tuple[str, str] | None:
        """By a description that is too long for IAM with them."""
        words = spec.get("description", "")
        wrong = _overlong(descriptions.beside(words, marks)) if isinstance(words, str) else ""
        return ("description", wrong) if wrong else None

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Blanks around a description mean nothing."""
        form = dict(properties)
        if "description" in form:
            form["description"] = descriptions.compared(form["description"])
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same id."""
        return bool(before.get("account_id") == after.get("account_id"))

    # --- IAM's JSON --------------------------------------------------------------------------------------------

    def _see(self, raw: Mapping[str, Any]) -> Observation:
        description, email = raw.get("description", ""), raw["email"]
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=raw["name"],
            properties={
                "account_id": email.partition("@")[0],
                "display_name": raw.get("displayName", ""),
                "description": descriptions.own(description),
                "disabled": bool(raw.get("disabled")),
                "unique_id": raw["uniqueId"],
            },
            outputs={
                "id": raw["name"],
                "email": email,
                "member": f"serviceAccount:{email}",
                "unique_id": raw["uniqueId"],
            },
            **descriptions.seen(description),
        )

    def _brought_back(self, call: Call[ServiceAccountSpec], unique_id: str) -> Observation | None:
        """The deleted account, bearing this act's token; None where IAM has it no more, and one is to be made.

        IAM knows a deleted account by its number alone. Source: IAM API, projects.serviceAccounts.undelete.
        """
        iam, name = call.client("iam"), _name(call.scope, call.wanted.account_id)
        at = replace(call, remote_id=name)
        standing = self.observe(at)
        if standing.stands:
            if (standing.owner, standing.properties["unique_id"]) == (str(call.owner), unique_id):
                return self.adopt(at)  # an earlier delivery brought it back
            raise NameTaken(f"another account has the email of {name} meanwhile", address=call.address)
        try:
            iam.undelete_service_account(name=f"projects/{call.scope.account}/serviceAccounts/{unique_id}")
        except (NotFound, InvalidInput):  # of what IAM has no more, and of what it has back and does not show yet
            return None
        with _young(call):
            return self.adopt(at)

    @staticmethod
    def _description(call: Call[ServiceAccountSpec]) -> str:
        return str(call.client("iam").get_service_account(name=call.id).get("description", ""))

    @staticmethod
    def _patch(call: Call[ServiceAccountSpec], **words: str) -> None:
        body = {"serviceAccount": words, "updateMask": ",".join(words)}
        call.client("iam").patch_service_account(name=call.id, body=body)


@contextmanager
def _young(call: Call[ServiceAccountSpec]) -> Iterator[None]:
    """For what is asked of a new account. Source: IAM, "Create service accounts": it may be unknown for a minute."""
    try:
        yield
    except NotFound as unknown:
        raise Pending(
            f"{call.address} is new, and IAM does not know it everywhere yet: {unknown.letter.happened}",
            address=call.address,
        ) from unknown


def _listed(asking: Call[ServiceAccountSpec] | Search) -> Iterator[dict[str, Any]]:
    accounts: Iterator[dict[str, Any]] = asking.client("iam").list_service_accounts(
        name=f"projects/{asking.scope.account}", page_size=PAGE
    )
    return accounts


def _name(scope: Scope, account_id: str) -> str:
    # Of a project that belongs to a domain, `example.com:shop`, the email has the parts the other way round.
    project = ".".join(reversed(scope.account.split(":")))
    return f"projects/{scope.account}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com"


def _marked(call: Call[ServiceAccountSpec]) -> str:
    return _short(descriptions.marked(call))


def _short(description: str) -> str:
    """Raises `InvalidInput` where IAM would cut or refuse it."""
    if wrong := _overlong(description):
        over = len(description.encode()) - LONGEST
        raise InvalidInput(wrong, next=f"shorten the description, or the resource's name, by {over} bytes")
    return description


def _overlong(description: str) -> str:
    """What is wrong with a whole description's length, or nothing. Source: IAM API, ServiceAccount: 256 UTF-8 bytes."""
    size = len(description.encode())
    wrong = f"with Holdfast's marks the description has {size} bytes, and IAM takes {LONGEST}"
    return wrong if size > LONGEST else ""

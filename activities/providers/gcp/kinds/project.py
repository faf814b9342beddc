"""`gcp.project`: a project, which holds everything else of Google Cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.gcp import labelling, labels
from activities.providers.gcp.labelling import Labels
from activities.providers.gcp.managing import ACTIVE, ManagedKind, Work, handle
from activities.providers.gcp.unseen import got
from holdfast.contract import TAG_PREFIX, TOKEN_TAG
from holdfast.errors import CreateFailed, InvalidInput, NameTaken, NotAllowed, Pending, Refused
from holdfast.model import Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Output, Safety, Search

PAGE = 300
# A label: the token that a project bore when Holdfast deleted it. A deleted project cannot be written to, so what is
# known about its end is written before.
REMOVED = f"{TAG_PREFIX}undone"
MARKED_WITHIN = timedelta(minutes=1)  # how long a delete waits for that to be written


class ProjectSpec(Spec):
    """A project. Its id is unique in all of Google Cloud, and is never free again."""

    project_id: str = Field(
        pattern=r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$",
        description="unique among everybody's projects, for ever; 6 to 30 letters, digits and dashes",
    )
    parent: str = Field(
        pattern=r"^(folders|organizations)/[0-9]+$",
        description="where it stands: folders/NUMBER or organizations/NUMBER",
    )
    display_name: str | None = Field(
        default=None, min_length=4, max_length=30, description="a person's name for it; without one, its id"
    )
    labels: Labels = Field(default_factory=dict, description=labelling.ABOUT)


class Project(ManagedKind[ProjectSpec]):
    """Made, moved and changed by operations. Until it is made, Google says of it that nobody may look at it.

    A deleted project is kept for thirty days, in which it can be brought back, and then goes for good. It is as good as
    gone from the first of them: nothing in it works. Its id is never free again. So a project that Holdfast deleted
    comes back, in those days, to the next create at its address: it becomes what the document says, and what is in it
    comes back as well: what it stores, its policies, its service accounts and their keys. One that another hand
    deleted comes back by a person's hand alone.

    A new project has no billing account, and neither Compute nor IAM enabled; no kind here links or enables any, and
    one that comes back has lost its billing account. Its policy's members can be made in the same run. Whatever else
    stands in it is made by a later one, some minutes after a person has said:

    ```sh
    gcloud billing accounts list
    gcloud billing projects link PROJECT_ID --billing-account ACCOUNT_ID
    gcloud services enable compute.googleapis.com iam.googleapis.com --project PROJECT_ID
    ```

    That takes `roles/billing.user` on the billing account, and on the project `roles/billing.projectManager` and
    `roles/serviceusage.serviceUsageAdmin`, which a `gcp.project_iam_member` may give: the project is its maker's alone.
    Until then Google refuses whatever else is made in it, and the run is taken back, the project with it. So give the
    project a stack of its own. Only the local Google Cloud lets a new project be used at once.

    Source: Resource Manager, "Creating and managing projects"; Cloud Billing, "Enable billing for a project"; Service
    Usage, "Enabling and disabling services".
    """

    kind = "gcp.project"
    spec = ProjectSpec
    service = "projects"
    outputs = {
        "id": Output("projects/PROJECT_ID"),
        "project_id": Output("its id"),
        "number": Output("the number that Google gave it"),
    }
    safety = Safety.by_name
    carrier = Carrier.labels
    names_account = "project_id"
    immutable = frozenset({"project_id"})
    holds_data = True
    delete_undo = UndoLabel.lossy
    delete_note = (
        "for thirty days the project comes back with its number, labels and policies; what runs in it stops, its "
        "billing account must be linked again, and what it stores may be deleted sooner"
    )
    visible_within = timedelta(seconds=60)  # its operation, of which nobody may have heard, takes its time
    permissions = {
        "observe": ("resourcemanager.projects.get",),
        "discover": ("resourcemanager.projects.get",),
        "create": (
            "resourcemanager.projects.create",
            "resourcemanager.projects.undelete",
            "resourcemanager.projects.update",
            "resourcemanager.projects.move",
        ),
        "update": ("resourcemanager.projects.update", "resourcemanager.projects.move"),
        "delete": ("resourcemanager.projects.delete", "resourcemanager.projects.update"),
        "adopt": ("resourcemanager.projects.update",),
        "disown": ("resourcemanager.projects.update",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=5),
    }
    example = """
shop: {kind: gcp.project, spec: {project_id: shop-prod-7f3a, parent: organizations/123456789012}}
"""
    trials = {
        "parent": "folders/210987654321",
        "display_name": "The shop",
        "labels": {"team": "shop"},
    }

    # --- reading -----------------------------------------------------------------------------------------------

    def discover(self, search: Search) -> Iterator[Observation]:
        """Wherever they stand. A search passes what fits ANY of its terms, and a part of a value: so it has one term,
        and the rest is compared here. Source: Resource Manager API v3, projects.search.
        """
        wanted = labels.wanted(search)
        rarest = next((key for key in (TOKEN_TAG, labels.NAME, labels.STACK) if key in wanted), None)
        query = f"labels.{rarest}:{wanted[rarest]}" if rarest else f"state:{ACTIVE}"
        for raw in search.client("projects").search_projects(query=query, page_size=PAGE):
            if raw["state"] == ACTIVE and wanted.items() <= raw.get("labels", {}).items():
                yield self.see(search, raw)

    def find(self, call: Call[ProjectSpec]) -> list[Observation]:
        """At the id, whosever it is, where we may see it.

        One that Holdfast deleted, and that stands, is this act's doing where the act may have had it back: until it is
        all that is wanted it bears the token of its earlier life.
        """
        if call.spec is None:
            return super().find(call)
        at = replace(call, remote_id=_name(call.spec))
        raw = self.raw(at)
        if raw is None or raw["state"] != ACTIVE:
            return []
        seen, returned = self.see(at, raw), call.claimed and self._was_here(raw, at)
        return [seen.model_copy(update={"token": call.token}) if returned else seen]

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[ProjectSpec]) -> Observation:
        """One call, answered by an operation. On the way back, the deleted project is brought back, and then
        marked: until it stands that is `Pending`, and the next delivery's. The same where the id is held by what stood
        at this address until Holdfast deleted it; that one becomes what the document says now. One that stands again
        at the first delivery is another hand's doing, and stays as it is.

        Raises `NameTaken` when the id is borne already, also where nobody may see by whom, and `CreateFailed` when it
        was borne by another project of ours that is deleted, or by one that another hand deleted.
        """
        if call.remote_id is not None:
            raw = self.raw(call)
            if raw is None or raw["state"] != ACTIVE:
                return self.absent(call.remote_id)
            return self._returned(call, raw) if self._was_here(raw, call) else self.see(call, raw)
        at = replace(call, remote_id=_name(call.wanted))
        if call.back and self._is_ours(self.raw(at), at):
            if self.bring_back(at) is not None or not self.observe(at).stands:
                raise Pending(f"{at.id} is coming back; then it is marked", address=call.address)
            return self.adopt(at)
        body = {
            "projectId": call.wanted.project_id,
            "displayName": call.wanted.display_name,
            "parent": call.wanted.parent,
            "labels": labels.marked(call),
        }
        try:
            work = self.ask(call, "create", body={k: v for k, v in body.items() if v is not None})
        except NameTaken as taken:
            raw = self.raw(at)
            if raw is not None and self._was_here(raw, at) and (call.claimed or raw["state"] != ACTIVE):
                return self._returned(at, raw)
            if (untold := self._untold(at, raw, taken)) is not None:
                raise untold from taken
            raise
        return Observation(
            kind=self.kind,
            status=Status.pending,
            remote_id=at.remote_id,
            properties=call.wanted.plain(),
            outputs={"id": at.id, "project_id": call.wanted.project_id},
            handle=handle([work]),
            **labels.seen(labels.marked(call)),
        )

    def _returned(self, call: Call[ProjectSpec], raw: Mapping[str, Any]) -> Observation:
        """The project again, made to be what is wanted. It says last that it is this act's: until then the next
        delivery begins at what is left to do.
        """
        if raw["state"] != ACTIVE:
            self.bring_back(call)
            raise Pending(f"{call.id} is coming back; then it becomes what is wanted", address=call.address)
        if call.back:  # it is as it was, labels of other hands among it
            return self.adopt(call)
        wanted = call.wanted
        if raw.get("parent") != wanted.parent:
            moving = self.ask(call, "move", name=call.id, body={"destinationParent": wanted.parent})
            if handle([moving]) is not None:
                raise Pending(f"{call.id} is being moved to {wanted.parent}", address=call.address)
        body = {"displayName": wanted.display_name or wanted.project_id}
        found = dict.fromkeys(raw.get("labels", {}))
        return self.changing(call, list(self._written(call, body, {**found, **labels.marked(call)})))

    def delete(self, call: Call[ProjectSpec]) -> Observation:
        """As of its fellows. Before that a label says that Holdfast deletes it: then a later create has it back.

        A project that cannot be written to, as where it has all the labels that it may have, goes without. Raises
        `Pending` while the label is being written, for a while.
        """
        raw, marking = self.raw(call), None
        if raw is not None and raw["state"] == ACTIVE and not _says_removed(raw):
            with suppress(InvalidInput, NotAllowed):
                marking = handle(self._written(call, {}, {REMOVED: raw.get("labels", {}).get(TOKEN_TAG)}))
        if marking is not None and call.waited < MARKED_WITHIN:
            raise Pending(f"{call.id} is marked; then it is deleted", address=call.address)
        return super().delete(call)

    def adopt(self, call: Call[ProjectSpec]) -> Observation:
        return self.changing(call, self._written(call, {}, labelling.adopting(call, self._labels(call))))

    def disown(self, call: Call[ProjectSpec]) -> Observation:
        return self.changing(call, self._written(call, {}, labelling.disowning(self._labels(call))))

    def write(self, call: Call[ProjectSpec]) -> Iterator[Work]:
        """Its name and labels, in one call."""
        named = any(c.path == "display_name" for c in call.changes)
        body = {"displayName": call.wanted.display_name or call.wanted.project_id} if named else {}
        yield from self._written(call, body, labelling.changed(call.changes))

    # --- comparing ---------------------------------------------------------------------------------------------

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same id."""
        return bool(before.get("project_id") == after.get("project_id"))

    # --- Resource Manager's JSON -------------------------------------------------------------------------------

    def see(self, call: Call[ProjectSpec] | Search, raw: Mapping[str, Any]) -> Observation:
        """Its labels say whose it is."""
        found, name = raw.get("labels", {}), f"projects/{raw['projectId']}"
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=name,
            properties={
                "project_id": raw["projectId"],
                "parent": raw.get("parent"),
                "display_name": raw.get("displayName"),
                "labels": labels.own(found),
            },
            outputs={"id": name, "project_id": raw["projectId"], "number": raw["name"].partition("/")[2]},
            **labels.seen(found),
        )

    def raw(self, call: Call[ProjectSpec]) -> dict[str, Any] | None:
        """By its id."""
        projects, query = call.client("projects"), f"id:{call.id.partition('/')[2]}"
        return got(lambda: projects.get_project(name=call.id), lambda: any(projects.search_projects(query=query)))

    def _labels(self, call: Call[ProjectSpec]) -> dict[str, str]:
        return dict((self.raw(call) or {}).get("labels", {}))

    @staticmethod
    def _is_ours(raw: Mapping[str, Any] | None, call: Call[ProjectSpec]) -> bool:
        return raw is not None and labels.seen(raw.get("labels", {}))["owner"] == str(call.owner)

    def _was_here(self, raw: Mapping[str, Any], call: Call[ProjectSpec]) -> bool:
        """Whether a project is what stood at this address until Holdfast deleted it."""
        return self._is_ours(raw, call) and _address(raw) == str(call.address) and _says_removed(raw)

    def _untold(self, call: Call[ProjectSpec], raw: Mapping[str, Any] | None, taken: NameTaken) -> Refused | None:
        """Why an id is not to be had, where that it is taken does not say it."""
        if raw is None:
            return NameTaken(
                taken.letter.happened,
                address=call.address,
                code=taken.letter.code,
                requests=taken.letter.requests,
                standing="nothing was made; whose the id is, or was, Google does not show",
                next="choose another id: a project's stays taken for ever, also when the project is gone",
            )
        if raw["state"] == ACTIVE or not self._is_ours(raw, call):
            return None
        name, there = call.id.partition("/")[2], _address(raw)
        here = there == str(call.address)
        how = ", and nothing says that Holdfast did it" if here else f"; it was {there}"
        ways = [] if _says_removed(raw) else [f"`gcloud projects undelete {name}`"]
        ways += [] if here else [f"let the document have it as {there}"]
        return CreateFailed(
            f"{call.id} was deleted{how}; its id stays taken for ever",
            address=call.address,
            standing="for thirty days it can be brought back, with all that is in it",
            next=f"{' and '.join(ways)}; or choose another id; and plan again",
        )

    def _written(self, call: Call[ProjectSpec], body: dict[str, Any], write: labelling.Writes) -> Iterator[Work]:
        """One update. Labels are written all at once, under the etag with which they were read."""
        if not body and not write:
            return
        raw = self.raw(call) or {}
        mask = list(body)
        if write:
            mask.append("labels")
            body = {**body, "labels": labelling.merged(raw.get("labels", {}), write), "etag": raw.get("etag")}
        body = {"name": raw.get("name", call.id), **body}
        yield self.ask(call, "update", body=body, update_mask=",".join(mask))


def _says_removed(raw: Mapping[str, Any]) -> bool:
    """Whether its labels say that Holdfast deleted it, and are those that it had then."""
    found = raw.get("labels", {})
    return REMOVED in found and found[REMOVED] == found.get(TOKEN_TAG)


def _address(raw: Mapping[str, Any]) -> str | None:
    address: str | None = labels.seen(raw.get("labels", {}))["address"]
    return address


def _name(spec: ProjectSpec) -> str:
    return f"projects/{spec.project_id}"

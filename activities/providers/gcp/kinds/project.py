"""`gcp.project`: a project, which holds everything else of Google Cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.gcp import labelling, labels, managing
from activities.providers.gcp.unseen import got
from holdfast.contract import TOKEN_TAG
from holdfast.errors import CreateFailed, InvalidInput, NameTaken, NotAllowed, Pending
from holdfast.model import Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Output, ResourceType, Safety, Search, Underway

PAGE = 300
ACTIVE = "ACTIVE"


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
    labels: dict[str, str] = Field(default_factory=dict, description=labelling.ABOUT)


class Project(ResourceType[ProjectSpec]):
    """Made, moved and changed by operations. Until it is made, Google says of it that nobody may look at it.

    A deleted project is kept for thirty days, in which it can be brought back, and then goes for good. It is as good as
    gone from the first of them: nothing in it works.
    """

    kind = "gcp.project"
    spec = ProjectSpec
    outputs = {
        "id": Output("projects/PROJECT_ID"),
        "project_id": Output("its id"),
        "number": Output("the number that Google gave it"),
    }
    safety = Safety.by_name
    carrier = Carrier.labels
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
        ),
        "update": ("resourcemanager.projects.update", "resourcemanager.projects.move"),
        "delete": ("resourcemanager.projects.delete",),
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

    def observe(self, call: Call[ProjectSpec]) -> Observation:
        """One call; of what does not show, a second, since Google does not tell apart what we may not see."""
        raw = self._raw(call)
        return self._see(raw) if raw is not None and raw["state"] == ACTIVE else self.absent(call.remote_id)

    def discover(self, search: Search) -> Iterator[Observation]:
        """Wherever they stand. A search passes what fits ANY of its terms, and a part of a value: so it has one term,
        and the rest is compared here. Source: Resource Manager API v3, projects.search.
        """
        wanted = labels.wanted(search)
        rarest = next((key for key in (TOKEN_TAG, labels.NAME, labels.STACK) if key in wanted), None)
        query = f"labels.{rarest}:{wanted[rarest]}" if rarest else f"state:{ACTIVE}"
        for raw in search.client("projects").search_projects(query=query, page_size=PAGE):
            if raw["state"] == ACTIVE and wanted.items() <= raw.get("labels", {}).items():
                yield self._see(raw)

    def find(self, call: Call[ProjectSpec]) -> list[Observation]:
        """At the id, whosever it is, where we may see it."""
        if call.spec is None:
            return super().find(call)
        seen = self.observe(replace(call, remote_id=_name(call.spec)))
        return [] if seen.status is Status.absent else [seen]

    def underway(self, call: Call[ProjectSpec]) -> Underway | None:
        return managing.underway(call, "projects")

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[ProjectSpec]) -> Observation:
        """One call, answered by an operation. On the way back, the deleted project is brought back, and then
        marked: until it stands that is `Pending`, and the next delivery's.

        Raises `NameTaken` when the id is borne already, also where nobody may see by whom, and `CreateFailed` when it
        was borne by a project of ours that is deleted.
        """
        if call.remote_id is not None:
            return self.observe(call)
        at = replace(call, remote_id=_name(call.wanted))
        if call.back and self._is_ours(self._raw(at), at):
            return self._brought_back(at)
        body = {
            "projectId": call.wanted.project_id,
            "displayName": call.wanted.display_name,
            "parent": call.wanted.parent,
            "labels": labels.marked(call),
        }
        try:
            work = call.client("projects").create_project(body={k: v for k, v in body.items() if v is not None})
        except NameTaken as taken:
            raw = self._raw(at)
            if raw is not None and raw["state"] != ACTIVE and self._is_ours(raw, at):
                raise CreateFailed(
                    f"{at.id} was deleted, and its id stays taken for ever",
                    address=call.address,
                    next=f"`gcloud projects undelete {call.wanted.project_id}`, or choose another id, and plan again",
                ) from taken
            raise
        return Observation(
            kind=self.kind,
            status=Status.pending,
            remote_id=at.remote_id,
            properties=call.wanted.plain(),
            outputs={"id": at.id, "project_id": call.wanted.project_id},
            handle=managing.handle([work]),
            **labels.seen(labels.marked(call)),
        )

    def update(self, call: Call[ProjectSpec]) -> Observation:
        """One call for name and labels, and one for where it stands; each is an operation."""
        wanted, changed = call.wanted, {c.path for c in call.changes}
        body: dict[str, Any] = {}
        if "display_name" in changed:
            body["displayName"] = wanted.display_name or wanted.project_id
        works = self._write(call, body, labelling.changed(call.changes))
        if "parent" in changed:
            works.append(call.client("projects").move_project(name=call.id, body={"destinationParent": wanted.parent}))
        return managing.changing(self.observe(call), works)

    def delete(self, call: Call[ProjectSpec]) -> Observation:
        """It stays taken, and can be brought back for thirty days."""
        try:
            call.client("projects").delete_project(name=call.id)
        except (NotAllowed, InvalidInput):  # of what is not there, and of what was asked to go
            seen = self.observe(call)
            if seen.stands:
                raise
            return seen
        seen = self.observe(call)
        return seen.model_copy(update={"status": Status.deleting}) if seen.stands else seen

    def adopt(self, call: Call[ProjectSpec]) -> Observation:
        works = self._write(call, {}, labelling.adopting(call, self._labels(call)))
        return managing.changing(self.observe(call), works)

    def disown(self, call: Call[ProjectSpec]) -> Observation:
        works = self._write(call, {}, labelling.disowning(self._labels(call)))
        return managing.changing(self.observe(call), works)

    # --- comparing ---------------------------------------------------------------------------------------------

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same id."""
        return bool(before.get("project_id") == after.get("project_id"))

    # --- Resource Manager's JSON -------------------------------------------------------------------------------

    def _see(self, raw: Mapping[str, Any]) -> Observation:
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

    @staticmethod
    def _raw(call: Call[ProjectSpec]) -> dict[str, Any] | None:
        """The project, also a deleted one; None where there is none. Raises `NotAllowed` where there is one."""
        projects, query = call.client("projects"), f"id:{call.id.partition('/')[2]}"
        return got(lambda: projects.get_project(name=call.id), lambda: any(projects.search_projects(query=query)))

    def _labels(self, call: Call[ProjectSpec]) -> dict[str, str]:
        return dict((self._raw(call) or {}).get("labels", {}))

    @staticmethod
    def _is_ours(raw: Mapping[str, Any] | None, call: Call[ProjectSpec]) -> bool:
        return raw is not None and labels.seen(raw.get("labels", {}))["owner"] == str(call.owner)

    def _brought_back(self, call: Call[ProjectSpec]) -> Observation:
        """Asked for until it stands, which an earlier delivery may have seen to; only then it can be marked."""
        if not self.observe(call).stands:
            refused: InvalidInput | None = None
            try:
                managing.handle([call.client("projects").undelete_project(name=call.id)])
            except InvalidInput as no:  # also of what came back a moment ago
                refused = no
            if not self.observe(call).stands:
                raise refused or Pending(f"{call.id} is coming back; then it is marked", address=call.address)
        return self.adopt(call)

    def _write(self, call: Call[ProjectSpec], body: dict[str, Any], write: labelling.Writes) -> list[dict[str, Any]]:
        """One update. Labels are written all at once, under the etag with which they were read."""
        if not body and not write:
            return []
        raw = self._raw(call) or {}
        mask = list(body)
        if write:
            mask.append("labels")
            body = {**body, "labels": labelling.merged(raw.get("labels", {}), write), "etag": raw.get("etag")}
        work = call.client("projects").update_project(
            body={"name": raw.get("name", call.id), **body}, update_mask=",".join(mask)
        )
        return [work]


def _name(spec: ProjectSpec) -> str:
    return f"projects/{spec.project_id}"

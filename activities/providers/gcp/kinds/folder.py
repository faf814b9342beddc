"""`gcp.folder`: a folder of an organization, in which projects and other folders stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import Field, field_validator

from activities.providers.gcp.managing import ManagedKind, Work, handle
from activities.providers.gcp.unseen import got
from holdfast.errors import NotAllowed, NotFound
from holdfast.model import Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Output, Safety, Search
from holdfast.secret import Secret

PAGE = 300
WORK = "operations/"  # Until Google has given it a number, a folder is known by the operation that makes it.


class FolderSpec(Spec):
    """A folder. Under one parent no two have the same display name, in whatever case."""

    display_name: str = Field(
        pattern=r"^[\w]([\w -]{1,28}[\w])$",
        description="a person's name for it, 3 to 30 letters, digits, spaces, - or _",
    )
    parent: str = Field(
        pattern=r"^(folders|organizations)/[0-9]+$",
        description="where it stands: folders/NUMBER or organizations/NUMBER",
    )
    number: str | None = Field(
        default=None, description="what Google gave it, by which a deleted one is brought back; leave it out"
    )

    @field_validator("display_name", "parent", mode="before")
    @classmethod
    def _is_found_by_it(cls, value: Any) -> Any:
        if isinstance(value, Secret):
            raise ValueError("a folder is found by it, and it is no secret")  # noqa: TRY004  pydantic hears no TypeError
        return value


class Folder(ManagedKind[FolderSpec]):
    """Whose a folder is, only the ledger remembers: it has neither labels nor a description.

    It is made, renamed and moved by operations. Only an empty one is deleted: Google refuses the others, and nothing
    here empties a folder. A deleted one is kept for thirty days, and as good as gone from the first of them; its
    display name is free at once.
    """

    kind = "gcp.folder"
    spec = FolderSpec
    service = "folders"
    outputs = {"id": Output("its name, folders/NUMBER"), "number": Output("the number that Google gave it")}
    safety = Safety.by_name
    carrier = Carrier.parent
    immutable = frozenset({"number"})
    visible_within = timedelta(seconds=60)  # its operation, of which nobody may have heard, takes its time
    delete_undo = UndoLabel.lossy
    delete_note = "for thirty days it comes back as it was; later one is made anew, without the policies of the old one"
    permissions = {
        "observe": ("resourcemanager.folders.get", "resourcemanager.folders.list"),
        "discover": ("resourcemanager.folders.list",),
        "create": ("resourcemanager.folders.create", "resourcemanager.folders.undelete"),
        "update": ("resourcemanager.folders.update", "resourcemanager.folders.move"),
        "delete": ("resourcemanager.folders.delete",),
        "adopt": ("resourcemanager.folders.get",),
        "disown": ("resourcemanager.folders.get",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=5),
    }
    example = "shops: {kind: gcp.folder, spec: {display_name: Shops, parent: organizations/123456789012}}"
    trials = {"display_name": "All shops", "parent": "folders/210987654321"}

    # --- reading -----------------------------------------------------------------------------------------------

    def discover(self, search: Search) -> Iterator[Observation]:
        """Nothing: a folder does not say whose it is."""
        return iter(())

    def find(self, call: Call[FolderSpec]) -> list[Observation]:
        """By its name under its parent, whosever it is. What stands under a parent is listed at once, and found by a
        search later. Source: Resource Manager API v3, folders.list.
        """
        if call.spec is None:
            return []
        listed = call.client("folders").list_folders(parent=call.spec.parent, page_size=PAGE)
        name = call.spec.display_name.lower()
        return [self.see(call, raw) for raw in listed if raw["displayName"].lower() == name]

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[FolderSpec]) -> Observation:
        """One call, answered by an operation. On the way back the deleted folder is brought back.

        Raises `NameTaken` when another folder under the parent has the name.
        """
        if call.remote_id is not None:
            return self.observe(call)
        wanted = call.wanted
        if call.back and wanted.number is not None:
            at = replace(call, remote_id=f"folders/{wanted.number}", claimed=True)
            if (raw := self.raw(at)) is not None:
                status = Status.ready if (at_work := self.bring_back(at)) is None else Status.pending
                return self.see(at, raw).model_copy(update={"status": status, "handle": at_work})
        work = self.ask(call, "create", body={"displayName": wanted.display_name, "parent": wanted.parent})
        if (at_work := handle([work])) is None:
            return self.observe(replace(call, remote_id=work["response"]["name"], claimed=True))
        return Observation(
            kind=self.kind,
            status=Status.pending,
            remote_id=at_work,
            properties=wanted.plain(),
            owner=str(call.owner),
            address=str(call.address),
            token=call.token or None,
            handle=at_work,
        )

    def write(self, call: Call[FolderSpec]) -> Iterator[Work]:
        """Its name."""
        if any(c.path == "display_name" for c in call.changes):
            body = {"name": call.id, "displayName": call.wanted.display_name}
            yield self.ask(call, "update", body=body, update_mask="displayName")

    def adopt(self, call: Call[FolderSpec]) -> Observation:
        """Writes nothing: the ledger alone remembers whose it is."""
        return self.observe(call)

    def disown(self, call: Call[FolderSpec]) -> Observation:
        """Writes nothing: see `adopt`."""
        return self.observe(call)

    # --- comparing ---------------------------------------------------------------------------------------------

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only in the same place."""
        return _alike(before, after)

    # --- Resource Manager's JSON -------------------------------------------------------------------------------

    def see(self, call: Call[FolderSpec], raw: Mapping[str, Any]) -> Observation:
        """Ours where the call claims it."""
        number = raw["name"].partition("/")[2]
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=raw["name"],
            properties={"display_name": raw["displayName"], "parent": raw["parent"], "number": number},
            outputs={"id": raw["name"], "number": number},
            owner=str(call.owner) if call.claimed else None,
            address=str(call.address) if call.claimed else None,
            token=(call.token or None) if call.claimed else None,
        )

    def raw(self, call: Call[FolderSpec]) -> dict[str, Any] | None:
        """At its number; or at the operation that makes it, which then answers with its number."""
        folders, name = call.client("folders"), call.id
        if name.startswith(WORK):
            name = _made_by(folders, name)
        if not name:
            return None
        return got(
            lambda: folders.get_folder(name=name),
            lambda: any(f["name"] == name for f in folders.search_folders(page_size=PAGE)),
        )


def _made_by(folders: Any, work: str) -> str:
    """The folder that an operation has made; nothing before it has, or where nobody knows of the operation."""
    try:
        return str(folders.get_operation(name=work).get("response", {}).get("name", ""))
    except (NotFound, NotAllowed):
        return ""


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    names = [str(of.get("display_name", "")).lower() for of in (one, other)]
    return names[0] == names[1] and one.get("parent") == other.get("parent")

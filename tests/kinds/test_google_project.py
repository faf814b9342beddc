"""`gcp.project` and `gcp.folder` on the local Google Cloud: what is special to them beside the laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from activities.providers.gcp.kinds.folder import Folder, FolderSpec
from activities.providers.gcp.kinds.project import Project, ProjectSpec
from holdfast.errors import Blocked, CreateFailed, NameTaken, NotAllowed, Pending, QuotaExceeded
from holdfast.model import Owner, Status
from holdfast.plan import FieldChange
from holdfast.resource import Observation, Search
from tests.kinds.google_calls import OWNER, SCOPE, Called
from tests.localcloud.google_parts import LocalGcp

PROJECT, FOLDER = Project(), Folder()
SHOP = Called(
    PROJECT, "shop", ProjectSpec(project_id="shop-prod-7f3a", parent="organizations/1", labels={"team": "shop"})
)
SHOPS = Called(FOLDER, "shops", FolderSpec(display_name="Shops", parent="organizations/1"))


def _until_asked(gcp: LocalGcp, ask: Callable[[bool], Observation]) -> Observation:
    """Asked again, as the protocol does, while it is on its way: whether it was asked before is told."""
    for again in (False, True, True, True, True):
        try:
            return ask(again)
        except Pending:
            gcp.control.step(60)
    return ask(True)


def _deleted(gcp: LocalGcp, made: Observation, *, back: bool = False) -> Observation:
    """What was made, deleted by its kind."""
    return _until_asked(gcp, lambda _: PROJECT.delete(SHOP.call(remote_id=made.remote_id, back=back)))


# --- projects --------------------------------------------------------------------------------------------------------


def test_a_project_is_waited_for_by_name(gcp: LocalGcp) -> None:
    """While its operation is at work nothing shows, and the operation says so; then it shows, with its number."""
    gcp.control.settings(manager_seconds=100)
    made = PROJECT.create(SHOP.call())
    asked = SHOP.call(remote_id=made.remote_id, handle=made.handle)
    found = PROJECT.underway(asked)
    assert found is not None
    assert (made.status, found.ended) == (Status.pending, False)
    assert PROJECT.observe(asked).status is Status.absent
    gcp.control.step(101)
    found = PROJECT.underway(asked)
    assert found is not None
    assert (found.ended, found.error) == (True, None)
    seen = PROJECT.observe(asked)
    assert (seen.status, seen.outputs["project_id"]) == (Status.ready, "shop-prod-7f3a")
    assert str(seen.outputs["number"]).isdigit()


def test_too_many_projects(gcp: LocalGcp) -> None:
    """What its operation ends in is told in Google's words, as a quota."""
    gcp.control.settings(quotas={"projects": 0})
    made = PROJECT.create(SHOP.call())
    gcp.control.step(60)
    found = PROJECT.underway(SHOP.call(remote_id=made.remote_id, handle=made.handle))
    assert found is not None
    assert isinstance(found.error, QuotaExceeded)


def test_the_same_project_comes_back(gcp: LocalGcp) -> None:
    """A delete is taken back by bringing back the project itself, with its number and labels."""
    made = SHOP.made(gcp)
    assert _deleted(gcp, made).status is Status.absent
    with pytest.raises(Pending, match="coming back"):
        PROJECT.create(SHOP.call("back", back=True))
    gcp.control.step(60)
    marking = PROJECT.create(SHOP.call("back", back=True))
    assert (marking.status, bool(marking.handle)) == (Status.pending, True)
    gcp.control.step(60)
    seen = PROJECT.observe(SHOP.call(remote_id=made.remote_id))
    assert seen.outputs == made.outputs
    assert seen.properties == made.properties
    assert (seen.owner, seen.token) == (made.owner, SHOP.call("back").token)


def test_a_deleted_project_is_not_found_standing(gcp: LocalGcp) -> None:
    """For thirty days a search shows it yet, with our marks, since its terms are alternatives: here it is left out."""
    made = SHOP.made(gcp)
    search = Search(SCOPE, SHOP.call().client, OWNER)
    assert [seen.remote_id for seen in PROJECT.discover(search)] == [made.remote_id]
    _deleted(gcp, made)
    assert list(PROJECT.discover(search)) == []
    assert made.remote_id not in {seen.remote_id for seen in PROJECT.discover(Search(SCOPE, SHOP.call().client))}


def test_a_strangers_deleted_project_stays_deleted(gcp: LocalGcp) -> None:
    """Only what bears our marks is brought back."""
    made = SHOP.made(gcp)
    _deleted(gcp, made)
    theirs = replace(SHOP.call("back", back=True), owner=Owner("another", "shop"))
    with pytest.raises(NameTaken):
        PROJECT.create(theirs)
    assert PROJECT.observe(SHOP.call(remote_id=made.remote_id)).status is Status.absent


def test_a_deleted_id_is_never_free(gcp: LocalGcp) -> None:
    """Making one anew under the id of ours that another hand deleted says how to have it back; later, to choose."""
    SHOP.made(gcp)
    gcp.ask("DELETE", "/v3/projects/shop-prod-7f3a")
    with pytest.raises(CreateFailed, match="nothing says that Holdfast did it; its id stays taken") as refused:
        PROJECT.create(SHOP.call("anew"))
    assert "gcloud projects undelete shop-prod-7f3a" in refused.value.letter.next
    gcp.control.step(31 * 86_400)
    with pytest.raises(NameTaken) as taken:
        PROJECT.create(SHOP.call("anew"))
    assert "choose another id" in taken.value.letter.next


@pytest.mark.parametrize("seconds", [0, 50])
@pytest.mark.parametrize("back", [False, True], ids=["deleted", "taken back"])
def test_what_was_deleted_is_made_again(gcp: LocalGcp, back: bool, seconds: int) -> None:
    """Its id is taken for ever: so the next create at its address has it back, with the fields of the document."""
    gcp.control.settings(manager_seconds=seconds)
    made = SHOP.made(gcp)
    assert _deleted(gcp, made, back=back).status is Status.absent
    assert list(PROJECT.discover(Search(SCOPE, SHOP.call().client, OWNER))) == []
    wanted = ProjectSpec(
        project_id="shop-prod-7f3a", parent="folders/2", display_name="The shop", labels={"cost": "low"}
    )
    again = SHOP.call("again", spec=wanted)
    seen = _until_asked(gcp, lambda asked: PROJECT.create(replace(again, claimed=asked)))
    assert seen.remote_id == made.remote_id
    gcp.control.step(60)
    seen = PROJECT.observe(SHOP.call(remote_id=made.remote_id))
    assert seen.properties == wanted.plain()
    assert (seen.token, seen.owner, seen.outputs) == (again.token, made.owner, made.outputs)
    with pytest.raises(NameTaken):
        PROJECT.create(SHOP.call("yet another"))


def test_what_was_deleted_is_another_addresses(gcp: LocalGcp) -> None:
    """Another address, or owner, does not get it, and is told whose it was."""
    _deleted(gcp, SHOP.made(gcp))
    with pytest.raises(CreateFailed, match=r"it was shop/gcp\.project/shop; its id stays taken") as refused:
        PROJECT.create(Called(PROJECT, "other", SHOP.spec).call("again"))
    assert refused.value.letter.next.startswith("let the document have it as shop/gcp.project/shop; or choose another")
    with pytest.raises(NameTaken):
        PROJECT.create(replace(SHOP.call("again"), owner=Owner("another", "shop")))


def test_what_another_hand_has_brought_back(gcp: LocalGcp) -> None:
    """What stands before the create was ever asked for is not its doing, and stays as it is."""
    made = SHOP.made(gcp)
    _deleted(gcp, made)
    gcp.ask("POST", f"/v3/{made.remote_id}:undelete", {})
    gcp.control.step(60)
    with pytest.raises(NameTaken):
        PROJECT.create(SHOP.call("again"))
    (seen,) = PROJECT.find(SHOP.call("again"))
    assert (seen.token, seen.properties) == (made.token, made.properties)


def test_a_delete_that_cannot_be_marked(gcp: LocalGcp) -> None:
    """A project that has all the labels it may have, or that may not be written to, is deleted without a mark."""
    made = SHOP.made(gcp)
    gcp.control.settings(denied=["cloudresourcemanager:projects.patch"])
    assert PROJECT.delete(SHOP.call(remote_id=made.remote_id)).status is Status.absent
    gcp.control.settings(denied=[])
    with pytest.raises(CreateFailed, match="nothing says that Holdfast did it"):
        PROJECT.create(SHOP.call("anew"))


def test_a_project_that_may_not_be_seen(gcp: LocalGcp) -> None:
    """Google says of what is not there that it may not be seen: what a search shows is not taken for gone."""
    made = SHOP.made(gcp)
    gcp.control.settings(denied=["cloudresourcemanager:projects.get"])
    with pytest.raises(NotAllowed):
        PROJECT.observe(SHOP.call(remote_id=made.remote_id))
    assert PROJECT.observe(SHOP.call(remote_id="projects/never-was-7f3a")).status is Status.absent


def test_a_delete_for_which_no_label_is_left(gcp: LocalGcp) -> None:
    """A project that has all the labels it may have is deleted all the same, and then comes back by hand alone."""
    made = SHOP.made(gcp)
    full = {**gcp.control.world()["manager"][f"projects/{made.outputs['number']}"]["labels"]}
    full |= {f"k{n}": "" for n in range(64 - len(full))}
    assert gcp.ask("PATCH", f"/v3/{made.remote_id}?updateMask=labels", {"labels": full}).status == 200
    gcp.control.step(60)
    assert PROJECT.delete(SHOP.call(remote_id=made.remote_id)).status is Status.absent
    with pytest.raises(CreateFailed, match="nothing says that Holdfast did it"):
        PROJECT.create(SHOP.call("anew"))


@pytest.mark.parametrize("one, action", [(SHOP, "projects.get"), (SHOPS, "folders.get")], ids=["project", "folder"])
def test_what_google_says_is_not_there(gcp: LocalGcp, one: Called[Any], action: str) -> None:
    """Of what is gone it may say for once that it is not found: that is absent, and no error."""
    gcp.control.refuse("NOT_FOUND", "no, it is not", 404, service="cloudresourcemanager", action=action)
    seen = one.kind.observe(one.call(remote_id=f"{action.partition('.')[0]}/123456", claimed=True))
    assert seen.status is Status.absent


def test_a_project_that_comes_about_between_two_looks(gcp: LocalGcp) -> None:
    """It was refused as not there, and then a search showed it: it is got once more, and not called hidden."""
    gcp.control.settings(manager_seconds=100)
    made = PROJECT.create(SHOP.call())
    asked = SHOP.call(remote_id=made.remote_id)
    inner = asked.client("projects")

    class Between:
        """Time passes before the search."""

        def get_project(self, **given: Any) -> Any:
            return inner.get_project(**given)

        def search_projects(self, **given: Any) -> Any:
            gcp.control.step(101)
            return inner.search_projects(**given)

    assert PROJECT.observe(replace(asked, client=lambda _: Between())).status is Status.ready


def test_two_operations_are_one_handle(gcp: LocalGcp) -> None:
    """A change that begins two operations is waited for until both have ended."""
    gcp.control.settings(manager_seconds=0)
    made, other = PROJECT.create(SHOP.call()), SHOPS.made(gcp)
    gcp.control.settings(manager_seconds=100)
    slow = FOLDER.create(Called(FOLDER, "more", FolderSpec(display_name="More", parent=str(other.remote_id))).call())
    asked = SHOP.call(remote_id=made.remote_id, handle=f"{made.handle or ''} {slow.handle}")
    found = PROJECT.underway(asked)
    assert found is not None
    assert (found.handle, found.ended) == (slow.handle, False)


@pytest.mark.parametrize("one, action", [(SHOP, "projects.move"), (SHOPS, "folders.move")], ids=["project", "folder"])
def test_a_move_is_waited_for(gcp: LocalGcp, one: Called[Any], action: str) -> None:
    """Until its operation has ended it is on its way, and what that ended in is told: also where it ended at once."""
    made = one.made(gcp)
    gcp.control.settings(manager_seconds=100, operation_errors={action: "you have exceeded your allotted quota"})
    spec = one.spec.model_copy(update={"parent": "folders/2"})
    change = FieldChange(path="parent", before="organizations/1", after="folders/2")
    asked = one.call("move", spec=spec, remote_id=made.remote_id, changes=(change,), claimed=True)
    seen = one.kind.update(asked)
    assert seen.status is Status.pending
    gcp.control.step(101)
    found = one.kind.underway(replace(asked, handle=seen.handle))
    assert found is not None
    assert isinstance(found.error, QuotaExceeded)
    gcp.control.settings(manager_seconds=0)
    with pytest.raises(QuotaExceeded):
        one.kind.update(asked)
    gcp.control.settings(operation_errors={})
    seen = one.kind.update(asked)
    assert (seen.status, seen.handle, seen.properties["parent"]) == (Status.ready, None, "folders/2")


@pytest.mark.parametrize("one", [SHOP, SHOPS], ids=["project", "folder"])
def test_a_delete_is_waited_for(gcp: LocalGcp, one: Called[Any]) -> None:
    """Its operation takes its time, or has ended with its answer; what it ended in is told."""
    gcp.control.settings(manager_seconds=0)  # so that a project is marked at once
    made = one.made(gcp)
    action = f"{one.kind.kind.removeprefix('gcp.')}s.delete"
    gcp.control.settings(manager_delete_seconds=100, operation_errors={action: "you have exceeded your allotted quota"})
    asked = one.call("gone", remote_id=made.remote_id, claimed=True)
    going = one.kind.delete(asked)
    assert (going.status, bool(going.handle)) == (Status.deleting, True)
    gcp.control.step(101)
    found = one.kind.underway(replace(asked, handle=going.handle))
    assert found is not None
    assert isinstance(found.error, QuotaExceeded)
    assert one.kind.observe(asked).status is Status.ready
    gcp.control.settings(manager_delete_seconds=0)
    with pytest.raises(QuotaExceeded):
        one.kind.delete(asked)
    gcp.control.settings(operation_errors={}, manager_delete_seconds=100)
    going = one.kind.delete(asked)
    gcp.control.step(101)
    found = one.kind.underway(replace(asked, handle=going.handle))
    assert found is not None
    assert (found.ended, found.error, one.kind.observe(asked).status) == (True, None, Status.absent)
    assert one.kind.delete(asked).status is Status.absent


@pytest.mark.parametrize("one", [SHOP, SHOPS], ids=["project", "folder"])
def test_what_is_asked_back_twice_comes_back(gcp: LocalGcp, one: Called[Any]) -> None:
    """Nobody has heard that it is coming, and Google refuses to be asked again: that is waited for."""
    gcp.control.settings(manager_seconds=0)
    made = one.made(gcp)
    one.kind.delete(one.call("gone", remote_id=made.remote_id, claimed=True))
    gcp.control.settings(manager_seconds=100)
    assert gcp.ask("POST", f"/v3/{made.remote_id}:undelete", {}).status == 200  # the first delivery's, which has died
    back = one.call("back", back=True, spec=type(one.spec).model_validate(made.properties))
    with pytest.raises(Pending, match="is not being deleted"):
        one.kind.create(back)
    gcp.control.step(101)
    gcp.control.settings(manager_seconds=0)
    seen = one.kind.create(back)
    assert (seen.status, seen.handle, seen.remote_id) == (Status.ready, None, made.remote_id)
    assert one.kind.observe(one.call(remote_id=made.remote_id)).properties == made.properties


@pytest.mark.parametrize("code, status", [("PERMISSION_DENIED", 403), ("NOT_FOUND", 404)])
def test_a_folder_whose_operation_is_forgotten(gcp: LocalGcp, code: str, status: int) -> None:
    """Google keeps them for some hours: what was known by its operation alone is absent then, and no error."""
    gcp.control.refuse(code, "no, it is not", status, service="cloudresourcemanager", action="operations.get")
    assert FOLDER.observe(SHOPS.call(remote_id="operations/cf.1", claimed=True)).status is Status.absent


@pytest.mark.parametrize("one", [SHOP, SHOPS], ids=["project", "folder"])
def test_an_operation_that_is_forgotten(gcp: LocalGcp, one: Called[Any]) -> None:
    """Of what Google knows no more, what stands says how it ended."""
    found = one.kind.underway(one.call(remote_id="folders/1", handle="operations/cp.1"))
    assert found is not None
    assert (found.ended, found.error) == (True, None)


def test_marks_of_a_project_are_waited_for(gcp: LocalGcp) -> None:
    """Adopting and letting go are operations too."""
    made = SHOP.made(gcp)
    for change in (PROJECT.adopt, PROJECT.disown):
        seen = change(SHOP.call("marks", remote_id=made.remote_id))
        assert (seen.status, bool(seen.handle)) == (Status.pending, True)
        gcp.control.step(60)


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_known_by_its_operation_first(gcp: LocalGcp) -> None:
    """Until it is made it has no number; then whoever asks by the operation is told the number."""
    gcp.control.settings(manager_seconds=100)
    made = FOLDER.create(SHOPS.call())
    asked = SHOPS.call(remote_id=made.remote_id, handle=made.handle, claimed=True)
    assert FOLDER.observe(asked).status is Status.absent
    gcp.control.step(101)
    seen = FOLDER.observe(asked)
    assert seen.remote_id == f"folders/{seen.outputs['number']}" == seen.outputs["id"]
    assert seen.owner == "holdfast/shop"


def test_a_folder_of_that_name_is_a_strangers(gcp: LocalGcp) -> None:
    """A name is taken in whatever case, and who bears it is ours only where something claims it."""
    made = SHOPS.made(gcp)
    loud = Called(FOLDER, "loud", FolderSpec(display_name="SHOPS", parent="organizations/1"))
    with pytest.raises(NameTaken):
        FOLDER.create(loud.call())
    (found,) = FOLDER.find(loud.call())
    assert (found.remote_id, found.owner) == (made.remote_id, None)


def test_the_same_folder_comes_back(gcp: LocalGcp) -> None:
    """A delete is taken back by bringing back the folder itself, also where another of its name was deleted later."""
    made = SHOPS.made(gcp)
    FOLDER.delete(SHOPS.call(remote_id=made.remote_id))
    other = SHOPS.made(gcp, token="2")
    FOLDER.delete(SHOPS.call(remote_id=other.remote_id))
    spec = FolderSpec.model_validate(made.properties)
    seen = FOLDER.create(SHOPS.call("back", back=True, spec=spec))
    assert (seen.status, bool(seen.handle)) == (Status.pending, True)
    gcp.control.step(60)
    assert (seen.remote_id, other.remote_id != made.remote_id) == (made.remote_id, True)
    assert FOLDER.observe(SHOPS.call(remote_id=made.remote_id)).status is Status.ready


def test_a_full_folder_is_not_deleted(gcp: LocalGcp) -> None:
    """What stands in it may be going away itself, so that is waited for; nothing here empties a folder."""
    made = SHOPS.made(gcp)
    Called(FOLDER, "more", FolderSpec(display_name="More", parent=str(made.remote_id))).made(gcp)
    with pytest.raises(Blocked):
        FOLDER.delete(SHOPS.call(remote_id=made.remote_id))

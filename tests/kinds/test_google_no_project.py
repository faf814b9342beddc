"""A project that is not there, as its stack's readings find it: nothing in it, where that is certain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.deciding import Deciding
from activities.providers.gcp.kinds.project import Project, ProjectSpec
from activities.reading import CloudReading
from activities.stores.directory import DirectoryStore
from holdfast.act import Look
from holdfast.contract import Operation
from holdfast.errors import Letter
from holdfast.model import Scope
from holdfast.packed import pack
from holdfast.run import Draft, Identity, Ledger, Request, Source
from tests.kinds.google_calls import OWNER, Called
from tests.localcloud.google_parts import REGION, LocalGcp
from workers.catalog import catalog
from workers.composition import open_cloud

ID = "shop-prod-7f3a"
SCOPE = Scope("gcp", ID, REGION)
KINDS = ("gcp.bucket", "gcp.disk", "gcp.network", "gcp.project", "gcp.project_iam_member", "gcp.service_account")
SHOP = Called(Project(), "shop", ProjectSpec(project_id=ID, parent="organizations/1"))
GRANT = {"project": ID, "role": "roles/viewer", "member": "user:ann@example.com"}
NET = ("shop/gcp.network/net", f"projects/{ID}/global/networks/net")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


def read(store: DirectoryStore, **look: Any) -> list[str]:
    """The addresses of what a reading finds."""
    wanted = store.put({str(SHOP.address): SHOP.spec.plain(), "shop/gcp.project_iam_member/ann": {**GRANT}})
    asked = Look(**{"scope": SCOPE, "kinds": KINDS, "owner": OWNER, "wanted": wanted, **look})
    reading = CloudReading(catalog(), store, open_cloud("gcp"))
    rows: Any = store.get(ActivityEnvironment().run(reading.discover, asked).digest)
    return [row["address"] for row in rows]


def refused(store: DirectoryStore, **look: Any) -> Letter:
    """The letter of a reading that is refused."""
    with pytest.raises(ApplicationError) as error:
        read(store, **look)
    return Letter.model_validate(error.value.details[0])


def test_what_the_stack_is_to_make(gcp: LocalGcp, store: DirectoryStore) -> None:
    """There is nothing in a project that nobody shows, and that the document makes."""
    assert read(store, making=True) == []


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"gcp.project"}))
def test_what_nobody_makes(gcp: LocalGcp, store: DirectoryStore, kind: str) -> None:
    """Without that, or where the ledger knows of something in it, one that nobody shows may be hidden."""
    if kind != "gcp.project_iam_member":  # which has none to read without one that is wanted
        letter = refused(store, kinds=(kind,), wanted=None)
        assert letter.happened.startswith(f"there is no project {ID}, or none that this worker's principal may see")
    assert refused(store, kinds=(kind,), making=True, known=((f"shop/{kind}/one", _id(kind)),)).error == "NoAccount"


def _id(kind: str) -> str:
    return {
        "gcp.bucket": "one",
        "gcp.disk": f"projects/{ID}/zones/{REGION}-a/disks/one",
        "gcp.network": NET[1],
        "gcp.project_iam_member": f"projects/{ID}/roles/viewer/members/user:ann@example.com",
        "gcp.service_account": f"projects/{ID}/serviceAccounts/one-shop@{ID}.iam.gserviceaccount.com",
    }[kind]


def test_who_makes_it(store: DirectoryStore) -> None:
    """A reading is told that the document has the project of its scope, in whichever scope that is declared."""
    text = f"""
version: 1
stack: shop
owner: tests
environment: dev
scopes:
  ops: {{cloud: gcp, account: shop-ops, region: {REGION}}}
  main: {{cloud: gcp, account: {ID}, region: {REGION}}}
resources:
  shop: {{kind: gcp.project, scope: ops, spec: {{project_id: {ID}, parent: organizations/1}}}}
  net: {{kind: gcp.network, scope: main, depends_on: [shop], spec: {{name: net}}}}
"""
    source = pack(Source(file="shop.yaml", text=text))
    asked = Request(
        id="1",
        stack="shop",
        operation=Operation.up,
        identity=Identity(requester="ann"),
        installation="holdfast",
        source=source,
    )
    survey = Deciding(catalog(), store).survey(Draft(request=asked, ledger=pack(Ledger())))
    assert {look.scope.account: look.making for look in survey.looks} == {"shop-ops": False, ID: True}


def test_what_was_deleted(gcp: LocalGcp, store: DirectoryStore) -> None:
    """Google shows that a project is deleted: nothing works in it, whoever has deleted it, and whatever was there."""
    gcp.control.settings(manager_seconds=0)
    made = SHOP.made(gcp)
    assert read(store) == [str(SHOP.address)]
    Project().delete(SHOP.call(remote_id=made.remote_id))
    assert read(store) == read(store, known=(NET, (str(SHOP.address), str(made.remote_id)))) == []


def test_what_is_there_and_shut(gcp: LocalGcp, store: DirectoryStore) -> None:
    """A project in which nobody has enabled a service says nearly the same as one that is not there; it is refused."""
    SHOP.made(gcp)
    gcp.control.settings(new_projects_open=False)
    letter = refused(store, kinds=("gcp.network",), making=True)
    assert (letter.error, letter.code) == ("NotAllowed", "accessNotConfigured")
    assert "gcloud services enable" in letter.next


def test_what_may_not_be_listed(gcp: LocalGcp, store: DirectoryStore) -> None:
    """A refusal that is about the principal is handed on, also where the document makes the project."""
    SHOP.made(gcp)
    gcp.control.settings(denied=["compute:networks.*"])
    assert refused(store, kinds=("gcp.network",), making=True).error == "NotAllowed"

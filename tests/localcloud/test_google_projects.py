"""The local Resource Manager, through its official SDK, and service accounts, by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import resourcemanager_v3 as r
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from tests.cloud import until
from tests.localcloud.google_parts import PROJECT, LocalGcp, manager

ACCOUNTS = f"/v1/projects/{PROJECT}/serviceAccounts"


@pytest.fixture(params=["grpc", "rest"])
def wire(request: pytest.FixtureRequest) -> str:
    """Both by which Resource Manager is asked; what comes of it is the same."""
    return str(request.param)


@pytest.fixture
def projects(gcp: LocalGcp, wire: str) -> Iterator[Any]:
    with manager(gcp, r.ProjectsClient, wire) as client:
        yield client


@pytest.fixture
def folders(gcp: LocalGcp, wire: str) -> Iterator[Any]:
    with manager(gcp, r.FoldersClient, wire) as client:
        yield client


def made(client: Any, name: str = "a-project-1", **more: Any) -> Any:
    body = r.Project(project_id=name, parent="organizations/1", **more)
    begun = client.create_project(project=body, retry=None)
    return until(lambda: begun.done(retry=None) and begun.result(timeout=1))


def test_the_life_of_a_project(gcp: LocalGcp, projects: Any) -> None:
    """A project is made by an operation, changed, deleted, brought back, and gone for good when its time is over."""
    gcp.control.settings(manager_seconds=100)
    begun = projects.create_project(project=r.Project(project_id="a-project-1", labels={"a": "b"}), retry=None)
    name = begun.operation.name
    assert not projects.get_operation({"name": name}).done
    with pytest.raises(exceptions.Forbidden):
        projects.get_project(name="projects/a-project-1", retry=None)
    gcp.control.step(101)
    assert projects.get_operation({"name": name}).done
    found = projects.get_project(name="projects/a-project-1", retry=None)
    assert (found.state.name, dict(found.labels)) == ("ACTIVE", {"a": "b"})
    assert found.name == f"projects/{found.name.partition('/')[2]}" != "projects/a-project-1"
    changed = r.Project(name=found.name, display_name="New", etag=found.etag)
    projects.update_project(project=changed, update_mask=FieldMask(paths=["display_name"]), retry=None)
    assert projects.get_project(name=found.name, retry=None).display_name == "a-project-1"
    gcp.control.step(101)
    assert projects.get_project(name=found.name, retry=None).display_name == "New"
    with pytest.raises(exceptions.Conflict, match="etag"):
        projects.update_project(project=changed, update_mask=FieldMask(paths=["display_name"]), retry=None)
    projects.delete_project(name="projects/a-project-1", retry=None)
    assert projects.get_project(name=found.name, retry=None).state.name == "DELETE_REQUESTED"
    assert gcp.ask("GET", "/compute/v1/projects/a-project-1/global/networks").status == 403
    projects.undelete_project(name=found.name, retry=None)
    assert projects.get_project(name=found.name, retry=None).state.name == "DELETE_REQUESTED"
    gcp.control.step(101)
    assert projects.get_project(name=found.name, retry=None).state.name == "ACTIVE"
    projects.delete_project(name=found.name, retry=None)
    gcp.control.step(31 * 86_400)
    with pytest.raises(exceptions.Forbidden):
        projects.get_project(name=found.name, retry=None)
    with pytest.raises(exceptions.Conflict, match="already exists"):
        made(projects)


WITHIN = {
    "compute": "/compute/v1/projects/{}/global/networks",
    "storage": "/storage/v1/b?project={}",
    "iam": "/v1/projects/{}/serviceAccounts",
}


@pytest.mark.parametrize("service", WITHIN)
def test_a_project_that_nobody_made(gcp: LocalGcp, service: str) -> None:
    """Nothing is read or made in it, and each service says so in its own words; some stand from the beginning."""
    refused = gcp.ask("GET", WITHIN[service].format("nosuchproject"))
    assert refused.status == 404
    assert re.search("nosuchproject|requested project was not found", refused.body["error"]["message"])
    assert gcp.ask("GET", WITHIN[service].format(PROJECT)).status == 200
    gcp.control.settings(projects=["nosuchproject"])
    assert gcp.ask("GET", WITHIN[service].format("nosuchproject")).status == 200
    assert gcp.ask("GET", WITHIN[service].format(PROJECT)).status == 404


def test_nothing_is_made_in_a_project_that_nobody_made(gcp: LocalGcp, projects: Any) -> None:
    """Also no policy; one that stands from the beginning shows, and its id is taken."""
    body = {"name": "net", "autoCreateSubnetworks": False}
    assert gcp.ask("POST", WITHIN["compute"].format("nosuchproject"), body).status == 404
    assert gcp.ask("POST", "/v3/projects/nosuchproject:setIamPolicy", {"policy": {}}).status == 403
    assert projects.get_project(name=f"projects/{PROJECT}", retry=None).project_id == PROJECT
    with pytest.raises(exceptions.Conflict, match="already exists"):
        made(projects, PROJECT)
    assert gcp.control.world()["compute"] == {}


@pytest.mark.parametrize("service", WITHIN)
def test_a_new_project(gcp: LocalGcp, projects: Any, service: str) -> None:
    """It can be used at once; or, on demand and as a real one, not before somebody has enabled services in it."""
    made(projects)
    assert gcp.ask("GET", WITHIN[service].format("a-project-1")).status == 200
    gcp.control.settings(new_projects_open=False)
    refused = gcp.ask("GET", WITHIN[service].format("a-project-1"))
    assert refused.status == 403
    words = {"compute": "cannot be used for API", "storage": "billing account", "iam": "has not been used in project"}
    assert words[service] in refused.body["error"]["message"]


def test_a_delete_may_take_its_time(gcp: LocalGcp, projects: Any) -> None:
    """On demand a delete is an operation, which may fail; and what comes back is not asked for twice."""
    name = made(projects).name
    gcp.control.settings(manager_delete_seconds=100, operation_errors={"projects.delete": "Not now."})
    work = projects.delete_project(name=name, retry=None).operation
    assert not work.done
    gcp.control.step(101)
    assert projects.get_operation({"name": work.name}).error.message == "Not now."
    assert projects.get_project(name=name, retry=None).state.name == "ACTIVE"
    gcp.control.settings(operation_errors={}, manager_seconds=100)
    projects.delete_project(name=name, retry=None)
    gcp.control.step(101)
    assert projects.get_project(name=name, retry=None).state.name == "DELETE_REQUESTED"
    projects.undelete_project(name=name, retry=None)
    with pytest.raises(exceptions.BadRequest, match="is not being deleted"):
        projects.undelete_project(name=name, retry=None)


def test_both_versions_are_one_world(gcp: LocalGcp, projects: Any) -> None:
    """What one version makes, the other shows."""
    made(projects)
    found = gcp.ask("GET", "/v1/projects/a-project-1").body
    assert (found["lifecycleState"], found["parent"]) == ("ACTIVE", {"type": "organization", "id": "1"})
    assert gcp.ask("GET", "/v1/projects?filter=name:a-project-1").body["projects"] == [found]
    assert gcp.ask("DELETE", "/v1/projects/a-project-1").body == {}
    assert projects.get_project(name="projects/a-project-1", retry=None).state.name == "DELETE_REQUESTED"


def test_policies(projects: Any) -> None:
    """A policy that is built on an old one is refused."""
    name = made(projects).name
    old = projects.get_iam_policy(resource=name, retry=None)
    binding = policy_pb2.Binding(role="roles/viewer", members=["user:a@example.com"])
    new = policy_pb2.Policy(bindings=[binding], etag=old.etag)
    request = iam_policy_pb2.SetIamPolicyRequest(resource=name, policy=new)
    assert projects.set_iam_policy(request, retry=None).etag != old.etag
    with pytest.raises(exceptions.Conflict, match="concurrent policy changes"):
        projects.set_iam_policy(request, retry=None)
    assert list(projects.get_iam_policy(resource=name, retry=None).bindings) == [binding]


def test_folders(gcp: LocalGcp, folders: Any, projects: Any) -> None:
    """Folders have names of their own under a parent, are found by them, and go when they are empty."""
    begun = folders.create_folder(folder=r.Folder(display_name="Shop", parent="organizations/1"), retry=None)
    folder = until(lambda: begun.done(retry=None) and begun.result(timeout=1))
    found = folders.search_folders(query='displayName="Shop" AND parent=organizations/1', retry=None)
    assert [f.name for f in found] == [folder.name]
    assert [f.name for f in folders.list_folders(parent="organizations/1", retry=None)] == [folder.name]
    with pytest.raises(exceptions.BadRequest, match="FOLDER_NAME_UNIQUENESS_VIOLATION"):
        folders.create_folder(folder=r.Folder(display_name="shop", parent="organizations/1"), retry=None)
    inside = projects.create_project(project=r.Project(project_id="a-project-2", parent=folder.name), retry=None)
    until(lambda: inside.done(retry=None))
    with pytest.raises(exceptions.BadRequest, match="FOLDER_TO_DELETE_NON_EMPTY"):
        folders.delete_folder(name=folder.name, retry=None)
    projects.delete_project(name="projects/a-project-2", retry=None)
    folders.delete_folder(name=folder.name, retry=None)
    assert folders.get_folder(name=folder.name, retry=None).state.name == "DELETE_REQUESTED"


def test_a_search_for_projects_is_any_of_its_terms(gcp: LocalGcp, projects: Any) -> None:
    """Terms are alternatives: what was deleted shows beside what stands, as long as one of them fits."""
    gcp.control.settings(projects=[])
    made(projects, labels={"a": "b"})
    made(projects, "a-project-2")
    projects.delete_project(name="projects/a-project-1", retry=None)
    for query, names in {
        "state:ACTIVE labels.a:b": ["a-project-1", "a-project-2"],
        "labels.a:b": ["a-project-1"],
        "state:ACTIVE": ["a-project-2"],
    }.items():
        found = projects.search_projects(query=query, retry=None)
        assert sorted(project.project_id for project in found) == names


def test_what_stands_from_the_beginning_is_listed(gcp: LocalGcp, projects: Any) -> None:
    """A project that nobody made here is found by a search, active, as it is by its id; and a setting names them."""
    gcp.control.settings(projects=["my-project", "shop-prod"])
    every = list(projects.search_projects(retry=None))
    assert [(p.project_id, p.state.name) for p in every] == [("shop-prod", "ACTIVE"), ("my-project", "ACTIVE")]
    assert every[1] == projects.get_project(name="projects/my-project", retry=None)
    assert [p.project_id for p in projects.search_projects(query="id:my-project", retry=None)] == ["my-project"]
    assert [p["projectId"] for p in gcp.ask("GET", "/v1/projects").body["projects"]] == ["shop-prod", "my-project"]
    assert list(projects.search_projects(query="labels.a:b", retry=None)) == []


def test_too_many_projects(gcp: LocalGcp, projects: Any) -> None:
    """A project beyond the quota ends as an operation with an error, and is not there."""
    gcp.control.settings(quotas={"projects": 1}, manager_seconds=0)
    made(projects)
    with pytest.raises(exceptions.GoogleAPICallError, match="quota"):
        projects.create_project(project=r.Project(project_id="a-project-2"), retry=None).result(timeout=5)
    with pytest.raises(exceptions.Forbidden):
        projects.get_project(name="projects/a-project-2", retry=None)


def test_service_accounts(gcp: LocalGcp) -> None:
    """A service account is made once, found by its address and its number, and brought back by the second."""
    body = {"accountId": "worker", "serviceAccount": {"displayName": "Worker"}}
    account = gcp.ask("POST", ACCOUNTS, body).body
    assert account["email"] == f"worker@{PROJECT}.iam.gserviceaccount.com"
    again = gcp.ask("POST", ACCOUNTS, body)
    assert (again.status, again.body["error"]["status"]) == (409, "ALREADY_EXISTS")
    assert gcp.ask("POST", ACCOUNTS, {"accountId": "x"}).status == 400
    assert gcp.ask("GET", f"/v1/projects/-/serviceAccounts/{account['uniqueId']}").body == account
    assert gcp.ask("GET", ACCOUNTS).body == {"accounts": [account]}
    policy = gcp.ask("POST", f"{ACCOUNTS}/{account['email']}:getIamPolicy").body
    new = {"policy": {"etag": policy["etag"], "bindings": [{"role": "roles/x", "members": ["allUsers"]}]}}
    assert gcp.ask("POST", f"{ACCOUNTS}/{account['email']}:setIamPolicy", new).status == 200
    assert gcp.ask("POST", f"{ACCOUNTS}/{account['email']}:setIamPolicy", new).status == 409
    assert gcp.ask("DELETE", f"{ACCOUNTS}/{account['email']}").body == {}
    assert gcp.ask("GET", f"{ACCOUNTS}/{account['email']}").status == 404
    back = gcp.ask("POST", f"{ACCOUNTS}/{account['uniqueId']}:undelete").body
    assert back == {"restoredAccount": account}


@pytest.mark.parametrize("labels", [{"Team": "shop"}, {"team": "The Shop"}, {f"k{n}": "v" for n in range(65)}])
def test_labels_that_are_not_to_be_had(projects: Any, labels: dict[str, str]) -> None:
    """Refused when a project is made, and when it is changed; Google does not say which argument is invalid."""
    said = "Request contains an invalid argument"
    with pytest.raises(exceptions.BadRequest, match=said):
        made(projects, labels=labels)
    project = made(projects, labels={"team": "shop"})
    changed = r.Project(name=project.name, labels=labels)
    with pytest.raises(exceptions.BadRequest, match=said):
        projects.update_project(project=changed, update_mask=FieldMask(paths=["labels"]), retry=None)
    assert projects.get_project(name=project.name, retry=None).labels == {"team": "shop"}

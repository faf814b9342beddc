"""Labels in the local Google Cloud: what Google does not take is refused in its words."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1 as c
from google.cloud import storage

from localcloud.gcp import labelled
from localcloud.gcp.refusals import Refused
from tests.localcloud.google_made import HERE, disk
from tests.localcloud.google_parts import AT_ONCE, PROJECT, ZONE, LocalGcp

TOO_MANY = {f"k{n}": "v" for n in range(65)}
WRONG: list[tuple[dict[str, str], str]] = [
    ({"Team": "shop"}, "Label key 'Team' violates format constraints"),
    ({"1team": "shop"}, "Label key '1team' violates format constraints"),
    ({"k" * 64: "shop"}, "The key can be at most 63 characters long"),
    ({"team": "The Shop"}, "Label value 'The Shop' violates format constraints"),
    ({"team": "v" * 64}, "The value can be at most 63 characters long"),
    (TOO_MANY, "more than 64 labels"),
]


@pytest.mark.parametrize("labels, said", WRONG)
def test_compute_refuses_labels(gcp: LocalGcp, labels: dict[str, str], said: str) -> None:
    """Of what is made, of the disks made with it, and of what is labelled later."""
    gcp.control.settings(**AT_ONCE)
    with pytest.raises(exceptions.BadRequest, match=said):
        disk(gcp, labels=labels)
    boot = c.AttachedDiskInitializeParams(source_image="projects/debian-cloud/global/images/family/debian-12")
    boot.labels = labels
    vm = c.Instance(name="vm", machine_type=f"zones/{ZONE}/machineTypes/e2-small")
    vm.disks = [c.AttachedDisk(boot=True, initialize_params=boot)]
    with pytest.raises(exceptions.BadRequest, match=said):
        gcp.compute("Instances").insert_unary(instance_resource=vm, **HERE)
    disk(gcp, labels={"größe": "", "k_1": "a-b"})
    disks = gcp.compute("Disks")
    body = c.ZoneSetLabelsRequest(labels=labels, label_fingerprint=disks.get(disk="disk", **HERE).label_fingerprint)
    with pytest.raises(exceptions.BadRequest, match=said):
        disks.set_labels_unary(resource="disk", zone_set_labels_request_resource=body, **HERE)


def test_storage_refuses_labels(gcp: LocalGcp) -> None:
    """When a bucket is made, and when it is changed, and says only that an argument is invalid."""
    options = {"api_endpoint": gcp.endpoint}
    client: Any = storage.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)
    made = client.create_bucket("a-bucket", retry=None)
    for labels, _ in WRONG:
        other = client.bucket("other")
        other.labels = labels
        with pytest.raises(exceptions.BadRequest, match="Invalid argument"):
            other.create(retry=None)
        made.labels = labels
        with pytest.raises(exceptions.BadRequest, match="Invalid argument"):
            made.patch(retry=None)
    client.close()


def test_resource_manager_refuses_labels() -> None:
    """It says of a project's only that an argument is invalid."""
    for labels, _ in WRONG:
        with pytest.raises(Refused, match=r"^Request contains an invalid argument\.$"):
            labelled.check_project({"projectId": "a-project-1", "labels": labels})
    labelled.check_project({"projectId": "a-project-1", "labels": {"größe": ""}})
    labelled.check_project({"displayName": "Shops"})

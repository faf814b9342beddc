"""The local Cloud Storage, through its official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.localcloud.google_parts import PROJECT, LocalGcp


@pytest.fixture
def client(gcp: LocalGcp) -> Iterator[Any]:
    options = {"api_endpoint": gcp.endpoint}
    made = storage.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)
    yield made
    made.close()


def test_the_life_of_a_bucket(client: Any) -> None:
    """A bucket is made, changed, listed and deleted; its name is one for all projects."""
    bucket = client.create_bucket("a-bucket", location="europe-west1", retry=None)
    assert (bucket.location, bucket.location_type, bucket.metageneration) == ("EUROPE-WEST1", "region", 1)
    for project in (PROJECT, "another-project"):
        with pytest.raises(exceptions.Conflict):
            client.create_bucket("a-bucket", project=project, retry=None)
    bucket.labels = {"stack": "shop"}
    bucket.versioning_enabled = True
    bucket.patch(retry=None)
    found = client.get_bucket("a-bucket", retry=None)
    assert (found.labels, found.versioning_enabled, found.metageneration) == ({"stack": "shop"}, True, 2)
    found.labels = {}
    found.patch(retry=None)
    assert client.get_bucket("a-bucket", retry=None).labels == {}
    assert [b.name for b in client.list_buckets(retry=None)] == ["a-bucket"]
    assert list(client.list_buckets(project="another-project", retry=None)) == []
    bucket.delete(retry=None)
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        client.get_bucket("a-bucket", retry=None)


def test_metageneration(gcp: LocalGcp, client: Any) -> None:
    """A change or a delete that is built on an old state is refused."""
    bucket = client.create_bucket("a-bucket", retry=None)
    bucket.labels = {"a": "b"}
    bucket.patch(if_metageneration_match=1, retry=None)
    bucket.labels = {"a": "c"}
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.patch(if_metageneration_match=1, retry=None)
    path = "/storage/v1/b/a-bucket?ifMetagenerationMatch="
    assert gcp.ask("DELETE", f"{path}1").status == 412
    assert gcp.ask("DELETE", f"{path}2").status == 204


def test_uniform_access(client: Any) -> None:
    """Uniform access has a moment until which it can be taken back, and hides the lists."""
    bucket = client.create_bucket("a-bucket", retry=None)
    access = bucket.iam_configuration
    assert (access.uniform_bucket_level_access_enabled, access.public_access_prevention) == (False, "inherited")
    access.uniform_bucket_level_access_enabled = True
    access.public_access_prevention = "enforced"
    bucket.patch(retry=None)
    found = client.get_bucket("a-bucket", retry=None)
    assert found.iam_configuration.uniform_bucket_level_access_locked_time is not None
    assert found.iam_configuration.public_access_prevention == "enforced"


def test_policies(client: Any) -> None:
    """A bucket has a policy from its beginning, which is changed under its etag."""
    bucket = client.create_bucket("a-bucket", retry=None)
    policy = bucket.get_iam_policy(retry=None)
    assert {b["role"] for b in policy.bindings} == {
        "roles/storage.legacyBucketOwner",
        "roles/storage.legacyBucketReader",
    }
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"allUsers"}})
    bucket.set_iam_policy(policy, retry=None)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.set_iam_policy(policy, retry=None)
    assert len(bucket.get_iam_policy(retry=None).bindings) == 3


def test_a_full_bucket(client: Any) -> None:
    """A bucket that holds something cannot be deleted."""
    bucket = client.create_bucket("a-bucket", retry=None)
    blob = bucket.blob("a/b.txt")
    blob.upload_from_string("hello", retry=None)
    assert [b.name for b in client.list_blobs("a-bucket", retry=None)] == ["a/b.txt"]
    assert blob.download_as_bytes(checksum=None, retry=None) == b"hello"
    with pytest.raises(exceptions.Conflict, match="not empty"):
        bucket.delete(retry=None)
    blob.delete(retry=None)
    bucket.delete(retry=None)


def test_pages(client: Any) -> None:
    """Buckets are listed in pages."""
    for number in range(5):
        client.create_bucket(f"bucket-{number}", retry=None)
    pages = client.list_buckets(page_size=2, retry=None).pages
    assert [[b.name for b in page] for page in pages] == [
        ["bucket-0", "bucket-1"],
        ["bucket-2", "bucket-3"],
        ["bucket-4"],
    ]


def test_who_owns_them(gcp: LocalGcp) -> None:
    """A refusal of Storage's has Google's older envelope."""
    said = gcp.ask("DELETE", "/storage/v1/b/nothing")
    assert (said.status, said.body["error"]["errors"][0]["reason"]) == (404, "notFound")

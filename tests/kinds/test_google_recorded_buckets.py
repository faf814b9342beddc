"""Every bucket in Google's recorded answers is read whole. Skipped without `HOLDFAST_FIXTURES`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.providers.gcp.kinds.bucket import Bucket, BucketSpec
from holdfast.model import Scope, Status
from holdfast.resource import Search

FIXTURES = os.environ.get("HOLDFAST_FIXTURES", "")
HERE = Scope("gcp", "a-project", "us-central1")
pytestmark = [
    pytest.mark.fixtures,
    pytest.mark.skipif(not FIXTURES, reason="HOLDFAST_FIXTURES names no directory of recorded answers"),
]


class Recorded:
    """Storage, as far as it lists."""

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._found = found

    def list(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter(self._found)


def answers() -> list[Path]:
    return sorted((Path(FIXTURES) / "gcp").glob("bucket-*/*.json")) if FIXTURES else []


def buckets(answer: Path) -> list[dict[str, Any]]:
    body = json.loads(answer.read_text())["body"]
    return body.get("items", []) if body["kind"] == "storage#buckets" else [body]


@pytest.mark.parametrize("answer", answers(), ids=lambda a: f"{a.parent.name}/{a.name}")
def test_a_bucket_is_read_whole(answer: Path) -> None:
    """Each shows every field of the spec, every output, and no mark that is not there; and its spec says the same."""
    kind, found = Bucket(), buckets(answer)
    seen = list(kind.discover(Search(HERE, lambda _: Recorded(found))))
    assert [o.remote_id for o in seen] == [raw["name"] for raw in found] != []
    for one in seen:
        assert (one.status, one.owner, one.address, one.token) == (Status.ready, None, None, None)
        assert set(one.properties) == set(BucketSpec.model_fields)
        assert set(one.outputs) == set(kind.outputs)
        spec = BucketSpec.model_validate(one.properties)
        assert kind.canonical(spec.plain()) == kind.canonical(one.properties)
        assert kind.diff(spec.plain(), None, kind.canonical(one.properties)) == ()


def test_what_was_recorded() -> None:
    """The answers of 2019 know neither prevention nor soft deletion; those of 2026 do."""
    every = {raw["name"]: raw for answer in answers() for raw in buckets(answer)}
    seen = {o.remote_id: o for o in Bucket().discover(Search(HERE, lambda _: Recorded(list(every.values()))))}
    new, old = seen["c7n-app-engine-cloud-custodian-5e62"].properties, seen["staging.cloud-custodian.appspot.com"]
    assert (new["uniform_bucket_level_access"], new["soft_delete_retention_seconds"]) == (True, 604_800)
    assert (old.properties["public_access_prevention"], old.properties["soft_delete_retention_seconds"]) == (
        "inherited",
        0,
    )
    assert seen["c7n-bucket"].properties["labels"] != {}

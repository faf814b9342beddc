"""The two places for the store keep what was put, and say aloud when they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from activities.stores import open_store
from activities.stores.bucket import BucketStore
from holdfast.errors import Broken, InvalidInput, Unavailable
from holdfast.store import Store
from tests.cloud import LocalAws

NAME = "holdfast-plans"
VALUE: JsonValue = {"actions": [{"seq": 0, "spec": {"name": "ünïcode", "size": 3.5}}], "none": None}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as cloud:
        cloud.client("s3").create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield cloud


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a store of each sort."""
    if request.param == "file":
        return f"file:{tmp_path / 'store'}"
    cloud: LocalAws = request.getfixturevalue("cloud")
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{NAME}/{tmp_path.name}/deep"


def test_what_was_put_comes_back(place: str) -> None:
    """A value comes back whole under its digest, also to another process's store, and putting it again is nothing."""
    digest = open_store(place).put(VALUE)
    assert open_store(place).put(VALUE) == digest
    assert open_store(place).get(digest) == VALUE


def test_every_value_comes_back(tmp_path: Path) -> None:
    """Whatever is JSON survives."""
    store = open_store(f"file:{tmp_path}")

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(JSON)
    def survives(value: Any) -> None:
        assert store.get(store.put(value)) == value

    survives()


def test_a_value_that_is_missing_may_come_back(place: str) -> None:
    """What the store does not have is asked for again, since whoever runs the store may bring it back."""
    with pytest.raises(Unavailable, match="has no value"):
        open_store(place).get("ab" * 20)


def test_a_value_that_was_changed_is_refused(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Nothing is done with what is not what was put there: cut short, or another value under its name."""
    store = open_store(place)
    digest = store.put(VALUE)
    for content in (b'{"actions": []}', b'{"actions": [', b""):
        _overwrite(store, digest, content, tmp_path, request)
        with pytest.raises(Broken, match="not what was put"):
            store.get(digest)


def test_a_store_that_does_not_answer_is_asked_again(tmp_path: Path, cloud: LocalAws, monkeypatch: Any) -> None:
    """A bucket that is not there, or a directory that cannot be written, is `Unavailable`: the run waits for it."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "file").write_text("not a directory")
    for place in ("s3://nobodys-bucket", f"file:{tmp_path / 'file'}"):
        with pytest.raises(Unavailable):
            open_store(place).put(VALUE)
        with pytest.raises(Unavailable):
            open_store(place).get("ab" * 20)


def test_another_form_of_address_is_refused() -> None:
    """Anything but the two forms is refused, and both are named."""
    with pytest.raises(InvalidInput, match="not a store"):
        open_store("ftp://somewhere")


def _overwrite(store: Store, digest: str, content: bytes, root: Path, request: pytest.FixtureRequest) -> None:
    if isinstance(store, BucketStore):
        cloud: LocalAws = request.getfixturevalue("cloud")
        cloud.client("s3").put_object(Bucket=NAME, Key=store._key(digest), Body=content)
    else:
        (root / "store" / digest[:2] / digest[2:]).write_bytes(content)

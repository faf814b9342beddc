"""What an author of kinds plays the laws on: it leads to no cloud but its own, and says what it lacks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.errors import InvalidInput
from starter.local import environment, temporal
from starter.local.crew import OURS
from starter.testing import playing
from starter.testing.leading import leading_to


def test_nothing_of_the_authors_own_leads_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint or credentials of whoever runs the tests are not there meanwhile, and are back afterwards."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "https://ec2.eu-central-1.amazonaws.com")
    monkeypatch.setenv("HOLDFAST_CREDENTIALS", "credentials.yaml")
    before, forgotten = dict(os.environ), []
    with leading_to(
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, lambda: forgotten.append(len(os.environ)), without=OURS
    ):
        assert {k for k in os.environ if k.startswith(OURS)} == {"AWS_ENDPOINT_URL"}
    assert os.environ == before
    assert len(forgotten) == 2


def test_a_cloud_that_there_is_not(tmp_path: Path) -> None:
    """It is refused with those that there are."""
    with pytest.raises(InvalidInput, match="aws, gcp, azure"), playing("gpc", tmp_path):
        pass


def test_local_clouds_that_are_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has installed the SDK alone is told what to add, before anything is started; a server is not needed."""
    monkeypatch.setattr(temporal, "program", lambda: None)
    monkeypatch.setattr(environment, "PLAYED", {"gcp": ("there_is_none",)})
    with (
        pytest.raises(InvalidInput, match=r"needed here: there_is_none\W[^`]*holdfast\[local\]"),
        playing("gcp", tmp_path),
    ):
        pass
    assert not list(tmp_path.iterdir())

"""A worker that has found no credentials yet, a file to tell it of some, and the clouds that hand them out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter as converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import letters
from activities.credentials import choosing
from activities.providers.aws import credentials as aws_credentials
from activities.providers.aws import door
from activities.providers.azure import credentials as azure_credentials
from activities.providers.gcp import credentials as google_credentials
from tests.cloud import LocalAws

if TYPE_CHECKING:
    from tests.localcloud.azure_parts import LocalAzure

Told = Callable[[str], Path]


def failure(work: Callable[[], object]) -> tuple[ApplicationError, str]:
    """The failure of an activity that does this, and all that history keeps of it."""
    with pytest.raises(ApplicationError) as failed:
        ActivityEnvironment().run(lambda: letters.told("a test", work))
    kept = Failure()
    converter.failure_converter.to_failure(failed.value, converter.payload_converter, kept)
    return failed.value, str(kept)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing that an earlier test kept, and nothing that this machine has."""
    prefixes = ("AWS_", "AZURE_", "GOOGLE_", "GCE_", "CLOUDSDK_", "IDENTITY_", "MSI_", "HOLDFAST_")
    for name in [name for name in os.environ if name.startswith(prefixes)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(choosing, "_files", {})
    monkeypatch.setattr(door, "_clients", {})
    monkeypatch.setattr(door, "_account", [])
    monkeypatch.setattr(aws_credentials, "_sources", {})
    monkeypatch.setattr(google_credentials, "_held", {})
    monkeypatch.setattr(azure_credentials, "_made", {})
    yield
    for client in door._clients.values():
        client.close()
    for one in azure_credentials._made.values():
        one.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """Tell the worker of its credentials: the file's text."""

    def tell(text: str) -> Path:
        path = tmp_path / "credentials.yaml"
        path.write_text(text)
        monkeypatch.setenv("HOLDFAST_CREDENTIALS", str(path))
        choosing._files.clear()
        return path

    return tell


@pytest.fixture(scope="session")
def aws_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as cloud:
        yield cloud


@pytest.fixture
def aws(aws_process: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """A worker whose own credentials are those of `ACCOUNT`, in its environment."""
    for name, value in aws_process.environment().items():
        monkeypatch.setenv(name, value)
    aws_process.control.reset()
    return aws_process


@pytest.fixture(scope="session")
def azure_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    from tests.localcloud.azure_parts import LocalAzure  # its SDK takes seconds to import

    with LocalAzure(tmp_path_factory.mktemp("azure")) as cloud:
        yield cloud


@pytest.fixture
def azure(azure_process: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> LocalAzure:
    """Entra ID on loopback, as the worker of a private cloud is told of it."""
    azure_process.control.reset()
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", azure_process.secure_endpoint)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", azure_process.authority)
    return azure_process

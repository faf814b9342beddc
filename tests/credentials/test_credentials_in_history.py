"""What history keeps of a worker without credentials: the letter, for good, and no secret in it or behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activities.providers.aws.door import open_visit
from activities.providers.azure.credentials import credentials as azure
from activities.providers.gcp import door
from activities.providers.gcp.credentials import credentials as google
from holdfast.model import Scope
from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws
from tests.credentials.conftest import Told, failure
from tests.credentials.google_tokens import handing_out
from tests.kinds.google_visit import lead

GOOGLE = Scope("gcp", "shop-prod", "europe-west1")
AZURE = Scope("azure", "s1", "westeurope")


def test_a_refused_scope(aws: LocalAws, told: Told) -> None:
    """An act in a scope without credentials fails at its first delivery, for good, by the scope's name."""
    told(f"- scope: aws/{OTHER_ACCOUNT}/*")
    scope = Scope("aws", ACCOUNT, REGION)
    failed, kept = failure(lambda: open_visit(scope))
    assert (failed.type, failed.non_retryable) == ("NotAllowed", True)
    assert f"no credentials for {scope}" in kept


def test_a_broken_file(told: Told) -> None:
    """A file with a secret in the clear fails every act for good, and what stands there goes no further."""
    told("- scope: gcp/*/*\n- {scope: azure/*/*, service_principal: {tenant: t, client: c, secret: 77-secret}}")
    failed, kept = failure(lambda: google(GOOGLE))
    assert (failed.type, failed.non_retryable) == ("InvalidInput", True)
    assert "there is no such field" in kept
    assert "77-secret" not in kept


def test_an_answer_that_holds_a_token(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in an answer that could not be read is in no letter and in no cause of one."""
    with handing_out() as cloud:
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", cloud.url)
        (tmp_path / "key.json").write_text(json.dumps(cloud.key_file()))
        cloud.garbled = True
        told(
            f"- scope: gcp/*/*\n  key_file: {tmp_path}/key.json\n"
            "  impersonate: {service_account: a@shop-prod.iam.gserviceaccount.com}"
        )
        failed, kept = failure(lambda: google(GOOGLE))
    assert failed.type == "NotAllowed"
    assert f"no credentials for {GOOGLE}" in kept
    assert "token-" not in kept


ASKS: dict[str, Any] = {
    "networks": lambda visit: list(visit.client("networks").list(project="p")),
    "projects": lambda visit: visit.client("projects").get_project(name="projects/p"),
    "iam": lambda visit: visit.client("iam").get_service_account(name="projects/p/serviceAccounts/x"),
    "storage": lambda visit: visit.client("storage").get(bucket="b"),
}


@pytest.mark.parametrize("service", ASKS)
def test_an_answer_that_holds_a_token_at_the_door(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """Nor where the token is got for a request: whichever service is asked, history keeps why, and no token."""
    from google.auth.credentials import Credentials
    from google.auth.exceptions import RefreshError

    class Garbled(Credentials):  # type: ignore[misc]  # google-auth is not followed
        def refresh(self, request: object) -> None:
            raise RefreshError("No access token or invalid expiration in response.", '{"accessToken": "77-secret"}')

    failed, kept = _at_the_door(Garbled(), service, monkeypatch)
    assert failed.type == "NotAllowed"
    assert "invalid expiration" in kept
    assert "77-secret" not in kept


@pytest.mark.parametrize("service", [one for one in ASKS if one != "projects"])  # gRPC's own words have no value
def test_a_token_with_a_line_break(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """A token that no header can hold is refused in fixed words, and nothing was sent."""
    from google.oauth2.credentials import Credentials

    failed, kept = _at_the_door(Credentials("77-secret\n"), service, monkeypatch)
    assert (failed.type, failed.non_retryable) == ("NotAllowed", True)
    assert f"credentials for {GOOGLE} are of no use: a token that they gave cannot be sent" in kept
    assert "77-secret" not in kept


def _at_the_door(speaks: Any, service: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    lead(monkeypatch, "http://127.0.0.1:1")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")  # whose callers are anonymous
    monkeypatch.setattr(door, "credentials", lambda _: speaks)
    visit = door.open_visit(GOOGLE)
    found = failure(lambda: ASKS[service](visit))
    assert visit.calls == 0
    return found


def test_a_line_break_in_the_token_that_mints(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that was to get another, and cannot be sent, is in no letter either, and is not tried for days."""
    with handing_out() as cloud:
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", cloud.url)
        (tmp_path / "key.json").write_text(json.dumps(cloud.key_file()))
        cloud.torn = True
        told(
            f"- scope: gcp/*/*\n  key_file: {tmp_path}/key.json\n"
            "  impersonate: {service_account: a@shop-prod.iam.gserviceaccount.com}"
        )
        failed, kept = failure(lambda: google(GOOGLE))
    assert (failed.type, failed.non_retryable) == ("NotAllowed", True)
    assert "a token that they gave cannot be sent" in kept
    assert "token-" not in kept


@pytest.mark.parametrize("text", ["77-secret", "-----BEGIN PRIVATE KEY-----\n77-secret\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_be_read(told: Told, tmp_path: Path, text: str) -> None:
    """A key that is none, of either cloud, is refused without a word of it."""
    (tmp_path / "key").write_text(text)
    key = {"type": "service_account", "client_email": "a@b", "token_uri": "http://127.0.0.1:9", "private_key": text}
    (tmp_path / "key.json").write_text(json.dumps(key))
    told(
        f"- {{scope: gcp/*/*, key_file: {tmp_path}/key.json}}\n"
        f"- {{scope: azure/*/*, service_principal: {{tenant: t, client: c, certificate: {tmp_path}/key}}}}"
    )
    for scope, work in ((GOOGLE, lambda: google(GOOGLE)), (AZURE, lambda: azure(AZURE))):
        failed, kept = failure(work)
        assert failed.type == "NotAllowed"
        assert f"no credentials for {scope}" in kept
        assert "77-secret" not in kept

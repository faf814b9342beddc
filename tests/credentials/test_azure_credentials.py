"""Azure: the ways to credentials, through azure-identity, against a directory that hands out tokens on loopback."""

from __future__ import annotations

import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from activities.credentials.choosing import way
from activities.credentials.ways import Azure
from activities.providers.azure import credentials as module
from activities.providers.azure.credentials import credentials
from activities.secrets import read_secret
from holdfast.errors import HoldfastError, NotAllowed, Unavailable
from holdfast.model import Scope
from holdfast.secret import Secret
from tests.credentials.conftest import Told
from tests.credentials.google_tokens import handing_out
from tests.localcloud.azure_parts import SUBSCRIPTION, LocalAzure
from tests.localcloud.test_azure_requests import ask

SCOPE = Scope("azure", SUBSCRIPTION, "westeurope")
AUDIENCE = "https://management.azure.com/.default"
TENANT = "00000000-0000-0000-0000-00000000000a"
ENTRY = f"- scope: azure/{SUBSCRIPTION}/*\n  "
PRINCIPAL = ENTRY + f"service_principal: {{tenant: {TENANT}, client: app, secret_env: SHOP_SECRET}}"
LISTED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups?api-version=2021-04-01"


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_a_service_principal(azure: LocalAzure, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret from the worker's environment gets a token that Azure lets in, kept for every scope of its entry."""
    monkeypatch.setenv("SHOP_SECRET", "anything")
    told(PRINCIPAL)
    azure.control.settings(require_token=True)
    found = credentials(SCOPE)
    token = found.get_token(AUDIENCE).token
    assert (_claims(token)["appid"], _claims(token)["tid"]) == ("app", TENANT)
    assert ask(azure, "GET", LISTED, Authorization=f"Bearer {token}")[0] == 200
    other = credentials(Scope("azure", SUBSCRIPTION, "northeurope"))
    assert other == found
    assert other.get_token(AUDIENCE).token == token


def test_a_secret_in_a_file(azure: LocalAzure, told: Told, tmp_path: Path) -> None:
    """A secret may lie in a file that is mounted where the worker runs."""
    (tmp_path / "secret").write_text("anything\n")
    told(ENTRY + f"service_principal: {{tenant: {TENANT}, client: app, secret_file: {tmp_path}/secret}}")
    assert _claims(credentials(SCOPE).get_token(AUDIENCE).token)["appid"] == "app"


def test_a_certificate(azure: LocalAzure, told: Told, tmp_path: Path) -> None:
    """A certificate's key proves the same."""
    (tmp_path / "cert.pem").write_bytes(_certificate())
    told(ENTRY + f"service_principal: {{tenant: {TENANT}, client: app, certificate: {tmp_path}/cert.pem}}")
    assert _claims(credentials(SCOPE).get_token(AUDIENCE).token)["appid"] == "app"


def test_workload_identity(azure: LocalAzure, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A federated token gets one, from the file of the entry or of AZURE_FEDERATED_TOKEN_FILE."""
    (tmp_path / "token").write_text("a.b.c")
    told(ENTRY + f"workload_identity: {{tenant: {TENANT}, client: app, token_file: {tmp_path}/token}}")
    assert _claims(credentials(SCOPE).get_token(AUDIENCE).token)["appid"] == "app"
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    told(ENTRY + f"workload_identity: {{tenant: {TENANT}, client: other}}")
    assert _claims(credentials(SCOPE).get_token(AUDIENCE).token)["appid"] == "other"


@pytest.mark.parametrize("entry, client", [("{}", "system"), ("{client: app}", "app")])
def test_a_managed_identity(
    azure: LocalAzure, told: Told, monkeypatch: pytest.MonkeyPatch, entry: str, client: str
) -> None:
    """The host's identity gets a token, or the one of its identities that the entry names."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{azure.endpoint}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "anything")
    told(ENTRY + f"managed_identity: {entry}")
    assert _claims(credentials(SCOPE).get_token(AUDIENCE).token)["appid"] == client


@pytest.mark.parametrize("text", [None, f"- scope: azure/{SUBSCRIPTION}/*"])
def test_the_default_chain(azure: LocalAzure, told: Told, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """Without a file, or with an entry that says nothing more, azure-identity's own variables speak."""
    for name, value in {"CLIENT_ID": "app", "TENANT_ID": TENANT, "CLIENT_SECRET": "anything"}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    if text is not None:
        told(text)
    assert _claims(credentials(SCOPE).get_token(AUDIENCE).token)["appid"] == "app"


def test_a_token_is_renewed_before_it_expires(azure: LocalAzure, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with minutes to go serves; one with less than five is asked for anew."""
    monkeypatch.setenv("SHOP_SECRET", "anything")
    told(PRINCIPAL)
    for seconds, same in ((600, True), (200, False)):
        module._made.clear()
        azure.control.settings(token_seconds=seconds)
        found = credentials(SCOPE)
        assert (found.get_token(AUDIENCE).token == found.get_token(AUDIENCE).token) is same


def test_a_rotated_secret_costs_no_act(
    azure: LocalAzure, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that was changed in its file is read again when Azure refuses the old one, before anybody gives up; one
    that is refused again is refused, and was asked with twice.
    """
    azure.control.settings(token_seconds=200)  # as good as expired
    (tmp_path / "secret").write_text("anything")
    told(ENTRY + f"service_principal: {{tenant: {TENANT}, client: app, secret_file: {tmp_path}/secret}}")
    found = credentials(SCOPE)
    assert found.get_token(AUDIENCE).token
    read: list[str] = []

    def reading(secret: Secret) -> str:
        read.append(read_secret(secret))
        return read[-1]

    monkeypatch.setattr(module, "read_secret", reading)
    monkeypatch.setattr(module._made[way(SCOPE, Azure)], "get_token", _refuse)
    assert found.get_token(AUDIENCE).token
    assert read == ["anything"]
    (tmp_path / "secret").write_text("wrong")
    module._made.clear()
    credentials(SCOPE)
    with pytest.raises(NotAllowed):
        found.get_token(AUDIENCE)
    assert read == ["anything", "wrong", "wrong"]


def test_another_token(azure: LocalAzure, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of a token that Azure refuses comes another, got once for all who were refused with the first; a
    host that keeps its own gives none.
    """
    monkeypatch.setenv("SHOP_SECRET", "anything")
    told(PRINCIPAL)
    found = credentials(SCOPE)
    first = found.get_token(AUDIENCE).token
    second = module.another(found, first, AUDIENCE).token
    assert second != first
    assert module.another(credentials(Scope("azure", SUBSCRIPTION, "northeurope")), first, AUDIENCE).token == second
    kept = found.get_token_info(AUDIENCE)
    host = SimpleNamespace(get_token_info=lambda *_, **__: kept, close=lambda: None)
    monkeypatch.setattr(module, "_identity", lambda _: host)
    assert module.another(found, second, AUDIENCE) is None


def _refuse(*_: str, **__: Any) -> Any:
    raise ClientAuthenticationError("AADSTS7000222: The provided client secret keys for app 'app' are expired.")


def test_a_refused_secret_is_named_and_not_kept(
    azure: LocalAzure, told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A secret that Azure refuses is named by scope, file and what to do, never by itself; once mended, it serves."""
    caplog.set_level(logging.DEBUG)
    (tmp_path / "secret").write_text("wrong")
    path = told(ENTRY + f"service_principal: {{tenant: {TENANT}, client: app, secret_file: {tmp_path}/secret}}")
    found = credentials(SCOPE)
    with pytest.raises(NotAllowed) as refused:
        found.get_token(AUDIENCE)
    letter = refused.value.letter
    assert letter.happened.startswith(f"this worker has no credentials for {SCOPE}, as {path} says: ")
    assert "AADSTS7000215" in letter.happened
    assert "has not expired" in letter.next
    (tmp_path / "secret").write_text("quite-right-77")
    token = found.get_token(AUDIENCE).token
    seen = "\n".join([repr(found), repr(refused.value), str(refused.value), repr(module._made), caplog.text])
    assert "quite-right-77" not in seen
    assert token not in seen


def test_a_secret_that_is_not_there(azure: LocalAzure, told: Told, tmp_path: Path) -> None:
    """A variable or a file that is missing on this worker is named, with the scope, before anything is asked."""
    told(PRINCIPAL)
    with pytest.raises(NotAllowed, match=f"for {SCOPE}, as .* no variable SHOP_SECRET"):
        credentials(SCOPE)
    for field in ("secret_file", "certificate"):
        told(ENTRY + f"service_principal: {{tenant: {TENANT}, client: app, {field}: {tmp_path}/none}}")
        with pytest.raises(NotAllowed, match=f"for {SCOPE}, as .*{tmp_path}/none cannot be read"):
            credentials(SCOPE)
    told(ENTRY + f"workload_identity: {{tenant: {TENANT}, client: app, token_file: {tmp_path}/none}}")
    with pytest.raises(NotAllowed, match=f"for {SCOPE}, as .*{tmp_path}/none cannot be read"):
        credentials(SCOPE).get_token(AUDIENCE)
    told(ENTRY + f"workload_identity: {{tenant: {TENANT}, client: app}}")
    with pytest.raises(NotAllowed, match=f"for {SCOPE}, as .* cannot be made"):
        credentials(SCOPE)


def test_a_certificate_that_is_none(told: Told, tmp_path: Path) -> None:
    """What is no certificate is refused by the scope's name, without a word of what stands in it."""
    (tmp_path / "cert.pem").write_text("77-secret")
    told(ENTRY + f"service_principal: {{tenant: {TENANT}, client: app, certificate: {tmp_path}/cert.pem}}")
    with pytest.raises(NotAllowed, match=f"no credentials for {SCOPE}") as refused:
        credentials(SCOPE)
    assert "77-secret" not in f"{refused.value!s}{refused.value!r}"
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("status, error", [(400, NotAllowed), (None, Unavailable)])
def test_no_managed_identity_here(
    told: Told, monkeypatch: pytest.MonkeyPatch, status: int | None, error: type[HoldfastError]
) -> None:
    """A host without an identity is refused by the scope's name; an endpoint that is not up is asked again later."""
    told(ENTRY + "managed_identity: {}")
    monkeypatch.setenv("IDENTITY_HEADER", "anything")
    monkeypatch.setattr("azure.core.pipeline.transport._requests_basic.RequestsTransport.sleep", lambda *_: None)
    with handing_out() as cloud:
        cloud.refuse = status
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url if status else 'http://127.0.0.1:9'}/msi/token")
        with pytest.raises(error, match=f"no credentials for {SCOPE}"):
            credentials(SCOPE).get_token(AUDIENCE)


def test_a_directory_that_is_silent(azure: LocalAzure, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that does not answer is asked again later."""
    monkeypatch.setenv("SHOP_SECRET", "anything")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:9")
    monkeypatch.setattr("azure.core.pipeline.transport._requests_basic.RequestsTransport.sleep", lambda *_: None)
    told(PRINCIPAL)
    with pytest.raises(Unavailable, match=f"no credentials for {SCOPE}"):
        credentials(SCOPE).get_token(AUDIENCE)


def test_a_scope_without_an_entry(told: Told) -> None:
    """A scope that no entry is for is refused at once, by its name."""
    told("- scope: azure/other/*")
    with pytest.raises(NotAllowed, match=f"no credentials for {SCOPE}: no entry of"):
        credentials(SCOPE)


def _certificate() -> bytes:
    """A key made now, and a certificate of it signed by itself, in one PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*how) + certificate.public_bytes(serialization.Encoding.PEM)

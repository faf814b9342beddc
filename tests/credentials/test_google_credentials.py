"""Google Cloud: the ways to credentials, through google-auth, against endpoints on loopback."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest

from activities.credentials.ways import Google
from activities.providers.gcp import credentials as module
from activities.providers.gcp.credentials import credentials
from holdfast.errors import InvalidInput, NotAllowed, Unavailable
from holdfast.model import Scope
from tests.cloud import ROOT
from tests.credentials.conftest import Told, failure
from tests.credentials.google_tokens import Tokens, handing_out

SCOPE = Scope("gcp", "shop-prod", "europe-west1")
DEPLOY = "deploy@shop-prod.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"  # whatever the endpoint
BETWEEN = "between@shop-prod.iam.gserviceaccount.com"


@pytest.fixture
def cloud() -> Iterator[Tokens]:
    with handing_out() as cloud:
        yield cloud


@pytest.fixture
def key(cloud: Tokens, tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(cloud.key_file()))
    return path


def test_a_service_account_key(cloud: Tokens, key: Path, told: Told) -> None:
    """A key signs for a token of the cloud platform, once for every scope of its entry."""
    told(f"- {{scope: gcp/shop-prod/*, key_file: {key}}}")
    found = credentials(SCOPE)
    assert found.token == "token-1"
    assert credentials(Scope("gcp", "shop-prod", "us-east1")) is found
    assert cloud.paths() == ["/token"]
    claims = jwt.decode(cloud.asked[0][1]["assertion"], cloud.public, ["RS256"], audience=AUDIENCE)
    assert claims["iss"] == "base@shop-prod.iam.gserviceaccount.com"
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"


def test_many_at_once_mint_once(cloud: Tokens, key: Path, told: Told) -> None:
    """Eight activities that need a token at once cause one mint."""
    told(f"- {{scope: gcp/*/*, key_file: {key}}}")
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(credentials(SCOPE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(cloud.asked)) == (8, 1)


@pytest.mark.parametrize("good, mints", [(300, 1), (200, 2)])
def test_a_token_is_renewed_shortly_before_it_expires(
    cloud: Tokens, key: Path, told: Told, good: int, mints: int
) -> None:
    """A token with five minutes left serves; one with less than three and three quarters is minted anew."""
    told(f"- {{scope: gcp/*/*, key_file: {key}}}")
    cloud.good = good
    credentials(SCOPE)
    credentials(SCOPE)
    assert len(cloud.asked) == mints


def test_application_default_credentials(cloud: Tokens, key: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that says nothing more, and no file at all, take what GOOGLE_APPLICATION_CREDENTIALS names."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    assert credentials(SCOPE).token == "token-1"
    told("- scope: gcp/shop-prod/*")
    assert credentials(SCOPE).token == "token-1"
    with pytest.raises(NotAllowed, match="no credentials for gcp/other/global"):
        credentials(Scope("gcp", "other", "global"))


def test_impersonation(cloud: Tokens, key: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another service account's token is asked for with our own, through its delegates and as long as written."""
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", f"{cloud.url}/")
    told(
        f"- scope: gcp/shop-prod/*\n  key_file: {key}\n"
        f"  impersonate: {{service_account: {DEPLOY}, delegates: [{BETWEEN}], lifetime: 30m}}"
    )
    assert credentials(SCOPE).token == "token-2"
    path, said = cloud.asked[1]
    assert path == f"/v1/projects/-/serviceAccounts/{DEPLOY}:generateAccessToken"
    assert said["authorization"] == "Bearer token-1"
    assert said["delegates"] == [f"projects/-/serviceAccounts/{BETWEEN}"]
    assert (said["lifetime"], said["scope"]) == ("1800s", list(module.SCOPES))


def test_workload_identity_federation(cloud: Tokens, told: Told, tmp_path: Path) -> None:
    """A token of somebody else's, in a file, is exchanged for one of Google's."""
    (tmp_path / "subject").write_text("a.b.c")
    config = tmp_path / "federation.json"
    said = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{cloud.url}/v1/sts",
        "credential_source": {"file": str(tmp_path / "subject")},
    }
    config.write_text(json.dumps(said))
    told(f"- {{scope: gcp/shop-prod/*, credentials_file: {config}}}")
    assert credentials(SCOPE).token == "token-1"
    path, asked = cloud.asked[0]
    assert (path, asked["subject_token"], asked["audience"]) == ("/v1/sts", "a.b.c", said["audience"])


def test_a_user_who_impersonates(cloud: Tokens, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What gcloud writes for a user who impersonates a service account speaks for that one."""
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", cloud.url)
    config = tmp_path / "adc.json"
    said = {
        "type": "impersonated_service_account",
        "source_credentials": cloud.key_file(),
        "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
        f"{DEPLOY}:generateAccessToken",
        "delegates": [f"projects/-/serviceAccounts/{BETWEEN}"],
    }
    config.write_text(json.dumps(said))
    told(f"- {{scope: gcp/shop-prod/*, credentials_file: {config}}}")
    assert credentials(SCOPE).token == "token-2"
    path, asked = cloud.asked[1]
    assert path == f"/v1/projects/-/serviceAccounts/{DEPLOY}:generateAccessToken"
    assert asked["delegates"] == [f"projects/-/serviceAccounts/{BETWEEN}"]


def test_a_file_that_names_a_program(cloud: Tokens, told: Told, tmp_path: Path) -> None:
    """A file that would have the worker start a program is refused, and says why; nothing is started."""
    config = tmp_path / "federation.json"
    said = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{cloud.url}/v1/sts",
        "credential_source": {"executable": {"command": f"touch {tmp_path}/started"}},
    }
    config.write_text(json.dumps(said))
    told(f"- {{scope: gcp/shop-prod/*, credentials_file: {config}}}")
    with pytest.raises(NotAllowed, match=f"no credentials for {SCOPE}.* a worker starts none") as refused:
        credentials(SCOPE)
    assert "whose token comes from a file, a URL or AWS" in refused.value.letter.next
    assert not (tmp_path / "started").exists()


def test_a_program_of_the_default_chain(
    cloud: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the worker's own environment allows programs, one that fails is told of without its words."""
    secret, config = uuid4().hex, tmp_path / "federation.json"
    (tmp_path / "gives.py").write_text(f"import sys; sys.exit({secret!r})")
    said = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{cloud.url}/v1/sts",
        "credential_source": {"executable": {"command": f"{sys.executable} {tmp_path}/gives.py"}},
    }
    config.write_text(json.dumps(said))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(config))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-prod")
    monkeypatch.setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1")
    failed, kept = failure(lambda: credentials(SCOPE))
    assert (failed.type, failed.non_retryable) == ("NotAllowed", True)
    assert f"no credentials for {SCOPE}, by its default chain: the executable" in kept
    assert secret not in kept + caplog.text


def test_iam_in_clear(cloud: Tokens, key: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token goes over plain http to IAM on another machine."""
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", "http://10.0.0.9:8080/")
    told(f"- {{scope: gcp/shop-prod/*, key_file: {key}, impersonate: {{service_account: {DEPLOY}}}}}")
    with pytest.raises(InvalidInput, match=r"IAMCREDENTIALS is http, and 10\.0\.0\.9 is not"):
        credentials(SCOPE)
    assert cloud.asked == []


def test_the_hosts_service_account(cloud: Tokens, tmp_path: Path) -> None:
    """On a machine of Google's, the metadata server hands out the token."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "GCE_METADATA_HOST": cloud.host,
        "GCE_METADATA_IP": cloud.host,
    }
    code = (
        "from activities.providers.gcp.credentials import credentials; from holdfast.model import Scope\n"
        f"print(credentials(Scope.parse('{SCOPE}')).token)"
    )
    # A process of its own: google-auth reads the variables as it is imported.
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == f"token-{len(cloud.asked)}", done.stderr
    assert cloud.paths()[-1].startswith("/computeMetadata/v1/instance/service-accounts/")


def test_anonymous_for_a_local_cloud(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLOUDSDK_AUTH_DISABLE_CREDENTIALS makes the default chain anonymous, and opens no scope that has no entry."""
    monkeypatch.setenv("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "true")
    assert credentials(SCOPE).token is None
    assert credentials(SCOPE) is credentials(SCOPE)
    told("- scope: gcp/other/*")
    with pytest.raises(NotAllowed, match=str(SCOPE)):
        credentials(SCOPE)


def test_a_refused_key_is_named_and_not_kept(cloud: Tokens, key: Path, told: Told) -> None:
    """A key that Google refuses is named with the scope, the file and what to do; once mended, it serves."""
    path = told(f"- {{scope: gcp/shop-prod/*, key_file: {key}}}")
    cloud.refuse = 400
    with pytest.raises(NotAllowed) as refused:
        credentials(SCOPE)
    letter = refused.value.letter
    assert letter.happened.startswith(f"this worker has no credentials for {SCOPE}, as {path} says: ")
    assert "Invalid JWT Signature" in letter.happened
    assert "the key still stands" in letter.next
    cloud.refuse = None
    assert credentials(SCOPE).token


def test_a_key_that_was_changed(cloud: Tokens, key: Path, told: Told) -> None:
    """A key that served, was withdrawn and has been replaced in its file serves again, without a new worker."""
    told(f"- {{scope: gcp/shop-prod/*, key_file: {key}}}")
    cloud.good = 60
    credentials(SCOPE)
    cloud.refuse = 400
    with pytest.raises(NotAllowed):
        credentials(SCOPE)
    cloud.refuse = None
    key.write_text(json.dumps(cloud.key_file() | {"client_email": DEPLOY}))
    credentials(SCOPE)
    claims = jwt.decode(cloud.asked[-1][1]["assertion"], cloud.public, ["RS256"], audience=AUDIENCE)
    assert claims["iss"] == DEPLOY


def test_a_rotated_key_costs_no_act(cloud: Tokens, key: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was changed in its file is read again when Google refuses the old one, before anybody gives up."""
    told(f"- {{scope: gcp/shop-prod/*, key_file: {key}}}")
    cloud.good = 60
    credentials(SCOPE)
    make = module._make

    def read_again(found: Google) -> Any:
        cloud.refuse = None  # Google refuses the old key, and takes the new one
        return make(found)

    monkeypatch.setattr(module, "_make", read_again)
    cloud.refuse = 400
    key.write_text(json.dumps(cloud.key_file() | {"client_email": DEPLOY}))
    assert credentials(SCOPE).token
    claims = jwt.decode(cloud.asked[-1][1]["assertion"], cloud.public, ["RS256"], audience=AUDIENCE)
    assert claims["iss"] == DEPLOY


def test_a_refused_impersonation(cloud: Tokens, key: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """An impersonation that is refused says who must be allowed what."""
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", cloud.url)
    told(f"- {{scope: gcp/shop-prod/*, key_file: {key}, impersonate: {{service_account: {DEPLOY}}}}}")
    cloud.refuse, cloud.refused = 403, ":generateAccessToken"
    with pytest.raises(NotAllowed, match=f"no credentials for {SCOPE}") as refused:
        credentials(SCOPE)
    assert f"be a Service Account Token Creator on {DEPLOY}" in refused.value.letter.next
    cloud.refuse = None
    assert credentials(SCOPE).token


def test_google_that_is_silent(key: Path, cloud: Tokens, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token endpoint that does not answer, or is out of order, is asked again later."""
    told(f"- {{scope: gcp/shop-prod/*, key_file: {key}}}")
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    cloud.refuse = 503
    with pytest.raises(Unavailable, match=str(SCOPE)):
        credentials(SCOPE)
    cloud.refuse = None
    key.write_text(json.dumps(cloud.key_file() | {"token_uri": "http://127.0.0.1:9/token"}))
    with pytest.raises(Unavailable, match=str(SCOPE)):
        credentials(SCOPE)


@pytest.mark.parametrize(
    "text", ["not json 77-secret", "[]", '{"type": "77-secret"}', '{"private_key": "77-secret"}', None]
)
@pytest.mark.parametrize("field", ["key_file", "credentials_file"])
def test_a_file_that_is_no_key(told: Told, tmp_path: Path, text: str | None, field: str) -> None:
    """What is no key, or not there, is refused by the scope's name, without a word of what stands in it."""
    path = tmp_path / "key.json"
    if text is not None:
        path.write_text(text)
    told(f"- {{scope: gcp/shop-prod/*, {field}: {path}}}")
    with pytest.raises(NotAllowed, match=f"no credentials for {SCOPE}") as refused:
        credentials(SCOPE)
    assert "77-secret" not in f"{refused.value!s}{refused.value!r}"
    assert refused.value.__cause__ is None or "77-secret" not in repr(refused.value.__cause__)
    assert refused.value.__suppress_context__ or refused.value.__cause__ is not None


def test_nothing_to_be_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker without any credentials says so, with the scope."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(NotAllowed, match=f"no credentials for {SCOPE}, by its default chain") as refused:
        credentials(SCOPE)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in refused.value.letter.next


def test_what_is_minted_is_told_to_nobody(
    cloud: Tokens, key: Path, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """No token and no key stands in a log, a letter or a repr."""
    caplog.set_level(logging.DEBUG)
    told(f"- {{scope: gcp/shop-prod/*, key_file: {key}}}")
    found = credentials(SCOPE)
    cloud.refuse = 400
    module._held.clear()
    with pytest.raises(NotAllowed) as refused:
        credentials(SCOPE)
    seen = "\n".join([caplog.text, repr(refused.value), str(refused.value), repr(found), repr(module._held)])
    assert "token-1" not in seen
    assert cloud.private.splitlines()[3] not in seen

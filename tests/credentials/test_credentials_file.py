"""The file of a worker's credentials: what it says, every fault of it, and which entry a scope gets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.credentials import choosing, file
from activities.credentials.ways import (
    AssumeRole,
    Aws,
    Azure,
    AzureWorkloadIdentity,
    Google,
    Impersonate,
    ManagedIdentity,
    Pattern,
    ServicePrincipal,
    Way,
    WebIdentity,
)
from holdfast.errors import InvalidInput, NotAllowed
from holdfast.model import Scope
from holdfast.secret import Secret
from tests.credentials.conftest import Told

ROLE = "arn:aws:iam::111122223333:role/holdfast"
EMAIL = "deploy@shop-prod.iam.gserviceaccount.com"

WHOLE = f"""
- scope: aws/*/*
- {{scope: aws/123456789012/*, profile: shop}}
- scope: aws/111122223333/*
  profile: base
  assume_role:
    role: {ROLE}
    external_id: shop-7
    session_name: night
    session_tags: {{team: shop}}
    duration: 1h
- {{scope: aws/111122223333/eu-west-1, web_identity: {{role: "{ROLE}", token_file: /run/token}}}}
- scope: gcp/*/*
- {{scope: gcp/shop-*/*, key_file: /run/key.json}}
- scope: gcp/shop-prod/*
  credentials_file: /run/federation.json
  impersonate: {{service_account: {EMAIL}, delegates: [{EMAIL}], lifetime: 30m}}
- scope: azure/*/*
- {{scope: azure/s1/*, service_principal: {{tenant: t, client: c, secret_env: SHOP_SECRET}}}}
- {{scope: azure/s2/*, service_principal: {{tenant: t, client: c, certificate: /run/cert.pem}}}}
- {{scope: azure/s3/*, managed_identity: {{}}}}
- {{scope: azure/s4/*, managed_identity: {{client: c}}}}
- {{scope: azure/s5/*, workload_identity: {{tenant: t, client: c, token_file: /run/token}}}}
- {{scope: azure/s6/*, service_principal: {{tenant: t, client: c, secret_file: /run/secret}}}}
"""
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "scope, way",
    [
        ("aws/999900001111/eu-west-1", Aws()),
        ("aws/123456789012/eu-west-1", Aws(profile="shop")),
        ("aws/111122223333/us-east-1", Aws("base", AssumeRole(ROLE, "shop-7", "night", (("team", "shop"),), HOUR))),
        ("aws/111122223333/eu-west-1", Aws(web_identity=WebIdentity(ROLE, "/run/token"))),
        ("gcp/other/global", Google()),
        ("gcp/shop-dev/global", Google(key_file="/run/key.json")),
        (
            "gcp/shop-prod/global",
            Google(
                credentials_file="/run/federation.json", impersonate=Impersonate(EMAIL, (EMAIL,), timedelta(minutes=30))
            ),
        ),
        ("azure/s0/westeurope", Azure()),
        ("azure/s1/westeurope", Azure(ServicePrincipal("t", "c", secret=Secret("env:SHOP_SECRET")))),
        ("azure/s2/westeurope", Azure(ServicePrincipal("t", "c", certificate="/run/cert.pem"))),
        ("azure/s3/westeurope", Azure(ManagedIdentity())),
        ("azure/s4/westeurope", Azure(ManagedIdentity("c"))),
        ("azure/s5/westeurope", Azure(AzureWorkloadIdentity("t", "c", "/run/token"))),
        ("azure/s6/westeurope", Azure(ServicePrincipal("t", "c", secret=Secret("file:/run/secret")))),
    ],
)
def test_each_way(told: Told, scope: str, way: Way) -> None:
    """Every way can be written, and the most specific entry for a scope is the one it gets."""
    told(WHOLE)
    kind: Any = type(way)
    assert choosing.way(Scope.parse(scope), kind) == way


@pytest.mark.parametrize(
    "patterns, wins",
    [
        (["gcp/*/*", "gcp/shop-prod/*"], 1),
        (["gcp/shop-*/*", "gcp/shop-p*/*", "gcp/*/*"], 1),
        (["gcp/shop-prod/*", "gcp/*/europe-west1"], 0),
        (["gcp/shop-prod/europe-*", "gcp/shop-prod/europe-west1", "gcp/shop-prod/*"], 1),
        (["gcp/shop-p*/europe-west1", "gcp/shop-prod/*"], 1),
        (["gcp/shop-prod*/*", "gcp/shop-prod/*"], 1),
        (["gcp/*/*", "gcp/*/europe-*"], 1),
        (["gcp/other/*", "aws/*/*", "gcp/shop-prod/us-*"], None),
    ],
)
def test_the_most_specific_entry(tmp_path: Path, patterns: list[str], wins: int | None) -> None:
    """Account before region, whole before a beginning, a longer beginning before a shorter; the order says nothing."""
    scope = Scope("gcp", "shop-prod", "europe-west1")
    for ordered in (patterns, patterns[::-1]):
        (tmp_path / "c.yaml").write_text("\n".join(f"- scope: {one}" for one in ordered))
        entries = file.read(str(tmp_path / "c.yaml"))
        named: dict[Pattern, Way] = {pattern: Google(str(pattern)) for pattern in entries}
        assert choosing.choose(scope, named) == (None if wins is None else Google(patterns[wins]))


def test_two_patterns_of_one_weight() -> None:
    """No two different patterns that cover a scope are equally specific, so the choice is never by chance."""
    parts = ["*", "s*", "sh*", "shop*", "shop", "x*", "x"]
    patterns = [Pattern("gcp", account, region) for account in parts for region in parts]
    scope = Scope("gcp", "shop", "shop")
    weights = [pattern.weight for pattern in patterns if pattern.covers(scope)]
    assert len(weights) == 25
    assert len(set(weights)) == len(weights)


def test_a_scope_without_an_entry(told: Told) -> None:
    """A scope that no entry is for is refused with its name, the file's and what to do; an empty list refuses all."""
    for text in ("- scope: gcp/shop-dev/*", "[]"):
        path = told(text)
        with pytest.raises(NotAllowed) as refused:
            choosing.way(Scope("gcp", "shop-prod", "europe-west1"), Google)
        assert str(refused.value).splitlines() == [
            f"this worker has no credentials for gcp/shop-prod/europe-west1: no entry of {path} is for it",
            "Standing: nothing was touched",
            "Next: add an entry for gcp/shop-prod/* there and start the worker again, or run a worker that has one",
        ]


@pytest.mark.parametrize(
    "text, where, said",
    [
        ("scope: aws/*/*", "1:1", "a list of entries is expected here, not a map"),
        ("", "1:1", "the document is empty"),
        ("- scope: [", "1:11", "not YAML"),
        ("- aws/*/*", "1:3", "[0]: a map is expected here, not text"),
        ("- profile: shop", "1:3", "[0]: `scope` is missing"),
        ("- scope: 12", "1:10", "[0].scope: text is expected: quote it"),
        ("- scope: aws/1", "1:10", "[0].scope: CLOUD/ACCOUNT/REGION is expected here"),
        ("- scope: ibm/*/*", "1:10", "[0].scope: CLOUD/ACCOUNT/REGION is expected here"),
        ("- scope: aws/*12/*", "1:10", "[0].scope: CLOUD/ACCOUNT/REGION is expected here"),
        ("- {scope: aws/*/*}\n- {scope: aws/*/*}", "2:3", "[1].scope: aws/*/* has an entry already, in line 1"),
        ("- {scope: aws/*/*, profil: x}", "1:20", "[0].profil: there is no such field; did you mean profile?"),
        ("- {scope: aws/*/*, key_file: /x}", "1:20", "[0].key_file: there is no such field"),
        ("- {scope: aws/*/*, profile: 7}", "1:29", "[0].profile: text is expected: quote it"),
        ("- {scope: aws/*/*, profile: a, profile: b}", "1:32", "[0]: this key is there already, in line 1"),
        ("- {scope: aws/*/*, assume_role: x}", "1:33", "[0].assume_role: a map is expected here, not text"),
        ("- {scope: aws/*/*, assume_role: {}}", "1:20", "[0].assume_role: `role` is missing"),
        ("- {scope: aws/*/*, assume_role: {role: admin}}", "1:40", "[0].assume_role.role: the ARN of a role"),
        (
            f"- {{scope: aws/*/*, assume_role: {{role: '{ROLE}', duration: 5m}}}}",
            "1:93",
            "[0].assume_role.duration: it is from 0:15:00 to 12:00:00",
        ),
        (
            f"- {{scope: aws/*/*, assume_role: {{role: '{ROLE}', duration: soon}}}}",
            "1:93",
            "[0].assume_role.duration: a duration is written as 20m",
        ),
        (
            f"- {{scope: aws/*/*, assume_role: {{role: '{ROLE}', session_tags: {{team: 7}}}}}}",
            "1:104",
            "[0].assume_role.session_tags.team: a tag is text",
        ),
        (
            f"- {{scope: aws/*/*, assume_role: {{role: '{ROLE}', session_name: 'a b'}}}}",
            "1:97",
            "[0].assume_role.session_name: a name of 2 to 64",
        ),
        (
            f"- {{scope: aws/*/*, web_identity: {{role: '{ROLE}'}}}}",
            "1:20",
            "[0].web_identity: `token_file` is missing",
        ),
        (
            f"- {{scope: aws/*/*, profile: a, web_identity: {{role: '{ROLE}', token_file: /t}}}}",
            "1:46",
            "[0].web_identity: profile stands here already; one of the two",
        ),
        ("- {scope: gcp/*/*, key_file: key.json}", "1:30", "[0].key_file: an absolute path is expected here"),
        (
            "- {scope: gcp/*/*, key_file: /a, credentials_file: /b}",
            "1:52",
            "[0].credentials_file: key_file stands here already; one of the two",
        ),
        (
            "- {scope: gcp/*/*, impersonate: {service_account: bob}}",
            "1:51",
            "[0].impersonate.service_account: the email of a service account is expected here",
        ),
        (
            f"- {{scope: gcp/*/*, impersonate: {{service_account: {EMAIL}, delegates: bob}}}}",
            "1:104",
            "[0].impersonate.delegates: a list is expected here, not text",
        ),
        (
            f"- {{scope: gcp/*/*, impersonate: {{service_account: {EMAIL}, delegates: [bob]}}}}",
            "1:105",
            "[0].impersonate.delegates[0]: the email of a service account is expected here",
        ),
        (
            "- {scope: azure/*/*, service_principal: {tenant: t, client: c}}",
            "1:41",
            "[0].service_principal: one of secret_env, secret_file, certificate is missing",
        ),
        (
            "- {scope: azure/*/*, service_principal: {tenant: t, client: c, secret_env: A, certificate: /c}}",
            "1:92",
            "[0].service_principal.certificate: secret_env stands here already; one of the two",
        ),
        (
            "- {scope: azure/*/*, managed_identity: {}, workload_identity: {tenant: t, client: c}}",
            "1:63",
            "[0].workload_identity: managed_identity stands here already; one of the two",
        ),
        (
            "- {scope: azure/*/*, managed_identity: }",
            "1:39",
            "[0].managed_identity: a map is expected here, not nothing",
        ),
    ],
)
def test_each_fault(told: Told, text: str, where: str, said: str) -> None:
    """A fault is refused with the file, the line and the field, and nothing else is complained of."""
    path = told(text)
    with pytest.raises(InvalidInput) as refused:
        choosing.way(Scope("aws", "123456789012", "eu-west-1"), Aws)
    head, *lines = refused.value.letter.happened.splitlines()
    assert head == f"the credentials file {path} has 1 problem:"
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}:{where}: {said}"), lines[0]


def test_all_faults_at_once(told: Told) -> None:
    """A person hears of every mistake in one go, in the order of the lines."""
    path = told("- {scope: aws/*/*, profil: x}\n- {scope: gcp/*/*, key_file: 7}\n- {}\n")
    with pytest.raises(InvalidInput) as refused:
        choosing.way(Scope("aws", "123456789012", "eu-west-1"), Aws)
    lines = refused.value.letter.happened.splitlines()
    assert lines[0] == f"the credentials file {path} has 3 problems:"
    assert [line.split(":")[1] for line in lines[1:]] == ["1", "2", "3"]
    assert refused.value.letter.next == "mend the file, and start the worker again"


@pytest.mark.parametrize(
    "field",
    [
        "secret_env: {}",
        "secret_env: {{x: {}}}",
        "secret: {}",
        "client_secret: {}",
        "secret_file: {}",
        "secret_env: 0{}",
        "secret_env: &{} a",
        "secret_env: !{} a",
        "secret_env: *{}",
    ],
)
def test_a_secret_in_the_clear(told: Told, field: str) -> None:
    """A secret where only its name may stand is refused, and the letter does not repeat it."""
    secret = "77-tell-nobody"
    told(
        "- scope: azure/*/*\n  service_principal:\n    tenant: t\n    client: c\n"
        f"    certificate: /c\n    {field.format(secret)}\n"
    )
    with pytest.raises(InvalidInput) as refused:
        choosing.way(Scope("azure", "s1", "westeurope"), Azure)
    assert ".yaml:6:" in str(refused.value)
    assert "tell-nobody" not in f"{refused.value!s}{refused.value!r}{refused.value.letter!r}"


@pytest.mark.parametrize("bad", ["absent", "directory", "binary"])
def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    """A file that cannot be read refuses every scope, by its name; once it is there, it is read."""
    path = tmp_path / "c.yaml"
    monkeypatch.setenv("HOLDFAST_CREDENTIALS", str(path))
    if bad == "directory":
        path.mkdir()
    elif bad == "binary":
        path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInput, match=f"the credentials file {path} cannot be read"):
        choosing.way(Scope("gcp", "p", "global"), Google)
    path.rmdir() if bad == "directory" else path.unlink(missing_ok=True)
    path.write_text("- scope: gcp/p/*")
    assert choosing.way(Scope("gcp", "p", "global"), Google) == Google()


def test_no_way_shows_where_its_secret_lies() -> None:
    """A way's repr, which may reach a log, says neither a secret's reference nor an external id."""
    shown = repr([ServicePrincipal("t", "c", Secret("env:SHOP_SECRET")), AssumeRole(ROLE, "shop-7")])
    assert "SHOP_SECRET" not in shown
    assert "shop-7" not in shown


def test_azures_names_mean_the_same_in_any_case() -> None:
    """`az` prints a subscription in small letters, the portal a location in capitals: neither leads to another way."""
    pattern = Pattern("azure", "AAAA-BBBB", "West*")
    assert pattern.covers(Scope("azure", "aaaa-bbbb", "westeurope"))
    assert not pattern.covers(Scope("azure", "aaaa-cccc", "westeurope"))
    assert not Pattern("gcp", "Shop", "*").covers(Scope("gcp", "shop", "here"))

"""AWS: the ways to credentials, against an STS that hands out real sessions of several accounts."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import CredentialRetrievalError, MetadataRetrievalError

from activities.providers.aws import credentials, door
from activities.providers.aws.door import open_visit
from holdfast.errors import HoldfastError, NotAllowed, Throttled, Unavailable
from holdfast.model import Scope
from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws
from tests.credentials.conftest import Told, failure

MINE = Scope("aws", ACCOUNT, REGION)
OTHER = Scope("aws", OTHER_ACCOUNT, REGION)
THIRD = "333344445555"
ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/holdfast"

BOTH = f"""
- scope: aws/{ACCOUNT}/*
- scope: aws/{OTHER_ACCOUNT}/*
  assume_role:
    role: {ROLE}
    external_id: shop-7
    session_tags: {{team: shop, cost-center: "42"}}
    duration: 15m
"""


def _minted(aws: LocalAws, action: str = "AssumeRole", **match: Any) -> Any:
    """How often STS was asked from here on."""
    rule = aws.control.latency(0, service="sts", action=action, **match)
    return lambda: next(r["seen"] for r in aws.control.faults() if r["id"] == rule)


def test_two_accounts_through_one_worker(aws: LocalAws, told: Told) -> None:
    """One worker makes a network in its own account and one in a role's, and each stands in its account alone."""
    told(BOTH)
    for scope, cidr in ((MINE, "10.1.0.0/16"), (OTHER, "10.2.0.0/16")):
        open_visit(scope).client("ec2").create_vpc(CidrBlock=cidr)
    for account, cidr, not_there in ((ACCOUNT, "10.1.0.0/16", "10.2"), (OTHER_ACCOUNT, "10.2.0.0/16", "10.1")):
        found = [vpc["CidrBlock"] for vpc in aws.client("ec2", account).describe_vpcs()["Vpcs"]]
        assert cidr in found
        assert not [one for one in found if one.startswith(not_there)]


def test_what_sts_is_asked(aws: LocalAws, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role is asked for by name, with the external id, the tags and the length given, and is ours in CloudTrail."""
    monkeypatch.setenv("HOLDFAST_INSTALLATION", "night")
    told(BOTH)
    asked: list[dict[str, Any]] = []
    make = credentials._Asked._sts

    def sts(self: Any, service: str, **more: Any) -> Any:
        client = make(self, service, **more)
        client.meta.events.register("provide-client-params.sts", lambda params, **_: asked.append(dict(params)))
        return client

    monkeypatch.setattr(credentials._Asked, "_sts", sts)
    identity = open_visit(OTHER).client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/holdfast/holdfast-night"
    assert asked == [
        {
            "RoleArn": ROLE,
            "RoleSessionName": "holdfast-night",
            "ExternalId": "shop-7",
            "DurationSeconds": 900,
            "Tags": [{"Key": "team", "Value": "shop"}, {"Key": "cost-center", "Value": "42"}],
        }
    ]


def test_a_role_is_minted_once(aws: LocalAws, told: Told) -> None:
    """Nothing is minted before a visit; then once, for eight threads and two regions together."""
    told(BOTH)
    minted = _minted(aws)
    open_visit(MINE).client("ec2").describe_vpcs()
    assert minted() == 0
    opened: list[Any] = []

    def visit(region: str) -> None:
        opened.append(open_visit(Scope("aws", OTHER_ACCOUNT, region)).client("ec2").describe_vpcs())

    threads = [threading.Thread(target=visit, args=(region,)) for region in (REGION, "eu-west-1") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(opened), minted()) == (8, 1)


def test_a_role_is_minted_again_before_it_expires(aws: LocalAws, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of fifteen minutes serves for ten; then the next request mints another, and no sooner."""
    told(BOTH)
    ahead = timedelta()
    monkeypatch.setattr(credentials, "_now", lambda: datetime.now(UTC) + ahead)
    minted = _minted(aws)
    ec2 = open_visit(OTHER).client("ec2")
    ec2.describe_vpcs()
    ahead = timedelta(minutes=9, seconds=30)
    ec2.describe_vpcs()
    assert minted() == 1
    ahead = timedelta(minutes=10, seconds=30)
    ec2.describe_vpcs()
    assert minted() > 1  # this STS's clock was not stepped: what it hands out is soon to expire again


def test_a_refusal_in_the_last_minutes_harms_nobody(aws: LocalAws, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a session is still good, STS may refuse another: requests go on with the one there is, to its end."""
    told(BOTH)
    ahead = timedelta()
    monkeypatch.setattr(credentials, "_now", lambda: datetime.now(UTC) + ahead)
    ec2 = open_visit(OTHER).client("ec2")
    aws.control.refuse("AccessDenied", status=403, service="sts", action="AssumeRole")
    ahead = timedelta(minutes=12)
    ec2.describe_vpcs()
    ahead = timedelta(minutes=14, seconds=30)
    with pytest.raises(NotAllowed, match=f"no AWS credentials for {OTHER}"):
        ec2.describe_vpcs()


def test_a_refused_role_is_named_and_not_kept(aws: LocalAws, told: Told) -> None:
    """A role that STS refuses is named with the scope and the file and what to mend; once mended, it serves."""
    path = told(BOTH)
    rule = aws.control.refuse("AccessDenied", "not authorized", status=403, service="sts", action="AssumeRole")
    with pytest.raises(NotAllowed) as refused:
        open_visit(OTHER)
    letter = refused.value.letter
    assert letter.happened == (
        f"this worker has no AWS credentials for {OTHER} as {path} says: AWS refused AssumeRole of {ROLE}: "
        "AccessDenied: not authorized"
    )
    assert "trust policy" in letter.next
    assert letter.code == "AccessDenied"
    assert open_visit(MINE).client("ec2").describe_vpcs()["Vpcs"]
    aws.control.heal(rule)
    assert open_visit(OTHER).client("ec2").describe_vpcs()["Vpcs"]


def test_a_mint_that_fails_sends_no_request(aws: LocalAws, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that could not be signed is not one that may have been made."""
    told(BOTH)
    ahead = timedelta()
    monkeypatch.setattr(credentials, "_now", lambda: datetime.now(UTC) + ahead)
    visit = open_visit(OTHER)
    ec2 = visit.client("ec2")
    ahead = timedelta(minutes=16)
    aws.control.refuse("AccessDenied", status=403, service="sts", action="AssumeRole")
    with pytest.raises(NotAllowed):
        ec2.create_vpc(CidrBlock="10.2.0.0/16")
    assert (visit.calls, visit.answered) == (0, True)
    assert not aws.control.ledger()


def test_sts_that_is_busy_or_silent(aws: LocalAws, told: Told) -> None:
    """A throttled or lost mint is asked for again later, not given up."""
    told(BOTH)
    rule = aws.control.refuse("Throttling", "slow down", status=400, service="sts", action="AssumeRole")
    with pytest.raises(Throttled):
        open_visit(OTHER)
    aws.control.heal(rule)
    rule = aws.control.fault("lose_request", how="drop", service="sts", action="AssumeRole")
    with pytest.raises(Unavailable, match=str(OTHER)):
        open_visit(OTHER)
    aws.control.heal(rule)
    open_visit(OTHER)


def test_a_role_of_the_wrong_account(aws: LocalAws, told: Told) -> None:
    """An entry whose role is another account's opens no door: the letter names both and the file."""
    path = told(f"- {{scope: aws/{THIRD}/*, assume_role: {{role: '{ROLE}'}}}}")
    with pytest.raises(NotAllowed) as refused:
        open_visit(Scope("aws", THIRD, REGION))
    assert f"for aws/{THIRD}/{REGION} (as {path} says) belong to account {OTHER_ACCOUNT}" in str(refused.value)


def test_profiles(aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile speaks for its account, one with a role for the role's; and a role can be reached from a profile."""
    (tmp_path / "config").write_text(
        f"[profile shop]\naws_access_key_id = {OTHER_ACCOUNT}\naws_secret_access_key = test\n"
        f"[profile there]\nsource_profile = shop\nrole_arn = arn:aws:iam::{THIRD}:role/there\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    told(
        f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: shop}}\n"
        f"- {{scope: aws/{THIRD}/eu-*, profile: there}}\n"
        f"- {{scope: aws/{THIRD}/us-east-1, profile: shop, assume_role: {{role: 'arn:aws:iam::{THIRD}:role/x'}}}}\n"
        f"- {{scope: aws/{ACCOUNT}/*, profile: nobodys}}\n"
    )
    opened = [open_visit(Scope("aws", *at)) for at in ((OTHER_ACCOUNT, REGION), (THIRD, REGION), (THIRD, "us-east-1"))]
    arns = [one.client("sts").get_caller_identity()["Arn"] for one in opened]
    assert [arn.split(":")[4] for arn in arns] == [OTHER_ACCOUNT, THIRD, THIRD]
    assert [arn.split("/")[1] for arn in arns[1:]] == ["there", "x"]
    with pytest.raises(NotAllowed, match=rf"for {MINE} as .*nobodys"):
        open_visit(MINE)


def test_rotated_keys_cost_no_act(aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of a profile that were changed are read again when AWS refuses the old ones, before anybody gives up; those
    of another account are never used in the place of the first.
    """
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: shop}}")

    def keys(account: str, secret: str) -> None:
        said = f"[profile shop]\naws_access_key_id = {account}\naws_secret_access_key = {secret}\n"
        (tmp_path / "config").write_text(said)

    def refused() -> None:
        aws.control.refuse("InvalidClientTokenId", status=403, action="ListQueues", count=1)

    keys(OTHER_ACCOUNT, "old")
    queues = open_visit(OTHER).client("sqs")
    refused()
    with pytest.raises(NotAllowed, match="InvalidClientTokenId"):
        queues.list_queues()
    refused()
    keys(OTHER_ACCOUNT, "new")
    assert "QueueUrls" not in queues.list_queues()
    refused()
    keys(ACCOUNT, "new")
    with pytest.raises(NotAllowed, match=f"belong to account {ACCOUNT}"):
        queues.list_queues()


def test_rotated_keys_cost_no_list(aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is begun anew with the new keys, as long as nobody was handed a page of it; then it is refused."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: shop}}")

    def keys(secret: str) -> None:
        said = f"[profile shop]\naws_access_key_id = {OTHER_ACCOUNT}\naws_secret_access_key = {secret}\n"
        (tmp_path / "config").write_text(said)

    def refused() -> None:
        aws.control.refuse("InvalidClientTokenId", status=403, action="ListQueues", count=1)

    keys("old")
    visit = open_visit(OTHER)
    queues = visit.client("sqs")
    for name in ("one", "two", "three"):
        queues.create_queue(QueueName=name)
    begun = visit.calls
    pages = queues.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2})
    refused()
    keys("new")
    assert len(next(pages)["QueueUrls"]) == 2
    assert visit.calls == begun + 2
    refused()
    keys("newer")
    with pytest.raises(NotAllowed, match="InvalidClientTokenId"):
        next(pages)
    assert visit.calls == begun + 3
    refused()
    again = queues.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2})
    assert sum(len(page["QueueUrls"]) for page in again) == 3
    refused()
    with pytest.raises(NotAllowed, match="InvalidClientTokenId"):
        list(queues.get_paginator("list_queues").paginate())  # the keys are those that were refused


def test_the_keys_that_a_role_is_asked_with_are_read_for_each_mint(
    aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that a profile's keys ask for is minted with those that the profile has then."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: shop, assume_role: {{role: '{ROLE}'}}}}")
    read: list[str] = []
    asks: credentials._Asked | None = None
    for secret in ("old", "new"):
        said = f"[profile shop]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = {secret}\n"
        (tmp_path / "config").write_text(said)
        asks = asks or credentials._Asked(credentials.aws_way(OTHER), REGION)
        asks.fetch()
        read.append(asks._base.get_credentials().secret_key)
    assert read == ["old", "new"]


def test_a_profile_that_wants_a_code(
    aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile whose role wants an MFA code is refused at once: a worker does not wait at a terminal."""
    (tmp_path / "config").write_text(
        f"[profile shop]\naws_access_key_id = {OTHER_ACCOUNT}\naws_secret_access_key = test\n"
        f"[profile guarded]\nsource_profile = shop\nrole_arn = {ROLE}\n"
        f"mfa_serial = arn:aws:iam::{OTHER_ACCOUNT}:mfa/ada\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for more in ("", f", assume_role: {{role: '{ROLE}'}}"):
        told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: guarded{more}}}")
        with pytest.raises(NotAllowed, match=f"no AWS credentials for {OTHER} as .* wants an MFA code"):
            open_visit(OTHER)


@pytest.mark.parametrize("more", ["", "role"])
@pytest.mark.parametrize(
    "prints, ends",
    [
        ("{secret}", 0),
        ('["{secret}"]', 0),
        ('{{"Version": 1, "AccessKeyId": "{secret}"}}', 0),
        ('{{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": 7, "SessionToken": "{secret}"}}', 0),
        ('{{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "{secret}", "Expiration": "{secret}"}}', 0),
        ('{{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "{secret}", "Expiration": "2031-01-01"}}', 0),
        ("", 3),
    ],
    ids=["words", "a list", "half of it", "a number", "a bad time", "a time of nowhere", "nothing"],
)
def test_a_process_that_gives_no_credentials(
    aws: LocalAws,
    told: Told,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    prints: str,
    ends: int,
    more: str,
) -> None:
    """A profile's process that gives none is refused at once, by the scope's name; what it says goes nowhere."""
    secret = uuid4().hex
    said = prints.format(secret=secret)
    (tmp_path / "gives.py").write_text(
        f"import sys\nprint({said!r})\nprint({secret!r}, file=sys.stderr)\nsys.exit({ends})"
    )
    (tmp_path / "config").write_text(
        f"[profile shop]\ncredential_process = {sys.executable} {tmp_path}/gives.py\n"
        f"[profile there]\nsource_profile = shop\nrole_arn = {ROLE}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: {'there' if more else 'shop'}}}")
    caplog.set_level(logging.INFO)
    failed, kept = failure(lambda: open_visit(OTHER))
    assert (failed.type, failed.non_retryable) == ("NotAllowed", True)
    assert f"no AWS credentials for {OTHER} as" in kept
    assert "the credential_process of profile shop " in kept
    assert "Next: run it by hand where the worker runs" in kept
    assert secret not in kept + caplog.text


def test_a_process_gives_credentials_for_a_while(
    aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that gives some is asked again before they expire; one that fails then is told of without its words."""
    secret, given = uuid4().hex, {"Version": 1, "AccessKeyId": OTHER_ACCOUNT, "SecretAccessKey": "test"}
    (tmp_path / "config").write_text(f"[profile shop]\ncredential_process = {sys.executable} {tmp_path}/gives.py\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: shop}}")
    soon = (datetime.now(UTC) + timedelta(minutes=3)).isoformat()
    said = json.dumps({**given, "SessionToken": "t", "Expiration": soon})
    (tmp_path / "gives.py").write_text("print('{}')")
    with pytest.raises(NotAllowed, match="are no credentials"):
        open_visit(OTHER)
    (tmp_path / "gives.py").write_text(f"print({said!r})")
    queues = open_visit(OTHER).client("sqs")
    (tmp_path / "gives.py").write_text(f"import sys; sys.exit({secret!r})")
    with pytest.raises(NotAllowed, match=f"no AWS credentials for {OTHER} as .*: the credential_process of profile"):
        queues.list_queues()
    assert secret not in caplog.text


def test_a_profile_that_refers_to_nothing(
    aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role whose `source_profile` is not there is refused at once, and what is missing is named."""
    (tmp_path / "config").write_text(f"[profile there]\nsource_profile = nobody\nrole_arn = {ROLE}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, profile: there}}")
    with pytest.raises(NotAllowed, match=f"no AWS credentials for {OTHER} as .*nobody") as refused:
        open_visit(OTHER)
    assert "mend the profile where the worker runs" in refused.value.letter.next


@pytest.mark.parametrize("status, letter", [(500, Unavailable), (429, Unavailable), (403, NotAllowed)])
def test_a_host_that_hands_out_none(
    aws: LocalAws, told: Told, monkeypatch: pytest.MonkeyPatch, status: int, letter: type[HoldfastError]
) -> None:
    """A host whose role cannot be had is asked again, one that says no is not; nothing of its answer is repeated."""
    secret = uuid4().hex
    error = MetadataRetrievalError(error_msg=f"Received non 200 response {status} from container metadata: {secret}")
    told(f"- scope: aws/{OTHER_ACCOUNT}/*")

    def refused(_: object) -> None:
        raise CredentialRetrievalError(provider="container-role", error_msg=str(error))

    monkeypatch.setattr(boto3.Session, "get_credentials", refused)
    with pytest.raises(letter, match=f"no AWS credentials for {OTHER}") as failed:
        open_visit(OTHER)
    assert secret not in str(failed.value)


def test_web_identity(aws: LocalAws, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token from a file gets a role, without any credentials of AWS; where the file is missing, it is named."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    token = tmp_path / "token"
    told(f"- {{scope: aws/{OTHER_ACCOUNT}/*, web_identity: {{role: '{ROLE}', token_file: {token}}}}}")
    with pytest.raises(NotAllowed, match=f"no AWS credentials for {OTHER} as .*{token} cannot be read: No such file"):
        open_visit(OTHER)
    token.write_text("a.b.c")
    minted = _minted(aws, "AssumeRoleWithWebIdentity")
    visit = open_visit(OTHER)
    assert visit.client("sts").get_caller_identity()["Account"] == OTHER_ACCOUNT
    assert minted() == 1


def test_without_a_file(aws: LocalAws) -> None:
    """Without a file, the default chain speaks for its own account, and refuses any other by name."""
    open_visit(MINE).client("ec2").describe_vpcs()
    with pytest.raises(NotAllowed, match=rf"for {OTHER} \(by its default chain\) belong to account {ACCOUNT}"):
        open_visit(OTHER)


def test_a_scope_without_an_entry(aws: LocalAws, told: Told) -> None:
    """A scope that no entry is for is refused before any request, though the default chain would serve."""
    path = told(f"- scope: aws/{OTHER_ACCOUNT}/*")
    asked = _minted(aws, "GetCallerIdentity")
    with pytest.raises(NotAllowed) as refused:
        open_visit(MINE)
    assert refused.value.letter.happened == f"this worker has no credentials for {MINE}: no entry of {path} is for it"
    assert f"add an entry for aws/{ACCOUNT}/* there" in refused.value.letter.next
    assert (asked(), door._clients) == (0, {})


def test_what_is_minted_is_told_to_nobody(
    aws: LocalAws, told: Told, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key and no session token stands in a log of ours, a letter or a repr, when all goes well or not."""
    caplog.set_level(logging.DEBUG, "activities")
    caplog.set_level(logging.INFO)
    told(BOTH)
    visit = open_visit(OTHER)
    held = next(s for way, s in credentials._sources.items() if way.assume_role).session.get_credentials()
    secrets = [held.get_frozen_credentials().secret_key, held.get_frozen_credentials().token]
    monkeypatch.setattr(credentials, "_now", lambda: datetime.now(UTC) + timedelta(hours=2))
    aws.control.refuse("AccessDenied", status=403, service="sts", action="AssumeRole")
    with pytest.raises(NotAllowed) as refused:
        visit.client("ec2")
    seen = "\n".join([caplog.text, repr(refused.value), str(refused.value), repr(credentials._sources), repr(held)])
    assert all(secrets)
    assert [secret for secret in secrets if secret in seen] == []
    assert "shop-7" not in seen

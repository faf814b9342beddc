"""A worker with a file of credentials, in a process of its own: a stack of two accounts goes up and down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from holdfast.contract import Exit
from tests import command
from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws
from tests.kills.crew import Server, Worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

THIRD = "333344445555"
ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/holdfast"
CREDENTIALS = f"""
- scope: aws/{ACCOUNT}/*
- scope: aws/{OTHER_ACCOUNT}/*
  assume_role: {{role: "{ROLE}", external_id: shop-7}}
"""
DOCUMENT = f"""
version: 1
stack: both
owner: tests
environment: dev
scopes:
  ours: {{cloud: aws, account: "{ACCOUNT}", region: {REGION}}}
  theirs: {{cloud: aws, account: "{OTHER_ACCOUNT}", region: {REGION}}}
resources:
  near: {{kind: aws.vpc, scope: ours, spec: {{cidr: 10.1.0.0/16}}}}
  far: {{kind: aws.vpc, scope: theirs, spec: {{cidr: 10.2.0.0/16}}}}
"""
MINTED = (b"ASIA", b"FQoGZXIvYXdz")  # how this STS's key ids and session tokens begin


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "temporal").mkdir()
    with Server(tmp_path / "temporal") as server:
        server.start()
        yield server


def _networks(aws: LocalAws, account: str) -> list[str]:
    found = [vpc["CidrBlock"] for vpc in aws.client("ec2", account).describe_vpcs()["Vpcs"]]
    return [one for one in found if one.startswith("10.")]


async def test_a_stack_of_two_accounts(server: Server, aws: LocalAws, tmp_path: Path) -> None:
    """Each network is made and removed in its account; a third account is refused; no history holds a credential."""
    (tmp_path / "credentials.yaml").write_text(CREDENTIALS)
    (tmp_path / "both.yaml").write_text(DOCUMENT)
    (tmp_path / "third.yaml").write_text(DOCUMENT.replace(OTHER_ACCOUNT, THIRD).replace("both", "third"))
    told = {"HOLDFAST_CREDENTIALS": str(tmp_path / "credentials.yaml")}
    mine = command.surroundings(server.address)

    def ask(*arguments: str) -> command.Said:
        return command.ended(command.begin(arguments, mine))

    (tmp_path / "worker").mkdir()
    with Worker(
        "worker", tmp_path / "worker", {"TEMPORAL_ADDRESS": server.address, **aws.environment(), **told}
    ) as one:
        one.start()
        up = ask("up", str(tmp_path / "both.yaml"), "--yes")
        assert up.code == Exit.done, up.err
        assert (_networks(aws, ACCOUNT), _networks(aws, OTHER_ACCOUNT)) == (["10.1.0.0/16"], ["10.2.0.0/16"])
        third = ask("up", str(tmp_path / "third.yaml"), "--yes")
        assert third.code not in {Exit.done, Exit.owed}
        assert f"no credentials for aws/{THIRD}/{REGION}: no entry of" in third.out + third.err
        down = ask("down", "both", "--yes")
        assert down.code == Exit.done, down.err
        assert (_networks(aws, ACCOUNT), _networks(aws, OTHER_ACCOUNT)) == ([], [])
        one.stop()
    client = await Client.connect(server.address)
    histories = [
        await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        async for run in client.list_workflows()
    ]
    kept = b"".join(event.SerializeToString() for history in histories for event in history.events)
    given = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="one")["Credentials"]
    assert given["AccessKeyId"].encode().startswith(MINTED[0])
    assert given["SessionToken"].encode().startswith(MINTED[1])
    assert OTHER_ACCOUNT.encode() in kept
    assert [begins for begins in MINTED if begins in kept] == []

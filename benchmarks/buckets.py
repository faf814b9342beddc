"""From request to report, a stack of buckets in an embedded environment, against bare boto3 with 32 threads.

Both make the same changing calls on the same local cloud, which takes 200 ms for every call; the ledger counts them.
Bare boto3 is all that anybody could write: it remembers nothing, looks at nothing, and takes nothing back.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from temporalio.client import Client

from holdfast.contract import Operation, State
from holdfast.run import Identity, Source
from starter.client import Holdfast
from starter.local import environment
from starter.local.control import Control
from workers.plugin import HoldfastPlugin
from workers.settings import Settings

LATENCY = 0.2  # seconds, for every call
THREADS = 32
ACCOUNT, REGION = "123456789012", "eu-central-1"
COUNTS = (100, 500)


async def main(counts: Sequence[int] = COUNTS) -> None:
    """Print a line for each count."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as root:
        here = Path(root)
        state = await asyncio.to_thread(environment.launch, here, lambda _: None, with_parent=True)
        try:
            client = await Client.connect(state.address, plugins=[HoldfastPlugin()])
            settings = Settings(store=f"file:{state.directory / 'store'}")
            holdfast = Holdfast(client, settings, Identity(requester="bench"))
            control = Control(state.clouds["aws"])
            await _ours(holdfast, control, "warm", 4)
            await control.fault("latency", seconds=LATENCY)
            print("buckets      bare      ours   ratio   changing calls, bare and ours")
            for count in counts:
                bare, calls = await _bare(state.clouds["aws"], control, count)
                ours, ours_calls = await _ours(holdfast, control, f"b{count}", count)
                print(f"{count:7} {bare:8.2f}s {ours:8.2f}s {ours / bare:7.2f}   {calls} and {ours_calls}")
        finally:
            await asyncio.to_thread(environment.stop, here, lambda _: None)


async def _ours(holdfast: Holdfast, control: Control, stack: str, count: int) -> tuple[float, int]:
    before = await control.executed()
    began = time.perf_counter()
    source = Source(file="bench.yaml", text=_document(stack, count))
    ticket = await holdfast.submit(holdfast.request(Operation.up, stack, source=source))
    report = await holdfast.wait(ticket.run)
    took = time.perf_counter() - began
    if report.state is not State.done:
        raise RuntimeError(f"{report.run} ended as {report.state}: {report.cause}")
    return took, await control.executed() - before


def _document(stack: str, count: int) -> str:
    return json.dumps(
        {
            "version": 1,
            "stack": stack,
            "owner": "bench",
            "environment": "dev",
            "scopes": {"main": {"cloud": "aws", "account": ACCOUNT, "region": REGION}},
            "defaults": {"scope": "main"},
            "resources": {f"b{n}": {"kind": "aws.s3_bucket", "spec": {"name": f"{stack}-{n}"}} for n in range(count)},
        }
    )


async def _bare(endpoint: str, control: Control, count: int) -> tuple[float, int]:
    before = await control.executed()
    took = await asyncio.to_thread(_with_threads, endpoint, count)
    return took, await control.executed() - before


def _with_threads(endpoint: str, count: int) -> float:
    s3 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="bench",  # noqa: S106  opens nothing
        config=Config(max_pool_connections=THREADS),
    )
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda n: _make(s3, f"bare-{count}-{n}"), range(count)))
    return time.perf_counter() - began


def _make(s3: Any, name: str) -> None:
    """One bucket as `aws.s3_bucket` makes it: private, TLS only, versioned."""
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))
    arn = f"arn:aws:s3:::{name}"
    plain_http = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [plain_http]}))
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

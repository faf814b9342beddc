"""The command line as a person uses it: a process of its own, without a terminal, about a document of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cloud import ACCOUNT, REGION, ROOT


def document(stack: str, resources: str, region: str = REGION) -> str:
    """The text of a document with one AWS scope, and the resources that a test writes below."""
    return f"""
version: 1
stack: {stack}
owner: tests
environment: dev
scopes: {{main: {{cloud: aws, account: "{ACCOUNT}", region: {region}}}}}
defaults: {{scope: main}}
resources:
{resources}"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def surroundings(address: str) -> dict[str, str]:
    """The environment of a command: ours without what it says about clouds and servers, and one server's address."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TEMPORAL_", "HOLDFAST_"))}
    return {**plain, "TEMPORAL_ADDRESS": address, "HOLDFAST_REQUESTER": "ada", "COLUMNS": "120"}


def begin(arguments: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """A command that has begun."""
    return subprocess.Popen(
        [sys.executable, "-c", "from starter.cli import main; main()", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], within: float = 60) -> Said:
    """What a command said, once it has ended. One that does not end in time is killed."""
    try:
        out, err = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Said(process.returncode, out, err)

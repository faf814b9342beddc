"""The local AWS for tests: a process of its own on a free port, its SDK clients, and the strings it hangs on.

    with LocalAws(tmp_path) as cloud:
        cloud.control.lose_answer(action="CreateVpc", count=1)
        cloud.client("ec2").create_vpc(...)          # raises: the connection was dropped
        assert cloud.control.executed("CreateVpc")   # and yet it stands

Starting one takes seconds: share it (`scope="session"`), and call `cloud.control.reset()` before each test.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from starter.local.crew import ACCOUNT, REGION
from starter.testing.cloud import LocalCloud
from starter.testing.control import Control, ControlRefused, Entry
from starter.testing.waiting import until

__all__ = [
    "ACCOUNT",
    "IMAGE",
    "OTHER_ACCOUNT",
    "REGION",
    "ROOT",
    "Control",
    "ControlRefused",
    "Entry",
    "LocalAws",
    "until",
]

ROOT = Path(__file__).resolve().parent.parent
OTHER_ACCOUNT = "111122223333"
IMAGE = "ami-03cf127a"  # one that moto knows in every region


class LocalAws(LocalCloud):
    """The local AWS, with boto3 clients. Made-up credentials: an access key of twelve digits is that account's."""

    called = "aws"

    def __init__(self, directory: Path, *, seed: int = 0, state: bool = False) -> None:
        super().__init__(self.called, directory, seed=seed, state=state)
        self._clients: dict[tuple[str, str, str, float], Any] = {}
        self._making = threading.Lock()

    def stop(self, *, kill: bool = False) -> None:
        """See `LocalCloud`. Closes the clients."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        super().stop(kill=kill)

    def environment(self, account: str = ACCOUNT, region: str = REGION) -> dict[str, str]:
        """What another process needs so that its SDK speaks to this cloud, and to no other."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION, timeout: float = 30) -> Any:
        """A boto3 client without retries of its own. Shared between threads."""
        with self._making:
            key = (service, account, region, timeout)
            if key not in self._clients:
                self._clients[key] = boto3.client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=account,
                    aws_secret_access_key="test",
                    config=Config(
                        retries={"total_max_attempts": 1},
                        read_timeout=timeout,
                        connect_timeout=5,
                        max_pool_connections=64,
                    ),
                )
            return self._clients[key]

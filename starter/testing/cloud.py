"""A local cloud as a process of its own, on a free port.

    with LocalCloud("gcp", tmp_path) as cloud:
        os.environ.update(cloud.environment())
        cloud.control.lose_answer(action="networks.insert", count=1)

Starting one takes seconds: share it, and call `cloud.control.reset()` before each test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from starter.local.crew import REACHED
from starter.testing.control import Control


class LocalCloud:
    """The local `aws`, `azure` or `gcp`. It ends with whoever started it, however that ends.

    `state`: keep the state in a file of `directory`, so that `stop` and `start` lose nothing.
    """

    def __init__(self, name: str, directory: Path, *, seed: int = 0, state: bool = False) -> None:
        self.name, self.directory, self.seed = name, directory, seed
        self._state = directory / "cloud.state" if state else None
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.ready: dict[str, Any] = {}  # what the process said when it listened

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Raises `RuntimeError` when it does not run."""
        if self._process is None:
            raise RuntimeError("the local cloud is not running")
        return self._process.pid

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def control(self) -> Control:
        return Control(self.endpoint)

    @property
    def log(self) -> str:
        """What the process wrote to standard error so far."""
        return (self.directory / "cloud.log").read_text()

    def command(self) -> list[str]:
        """How the process is started. After the first start it keeps its port."""
        state = ["--state", str(self._state)] if self._state else []
        return [
            sys.executable,
            "-m",
            f"localcloud.{self.name}",
            "--port",
            str(self.port),
            "--seed",
            str(self.seed),
            "--with-parent",
            *state,
        ]

    def start(self) -> None:
        """Start, and wait until it listens."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MOTO_"))}
        with (self.directory / "cloud.log").open("a") as log:
            self._process = subprocess.Popen(
                self.command(), env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f"the local cloud did not start:\n{self.log}")
        self.ready = json.loads(line)
        self.port = int(self.ready["port"])

    def stop(self, *, kill: bool = False) -> None:
        """SIGTERM, or SIGKILL, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        (process.kill if kill else process.terminate)()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stdout is not None:
            process.stdout.close()

    def environment(self) -> dict[str, str]:
        """What another process needs so that its SDK, and our door, speak to this cloud."""
        return REACHED[self.name](self.endpoint)

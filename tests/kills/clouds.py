"""Any of the local clouds, as a process: for tests that strike whichever cloud they are given."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starter.local.crew import REACHED
from tests.cloud import LocalAws


class Cloud(LocalAws):
    """See the module."""

    def __init__(self, name: str, directory: Path, *, state: bool = False) -> None:
        directory.mkdir(exist_ok=True)
        super().__init__(directory, state=state)
        self.name = name

    def environment(self, *_: Any, **__: Any) -> dict[str, str]:
        """As `holdfast local env` would say it."""
        return REACHED[self.name](self.endpoint)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """It is there, takes connections, and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

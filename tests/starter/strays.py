"""Who is still there: every process of an environment works in its directory."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cloud import until


def strays(directory: Path) -> list[int]:
    """The pids of what runs in a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and Path(os.readlink(entry / "cwd")) == directory.resolve():  # noqa: PTH115  # no Path that need not exist
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def all_gone(directory: Path, within: float = 15) -> None:
    """Wait until nothing runs there. Raises `TimeoutError`."""
    until(lambda: not strays(directory), within, f"the end of {strays(directory)} in {directory}")

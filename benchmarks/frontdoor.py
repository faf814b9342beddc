"""How long a person waits for `holdfast --help`, beside an interpreter that does nothing."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
HOLDFAST = Path(sys.executable).with_name("holdfast")


async def main() -> None:
    """Print the medians, and their ratio."""
    sides = {"python -c pass": [sys.executable, "-c", "pass"], "holdfast --help": [str(HOLDFAST), "--help"]}
    took: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):  # in turns, so that a busy moment strikes both
        for name, command in sides.items():
            took[name].append(await asyncio.to_thread(_seconds, command))
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, times in took.items():
        print(f"{name:18} median {medians[name]:.3f} s   from {min(times):.3f} to {max(times):.3f}")
    print(f"ratio {medians['holdfast --help'] / medians['python -c pass']:.1f}")


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began

"""Ends the environment's processes when the supervisor has died, where the kernel does not do that: macOS.

Reads `+PID` and `-PID` from standard input, a pipe whose other end only the supervisor holds. However that dies, the
pipe ends; then whatever was not taken back gets SIGTERM, and SIGKILL a moment later.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

MOMENT = 3.0  # seconds: the local clouds save their state


def hold(lines: Iterable[str]) -> None:
    """Until the lines end; then end whoever is left."""
    held: set[int] = set()
    for line in lines:
        (held.add if line[0] == "+" else held.discard)(int(line[1:]))
    _send(held, signal.SIGTERM)
    if held:
        time.sleep(MOMENT)
    _send(held, signal.SIGKILL)


def _send(pids: set[int], what: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


if __name__ == "__main__":
    # Ctrl-C, and a request to stop, are for the supervisor: we go when it has gone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    hold(sys.stdin)

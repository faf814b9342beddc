"""What a test starts does not outlive it, even when the runner itself is killed: nobody is left to say goodbye then.

A process beside this one holds the other end of a pipe. When the pipe closes, for whatever reason, it ends every child
that it was told of and not told to forget.
"""

from __future__ import annotations

import atexit
import functools
import os
import subprocess
import sys
from pathlib import Path

_HOLDER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
held = set()
for line in sys.stdin:
    (held.add if line[0] == "+" else held.discard)(int(line[1:]))
for pid in held:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        continue
"""


@functools.cache
def _holder(owner: int) -> subprocess.Popen[str]:
    """One for each process: a fork needs its own."""
    holder = subprocess.Popen(
        [sys.executable, "-S", "-c", _HOLDER], stdin=subprocess.PIPE, text=True, start_new_session=True
    )
    atexit.register(holder.communicate)
    return holder


def hold(pid: int) -> None:
    """End this child when this process ends."""
    _tell(f"+{pid}\n")


def forget(pid: int) -> None:
    """The child has ended: its number may be another's soon."""
    _tell(f"-{pid}\n")


def _tell(line: str) -> None:
    pipe = _holder(os.getpid()).stdin
    assert pipe is not None
    pipe.write(line)
    pipe.flush()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended, and that nobody has waited for yet, does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False

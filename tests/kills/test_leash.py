"""The runner may be killed as well: then what it started is ended for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.cloud import ROOT, until
from tests.leash import alive


def test_a_child_does_not_outlive_a_killed_runner() -> None:
    """One that still runs is ended; one that has ended before is left out, since its number may be another's."""
    code = """
import subprocess, time
from tests import leash
one, other = (subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) for _ in range(2))
leash.hold(one.pid)
leash.hold(other.pid)
leash.forget(other.pid)
print(one.pid, other.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout is not None
        one, other = map(int, runner.stdout.readline().split())
        try:
            runner.kill()
            until(lambda: not alive(one), 10, "the end of what was held")
            assert alive(other)
        finally:
            os.kill(other, signal.SIGKILL)

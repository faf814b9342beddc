"""The `holdfast` command: every answer is an exit code, and every refusal a letter.

Nothing heavy is imported here or in the modules of the commands; each command imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from starter.cli.frame import carry_out

__all__ = ["main", "run"]


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line. Returns its exit code."""
    from starter.cli.app import app

    return carry_out(app, arguments)


def main() -> None:
    """The entry point of the `holdfast` command."""
    code = run(sys.argv[1:])
    if "temporalio" in sys.modules:
        # Not `sys.exit`: tearing the interpreter down under the SDK's native core may crash, after all was well.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)

"""Ports for the environment: the ones it had, else the usual ones, else free ones.

`HOLDFAST_LOCAL_PORTS=any` passes the usual ones over, where several environments live side by side.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from starter.local.state import HOST, Lock

USUAL = {"temporal": 7233, "ui": 8233, "cloud-aws": 4566, "cloud-gcp": 4567, "cloud-azure": 4568}


def choose(names: list[str], before: Mapping[str, int]) -> dict[str, int]:
    """A port for each name. Whoever had one keeps it, unless a stranger has taken it meanwhile."""
    usual = {} if os.environ.get("HOLDFAST_LOCAL_PORTS") == "any" else USUAL
    chosen: dict[str, int] = {}
    for name in names:
        wanted = [port for port in (before.get(name), usual.get(name)) if port and port not in chosen.values()]
        chosen[name] = next((port for port in wanted if free(port)), 0) or any_free(set(chosen.values()))
    return chosen


def free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def any_free(but: set[int]) -> int:
    """A port that nobody listens on at this moment."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in but:
            return port


def choosing() -> Lock:
    """Held from the choice until the ports are taken: two environments that start at once must not choose the same."""
    return Lock(Path(tempfile.gettempdir()) / f"holdfast-ports-{os.getuid()}.lock")

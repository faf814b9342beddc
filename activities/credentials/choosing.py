"""Which way a worker has to credentials for a scope: as its file says, and where it has no file, its cloud's own chain.

The file is named by `HOLDFAST_CREDENTIALS`, and is read once, when a worker begins (`ready`) or the first scope is
asked for. One that cannot be read is read again the next time.
"""

from __future__ import annotations

import os
import threading
from typing import TypeVar

from activities.credentials.file import Entries, read
from activities.credentials.ways import Aws, Azure, Google, Way
from holdfast.errors import NotAllowed
from holdfast.model import Scope

VARIABLE = "HOLDFAST_CREDENTIALS"

W = TypeVar("W", Aws, Google, Azure)

_lock = threading.Lock()
_files: dict[str, Entries] = {}


def way(scope: Scope, kind: type[W]) -> W:
    """The way for a scope of the cloud whose ways are of this kind.

    Raises `NotAllowed`, naming the scope and the file, when no entry is for it; `InvalidInput` when the file is wrong.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return kind()
    found = choose(scope, _entries(path))
    if not isinstance(found, kind):
        raise NotAllowed(
            f"this worker has no credentials for {scope}: no entry of {path} is for it",
            standing="nothing was touched",
            next=f"add an entry for {scope.cloud}/{scope.account}/* there and start the worker again, "
            "or run a worker that has one",
        )
    return found


def ready() -> None:
    """Read the file now, where there is one: a worker whose file is wrong shall not begin. Raises `InvalidInput`."""
    path = os.environ.get(VARIABLE)
    if path:
        _entries(path)


def choose(scope: Scope, entries: Entries) -> Way | None:
    """The way of the most specific pattern that covers the scope, if one does. The entries' order says nothing."""
    covering = [pattern for pattern in entries if pattern.covers(scope)]
    return entries[max(covering, key=lambda pattern: pattern.weight)] if covering else None


def where() -> str:
    """Whose word the credentials are, for a letter."""
    path = os.environ.get(VARIABLE)
    return f"as {path} says" if path else "by its default chain"


def _entries(path: str) -> Entries:
    with _lock:
        if path not in _files:
            _files[path] = read(path)
        return _files[path]

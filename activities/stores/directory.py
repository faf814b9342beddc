"""A store in a directory: one file a value, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from pydantic import JsonValue

from holdfast.errors import Unavailable
from holdfast.store import check, encode


class DirectoryStore:
    """Values under `ROOT/ab/cdef…`. Several processes may share it: a file appears by rename, its bytes on disk."""

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)

    def put(self, value: JsonValue) -> str:
        """See `Store.put`."""
        digest, content = encode(value)
        path = self._path(digest)
        if path.exists():
            return digest
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except OSError as error:
            raise Unavailable(f"the store at {self._root} does not take a value: {error.strerror}") from error
        return digest

    def get(self, digest: str) -> JsonValue:
        """See `Store.get`."""
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise Unavailable(f"the store at {self._root} has no value {digest}") from error
        except OSError as error:
            raise Unavailable(f"the store at {self._root} does not answer: {error.strerror}") from error
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        return check(digest, value)

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:]

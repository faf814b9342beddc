"""Keeps a cloud's state in a file, so that it outlives its process.

Saved whole, by pickle, under the cloud's lock: soon after a change, and once more when the process ends in order. What
was executed in the last moment before a SIGKILL may be missing from it. Rules, held and late requests are not kept.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import sys
import tempfile
import threading
import time
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from localcloud.core.asked import Dialect
from localcloud.core.cloud import Cloud
from localcloud.core.ledger import Ledger

VERSION = 1
LOCKS: dict[type[Any], Any] = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Pickler(pickle.Pickler):
    """Pickles backends that hold locks, which come back new and open, and private keys."""

    def reducer_override(self, obj: Any) -> Any:
        """See `pickle`."""
        made = LOCKS.get(type(obj))
        if made is None and isinstance(obj, rsa.RSAPrivateKey):
            plain = serialization.NoEncryption()
            der = obj.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)
            return _private_key, (der,)
        return (made, ()) if made else NotImplemented


def _private_key(der: bytes) -> Any:
    """A function of ours: the library's own are built in, and pickle does not find those by name.

    The key was right when it was written, into a file of our own: to prove it again would take fifty milliseconds.
    """
    return serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)


class Keeper:
    """Saves and loads. `lives` counts the processes that have kept this state."""

    def __init__(self, cloud: Cloud, dialect: Dialect, ledger: Ledger, file: str | None) -> None:
        self._cloud, self._dialect, self._ledger = cloud, dialect, ledger
        self._file = Path(file) if file else None
        self._changes = 0
        self._saved = 0
        self._writing = threading.Lock()
        self._snapshots: Path | None = None
        self.lives = 1

    def changed(self) -> None:
        """Something was executed: there may be something to save."""
        self._changes += 1

    @property
    def saved(self) -> bool:
        """Whether a SIGKILL would lose nothing."""
        return self._file is not None and self._saved == self._changes

    def begin(self) -> None:
        """Load what was left, and save from now on, when there is a file to do it in."""
        if self._file is None:
            return
        if self._file.exists():
            try:
                self._load(self._file)
            except Exception as error:
                raise SystemExit(
                    f"cannot begin with the state in {self._file}: {type(error).__name__}: {error}\n"
                    "Next: remove the file to begin with an empty cloud."
                ) from error
            self.lives += 1
        threading.Thread(target=self._keep, name="keeper", daemon=True).start()

    def end(self) -> None:
        """Save for the last time."""
        if self._file is not None and not self.saved:
            self._save(self._file)

    def save(self, name: str) -> str:
        """Save a snapshot under a name. Raises `ValueError` when that is not a plain one."""
        self._save(self._snapshot(name))
        return name

    def load(self, name: str) -> str:
        """Be again what a snapshot says. Raises `ValueError` when there is none of that name."""
        file = self._snapshot(name)
        if not file.exists():
            raise ValueError(f"no snapshot {name!r}")
        self._load(file)
        self.changed()
        return name

    def _snapshot(self, name: str) -> Path:
        # A name, never a path: whoever reaches the control interface must not choose what is unpickled.
        if not NAME.fullmatch(name):
            raise ValueError(f"not a snapshot's name: {name!r}")
        if self._snapshots is None:
            if self._file is not None:
                self._snapshots = self._file.with_name(self._file.name + ".snapshots")
                self._snapshots.mkdir(mode=0o700, exist_ok=True)
            else:
                self._scratch = tempfile.TemporaryDirectory(prefix="localcloud-")
                self._snapshots = Path(self._scratch.name)
        return self._snapshots / name

    def _keep(self) -> None:
        pause = 0.5
        while not self._cloud.stopping.wait(pause):
            if self._file is not None and not self.saved:
                began = time.monotonic()
                try:
                    self._save(self._file)
                except Exception:  # noqa: BLE001  # a long poll may move a queue under the pickler: the next time will do
                    traceback.print_exc(file=sys.stderr)
                pause = max(0.5, 20 * (time.monotonic() - began))  # a twentieth of our time at most

    def _save(self, file: Path) -> None:
        with self._writing:
            out = io.BytesIO()
            with self._cloud.lock:
                changes = self._changes
                Pickler(out, pickle.HIGHEST_PROTOCOL).dump(self._state())
            new = file.with_name(file.name + ".new")
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:  # noqa: PTH123  # the mode
                stream.write(out.getbuffer())
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
            self._saved = changes

    def _state(self) -> dict[str, Any]:
        cloud = self._cloud
        return {
            "version": (VERSION, cloud.name),
            "lives": self.lives,
            "seed": cloud.seed,
            "random": cloud.random.getstate(),
            "offset": cloud.clock.offset,
            "settings": dict(cloud.settings),
            "memory": cloud.memory,
            "ledger": self._ledger.dump(),
            "dialect": self._dialect.dump(),
        }

    def _load(self, file: Path) -> None:
        if file.stat().st_uid != os.getuid():
            raise ValueError(f"{file} belongs to somebody else, and loading it would run what they wrote into it")
        state = pickle.loads(file.read_bytes())  # noqa: S301  # our own file, as just made sure
        cloud = self._cloud
        if state["version"] != (VERSION, cloud.name):
            raise ValueError(f"{file} was written by another version: {state['version']}")
        with cloud.lock:
            cloud.random.setstate(state["random"])
            cloud.clock.step(max(timedelta(0), state["offset"] - cloud.clock.offset))
            cloud.settings.update(state["settings"])
            cloud.memory.clear()
            cloud.memory.update(state["memory"])
            self._ledger.load(state["ledger"])
            self._dialect.load(state["dialect"])
            self.lives = max(self.lives, state["lives"])

"""What a process is told by its environment: `TEMPORAL_*` as Temporal defines it, `HOLDFAST_*` as below.

| variable | default | meaning |
|---|---|---|
| `HOLDFAST_STORE` | `file:` under the user's data directory | where plans and observations lie |
| `HOLDFAST_CREDENTIALS` | none: each cloud's own chain | a file that says which credentials each scope has |
| `HOLDFAST_AZURE_ENDPOINT` | Azure's own | where Azure Resource Manager answers |
| `HOLDFAST_INSTALLATION` | `holdfast` | keeps two Holdfasts on one account apart; part of every owner mark |
| `HOLDFAST_THREADS` | `64` | acts a worker carries out at once |
| `HOLDFAST_BUILD` | none | the build's name, where workers are versioned |
| `HOLDFAST_LOG` | `info` | `debug`, `info`, `warning` or `error` |
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import InvalidInput

LEVELS = ("debug", "info", "warning", "error")
_INSTALLATION = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class Settings:
    """See the module. Every default is right for a first evening."""

    store: str
    installation: str = "holdfast"
    threads: int = 64
    log: str = "info"

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """From an environment, the process's own by default. Raises `InvalidInput` naming the variable."""
        found = os.environ if environment is None else environment
        installation = found.get("HOLDFAST_INSTALLATION", "holdfast")
        if not _INSTALLATION.fullmatch(installation):
            raise InvalidInput(
                f"HOLDFAST_INSTALLATION is {installation!r}",
                next="choose up to 31 lower-case letters, digits and hyphens, a letter first",
            )
        return cls(
            store=found.get("HOLDFAST_STORE") or f"file:{_data_home(found) / 'holdfast' / 'store'}",
            installation=installation,
            threads=_number(found, "HOLDFAST_THREADS", 64),
            log=_level(found, "HOLDFAST_LOG", "info"),
        )


def _data_home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or not 0 < int(text) <= 1000:  # noqa: PLR2004  more threads than that help nobody
        raise InvalidInput(f"{name} is {text!r}", next="give a whole number from 1 to 1000")
    return int(text)


def _level(environment: Mapping[str, str], name: str, default: str) -> str:
    text = environment.get(name, default)
    if text.lower() not in LEVELS:
        raise InvalidInput(f"{name} is {text!r}", next=f"say one of {', '.join(LEVELS)}")
    return text.lower()

"""What the parts of one local cloud share: clock, chance, settings, memory and the lock under which requests execute.

This is the seam between the core, which moves requests, and a cloud's models, which know what they mean. A cloud's
models are a module with:

- `install(cloud: Cloud) -> None`: called once, before the first request. Declares its settings, patches its backend.
- `world() -> dict[str, Json]`: everything that stands, normalised. Called with `cloud.lock` held. No side effects.
- `touched(service, action, parameters, response) -> list[str]`, optional: the ids that an executed mutation made or
  touched; `parameters` as in the ledger, `response` the answer's body as text. Without it the core guesses.

Rules of the seam:

- A request is executed by one thread at a time, with `cloud.lock` held: models need no locks of their own, and must
  never sleep. Whatever takes time is a moment remembered and compared with `cloud.clock.now()` when someone looks.
- What models remember beyond the backend's own objects is picklable and stands in `cloud.memory`: it is saved, loaded
  and reset with the rest. They look into `cloud.memory` each time, and keep no reference to what is inside.
- Chance comes from `cloud.random` only, so that a seed repeats a run.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Any, TypeAlias

from localcloud.core.clock import Clock

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Cloud:
    """See the module."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.name = name
        self.seed = seed
        self.clock = Clock()
        self.random = random.Random(seed)
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.settings: dict[str, Json] = {}  # read them each time: control changes them at any moment
        self.memory: dict[str, Any] = {}
        self._defaults: dict[str, Json] = {}
        self._meanings: dict[str, str] = {}

    def declare(self, setting: str, default: Json, meaning: str) -> None:
        """Make a setting known, with what it is when nobody has set it. Its name says its unit: `pending_seconds`."""
        self._defaults[setting] = default
        self._meanings[setting] = meaning
        self.settings.setdefault(setting, default)

    @property
    def meanings(self) -> dict[str, str]:
        """Every declared setting and what it means."""
        return dict(self._meanings)

    def change(self, settings: Mapping[str, Json]) -> None:
        """Set several at once. Raises `ValueError` for one that is not declared, and then sets none."""
        unknown = sorted(set(settings) - set(self._defaults))
        if unknown:
            raise ValueError(f"no such setting: {', '.join(unknown)}; there are: {', '.join(sorted(self._defaults))}")
        with self.lock:
            self.settings.update(settings)

    def reset(self) -> None:
        """Back to the seed: settings as declared, an empty memory, the same chances again. The clock stays."""
        with self.lock:
            self.random.seed(self.seed)
            self.memory.clear()
            self.settings.clear()
            self.settings.update(self._defaults)

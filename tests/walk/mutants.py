"""The walk with one line wrong: loaded from its own source beside the sound one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import workflows.walk

HOME = Path(workflows.walk.__file__).parent
PARTS = ("words", "tasks", "memory", "probe", "walk")  # each may import those before it
_numbers = count()


@dataclass(frozen=True, slots=True)
class Mutation:
    """One line of one file, and what to write in its place."""

    file: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}: {self.old.strip()} -> {self.new.strip()}"

    @property
    def places(self) -> int:
        """How often the line stands in the file: exactly once, or the list is out of date."""
        return _source(self.file).count(self.old)


@contextmanager
def mutant(mutation: Mutation) -> Iterator[Any]:
    """The class `Walk` with the mutation, under a package name of its own."""
    package = f"mutant_{next(_numbers)}"
    try:
        for part in PARTS:
            text = _source(part)
            if part == mutation.file:
                text = text.replace(mutation.old, mutation.new)
            for other in PARTS:
                text = text.replace(f"from workflows.walk.{other} import", f"from {package}.{other} import")
            module = sys.modules[f"{package}.{part}"] = ModuleType(f"{package}.{part}")
            exec(compile(text, f"{package}/{part}.py", "exec"), module.__dict__)  # noqa: S102  our own source
        yield sys.modules[f"{package}.walk"].Walk
    finally:
        for part in PARTS:
            sys.modules.pop(f"{package}.{part}", None)


def _source(part: str) -> str:
    return (HOME / f"{part}.py").read_text(encoding="utf-8")

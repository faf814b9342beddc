"""Which kinds there are: every file of a provider's folder, and whatever installed packages bring.

A kind is found by being there. Nothing is listed by hand, so a new kind is one new file.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import lru_cache, partial
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from activities import providers
from holdfast.catalog import Catalog
from holdfast.contract import KINDS_ENTRY_POINT
from holdfast.resource import DataType, ResourceType


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Every kind this installation knows. Imports no SDK, and a cloud's kinds only when one of them is asked for.

    Raises `Broken` when a kind is declared twice: at once, since who brings kinds may have taken one of ours.
    """
    later = {cloud.name: partial(_of, cloud.name) for cloud in pkgutil.iter_modules(providers.__path__)}
    brought = [thing() for module in _brought() for thing in declared(module)]
    known = Catalog(brought, later)
    if brought:
        len(known.kinds)
    return known


def declared(module: ModuleType) -> Iterator[type[Any]]:
    """The kinds that a module itself declares: complete subclasses, not what it imports."""
    for thing in vars(module).values():
        is_kind = inspect.isclass(thing) and issubclass(thing, ResourceType | DataType)
        if is_kind and thing.__module__ == module.__name__ and not inspect.isabstract(thing) and hasattr(thing, "kind"):
            yield thing


def _of(cloud: str) -> Iterator[Any]:
    package = importlib.import_module(f"{providers.__name__}.{cloud}.kinds")
    for kind in pkgutil.iter_modules(package.__path__):
        for thing in declared(importlib.import_module(f"{package.__name__}.{kind.name}")):
            yield thing()


def _brought() -> Iterator[ModuleType]:
    for entry in entry_points(group=KINDS_ENTRY_POINT):
        module = entry.load()
        if not inspect.ismodule(module):
            raise TypeError(f"the entry point {entry.name} of {KINDS_ENTRY_POINT} must name a module")
        yield module

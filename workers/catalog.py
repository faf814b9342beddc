"""Which kinds there are: every file of a provider's folder, and whatever installed packages bring.

A kind is found by being there. Nothing is listed by hand, so a new kind is one new file.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from activities import providers
from holdfast.catalog import Catalog
from holdfast.contract import KINDS_ENTRY_POINT
from holdfast.resource import DataType, ResourceType


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Every kind this installation knows. Imports no SDK. Raises `Broken` when a kind is declared twice."""
    found = [thing for module in _modules() for thing in declared(module)]
    kinds = [thing() for thing in found if issubclass(thing, ResourceType)]
    data = [thing() for thing in found if issubclass(thing, DataType)]
    return Catalog(kinds, data)


def declared(module: ModuleType) -> Iterator[type[Any]]:
    """The kinds that a module itself declares: complete subclasses, not what it imports."""
    for thing in vars(module).values():
        is_kind = inspect.isclass(thing) and issubclass(thing, ResourceType | DataType)
        if is_kind and thing.__module__ == module.__name__ and not inspect.isabstract(thing) and hasattr(thing, "kind"):
            yield thing


def _modules() -> Iterator[ModuleType]:
    for cloud in pkgutil.iter_modules(providers.__path__):
        package = importlib.import_module(f"{providers.__name__}.{cloud.name}.kinds")
        for kind in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"{package.__name__}.{kind.name}")
    for entry in entry_points(group=KINDS_ENTRY_POINT):
        module = entry.load()
        if not inspect.ismodule(module):
            raise TypeError(f"the entry point {entry.name} of {KINDS_ENTRY_POINT} must name a module")
        yield module

"""Which kinds there are: every file of a provider's folder, and whatever installed packages bring.

A kind is found by being there. Nothing is listed by hand, so a new kind is one new file.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import lru_cache, partial
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from activities import providers
from holdfast.catalog import Catalog
from holdfast.contract import KINDS_ENTRY_POINT
from holdfast.errors import Broken
from holdfast.resource import DataType, ResourceType


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Every kind this installation knows. Imports no SDK, and a cloud's kinds only when one of them is asked for.

    Raises `Broken` when a kind is declared twice: at once, since who brings kinds may have taken one of ours. Or when
    what a package brings cannot be used, naming the package.
    """
    later = {cloud.name: partial(_of, cloud.name) for cloud in pkgutil.iter_modules(providers.__path__)}
    brought = [kind for entry in entry_points(group=KINDS_ENTRY_POINT) for kind in _brought(entry)]
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


def _brought(entry: EntryPoint) -> list[Any]:
    """The kinds that an installed package brings. Raises `Broken` naming it, when there are none to be had of it."""
    try:
        module = entry.load()
    except (Exception, SystemExit) as error:  # whatever a stranger's module does when it is read
        raise _unusable(entry, f"cannot be read: {type(error).__name__}: {error}") from error
    if not inspect.ismodule(module):
        raise _unusable(entry, "is no module")
    try:
        kinds = [thing() for thing in declared(module)]
    except Exception as error:
        raise _unusable(entry, f"has a kind that cannot be made: {type(error).__name__}: {error}") from error
    if not kinds:
        raise _unusable(entry, "declares no kind: no complete subclass of `ResourceType` or `DataType` of its own")
    return kinds


def _unusable(entry: EntryPoint, why: str) -> Broken:
    package = entry.dist.name if entry.dist else ""
    whose = f"{package} {entry.dist.version}" if entry.dist else "an installed package"
    return Broken(
        f"{entry.value}, which {whose} names as `{entry.name}` in {KINDS_ENTRY_POINT}, {why}",
        standing="no kind is known until that is settled, and nothing was touched",
        next=f"mend or uninstall {package or 'that package'}",
    )

"""A secret is only ever a reference: where it lies, never what it is.

`Secret("env:DB_PASSWORD")` travels as `{"$secret": "env:DB_PASSWORD"}` and prints as `•••`. The activity that needs the
value reads it at the moment of the act and lets go of it; `reveal` marks the places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

MARK = "$secret"
HIDDEN = "•••"

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\x00-\x1f\x7f]+")


class Secret:
    """A value that nobody here knows. A value itself: two are equal when they point to one place.

    Raises `ValueError` for anything that is not a reference, without repeating it: it may be the secret.
    """

    __slots__ = ("reference",)
    reference: str

    def __init__(self, reference: str) -> None:
        if not is_reference(reference):
            raise ValueError("not a reference to a secret (env:NAME or file:/path)")
        object.__setattr__(self, "reference", reference)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Secret does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash((MARK, self.reference))

    def __str__(self) -> str:
        return HIDDEN

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self.reference,)

    @property
    def scheme(self) -> str:
        """How to read it: `env` or `file`."""
        return self.reference.partition(":")[0]

    @property
    def name(self) -> str:
        """What to read: the variable's name, or the file's path."""
        return self.reference.partition(":")[2]


def is_reference(text: object) -> bool:
    """Whether a value says where a secret lies: `env:NAME` or `file:/path`."""
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def reveal(value: Any, read: Callable[[Secret], str]) -> Any:
    """The value with every `Secret` in it read. What comes back is for one call of an SDK, and goes nowhere else."""
    if isinstance(value, Secret):
        return read(value)
    if isinstance(value, dict):
        return {k: reveal(v, read) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [reveal(v, read) for v in value]
    return value


def veil(shown: Any, written: Any) -> Any:
    """What a cloud shows, with the `Secret` in the place of whatever it shows of one that was written there."""
    if isinstance(written, Secret):
        return written
    if isinstance(shown, dict) and isinstance(written, dict):
        return {k: veil(v, written.get(k)) for k, v in shown.items()}
    if isinstance(shown, list) and isinstance(written, list) and len(shown) == len(written):
        return [veil(one, other) for one, other in zip(shown, written, strict=True)]
    return shown


def hide(shown: Any, written: Any) -> Any:
    """What a cloud shows, readable to anybody: whatever it shows of a `Secret` that was written there is `HIDDEN`.

    In a list that holds one all is hidden that is text, since a cloud may show it in another order.
    """
    if isinstance(written, Secret):
        return HIDDEN
    if isinstance(shown, dict) and isinstance(written, dict):
        return {k: hide(v, written.get(k)) for k, v in shown.items()}
    return _blank(shown) if has_secret(written) else shown


def has_secret(value: Any) -> bool:
    """Whether any part of a value is a `Secret`."""
    return any(True for _ in secrets(value))


def secrets(value: Any) -> Iterator[Secret]:
    """Every `Secret` in a value."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from secrets(part)


def _blank(shown: Any) -> Any:
    if isinstance(shown, dict):
        return {k: _blank(v) for k, v in shown.items()}
    if isinstance(shown, list):
        return [_blank(v) for v in shown]
    return HIDDEN if isinstance(shown, str) else shown

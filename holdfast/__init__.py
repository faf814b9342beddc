"""Decide what must change, purely: no I/O, no clock, no randomness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.document.builder import Stack

__all__ = ["Stack"]


def __getattr__(name: str) -> Any:
    """`holdfast.Stack`, imported when it is first asked for: workflows import this package and never a parser."""
    if name == "Stack":
        from holdfast.document.builder import Stack  # noqa: PLC0415  that is what the function is for

        return Stack
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

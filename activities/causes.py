"""What an error came of, and what that came of: each once, also where one is named as its own cause."""

from __future__ import annotations

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """The errors behind an error, the nearest first."""
    met = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in met:
        yield cause
        met.add(id(cause))
        cause = cause.__cause__ or cause.__context__

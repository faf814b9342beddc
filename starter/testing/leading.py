"""Where the door leads, for as long as a test takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def leading_to(
    environment: Mapping[str, str], forget: Callable[[], None], *, without: tuple[str, ...] = ()
) -> Iterator[None]:
    """The door leads to the local cloud that the environment names. `forget`: closes and forgets the door's clients.

    `without`: how the names of variables begin that are not there meanwhile, since they would lead elsewhere.
    """
    kept = dict(os.environ)
    for name in [name for name in kept if name.startswith(without)]:
        del os.environ[name]
    os.environ.update(environment)
    forget()
    try:
        yield
    finally:
        forget()
        os.environ.clear()
        os.environ.update(kept)

"""Reads a secret at the moment of the act, on the worker, for one call of an SDK; and keeps it out of what is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from activities.causes import causes
from holdfast.errors import HoldfastError, InvalidInput, NotYet, from_letter
from holdfast.secret import HIDDEN, Secret, secrets

SHORTEST = 4  # characters: whatever is shorter stands in any sentence
TOLD = ("happened", "standing", "next", "code")  # of a letter: what may be the cloud's own words


def read_secret(secret: Secret) -> str:
    """The value behind a reference. Raises `InvalidInput`, naming the reference and never a value."""
    if secret.scheme == "env":
        value = os.environ.get(secret.name)
        if value is not None:
            return value
        raise InvalidInput(
            f"this worker's environment has no variable {secret.name}",
            next="set it where the worker is started; the document refers to it as a secret",
        )
    try:
        return Path(secret.name).read_text().rstrip("\n")
    except OSError as error:
        raise InvalidInput(
            f"the secret's file {secret.name} cannot be read on this worker: {error.strerror}",
            next="mount it where the worker runs",
        ) from error


def values(written: Any, read: Callable[[Secret], str] = read_secret) -> Iterator[str]:
    """What lies behind every reference in it, where it can be read here: for `without` alone, and for nobody else."""
    for secret in set(secrets(written)):
        with suppress(Exception):  # what is wrong with it, whoever needs it says; here it would hide what is to be told
            yield read(secret)


def without(text: str, clear: Iterable[str]) -> str:
    """A text without the values of secrets, however their quotes and ends of lines are written in it."""
    forms = {form for value in clear if len(value) >= SHORTEST for form in _forms(value)}
    for form in sorted(forms, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(form, HIDDEN)
    return text


def hushed(error: HoldfastError, clear: Iterable[str]) -> HoldfastError | None:
    """The error without the values of secrets, and without its cause; None when neither holds any.

    A cloud that refuses a value likes to repeat it, and what it says goes into a letter, and so into history.
    """
    letter, known = error.letter, list(clear)
    said = {name: without(getattr(letter, name), known) for name in TOLD}
    heard = [*(getattr(letter, name) for name in TOLD), *map(str, causes(error))]
    if all(without(text, known) == text for text in heard):
        return None
    quiet = from_letter(letter.model_copy(update=said))
    if isinstance(quiet, NotYet):
        quiet.after = getattr(error, "after", None)
    return quiet


def _forms(value: str) -> set[str]:
    """How a text may stand in another: as it is, or with its quotes and ends of lines escaped."""
    return {value, repr(value)[1:-1], json.dumps(value)[1:-1]}

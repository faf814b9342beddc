"""Reads a secret at the moment of the act, on the worker, for one call of an SDK."""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.errors import NotFound
from holdfast.secret import Secret


def read_secret(secret: Secret) -> str:
    """The value behind a reference. Raises `NotFound`, naming the reference and never a value."""
    if secret.scheme == "env":
        value = os.environ.get(secret.name)
        if value is not None:
            return value
        raise NotFound(
            f"this worker's environment has no variable {secret.name}",
            next="set it where the worker is started; the document refers to it as a secret",
        )
    try:
        return Path(secret.name).read_text().rstrip("\n")
    except OSError as error:
        raise NotFound(
            f"the secret's file {secret.name} cannot be read on this worker: {error.strerror}",
            next="mount it where the worker runs",
        ) from error

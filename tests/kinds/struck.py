"""What is to be struck, as the parameters of a test."""

from __future__ import annotations

from typing import Any

import pytest

from starter.testing.benches import kinds, verbs_of


def struck(cloud: str) -> list[Any]:
    """Every verb of every kind of a cloud, to be struck: slow, since each takes a hundred losses."""
    return [pytest.param(k, verb, marks=pytest.mark.slow) for k in kinds(cloud) for verb in verbs_of(k)]

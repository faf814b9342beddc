"""The local Google Cloud answers as the real one did, when it was recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.localcloud.google_parts import LocalGcp
from tests.localcloud.google_traces import Replay, read

FIXTURES = os.environ.get("HOLDFAST_FIXTURES")
TRACES = sorted((Path(FIXTURES) / "gcp-traces").glob("*.log")) if FIXTURES else []


@pytest.mark.fixtures
@pytest.mark.skipif(not TRACES, reason="HOLDFAST_FIXTURES names no directory with recordings of Google Cloud")
@pytest.mark.parametrize("trace", TRACES, ids=lambda file: file.stem)
def test_a_recording(gcp: LocalGcp, trace: Path) -> None:
    """Every request of a recording is answered with its status, its fields and their values."""
    assert Replay(gcp).run(read(trace)) == []

"""What a person is told who waits: for a worker, for a cloud, or for a run that is not there."""

from __future__ import annotations

import pytest

from holdfast.contract import Exit
from tests.starter.conftest import Place

pytestmark = [pytest.mark.timeout(120)]


def test_a_plan_says_what_it_waits_for(place: Place) -> None:
    """A cloud that refuses to be read, and a queue that nobody works on, are named while `plan` and `up` wait."""
    place.cloud.control.refuse("ServiceUnavailable", status=503, action="DescribeVpcs")
    file = place.document()
    planned = place.ask("plan", file, "--timeout", "6s", "-o", "json")
    assert planned.code == planned.json["exit"] == Exit.timed_out
    assert f"{place.stack}: planning, asks again: AWS refused DescribeVpcs" in planned.err
    assert place.ask("up", file, "--yes", "--timeout", "6s").err.count("asks again: AWS refused DescribeVpcs")
    assert "asks again: AWS refused DescribeVpcs" in place.ask("status", place.stack).out
    running = place.ask("report", f"{place.stack}-1")
    assert running.code == Exit.not_found
    assert f"holdfast watch {place.stack}-1" in running.err
    unknown = place.ask("watch", f"{place.stack}-3")
    assert unknown.code == Exit.not_found
    assert f"there is no run {place.stack}-3" in unknown.err
    assert place.ask("cancel", f"{place.stack}-1").code == Exit.done

"""Running work survives our changes: what workflows did once, they would do again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from holdfast.plan import Step
from workers.composition import WORKFLOWS
from workers.plugin import HoldfastPlugin
from workflows.walk.memory import Memory, Node

HISTORIES = Path(__file__).parent / "histories"
NAMES = ("arbiter", "calm", "cancel", "pause", "recover", "resolve", "rollback")


def _recorded(name: str) -> WorkflowHistory:
    written = json.loads((HISTORIES / f"{name}.json").read_text())
    return WorkflowHistory.from_json(written["workflow_id"], written["history"])


def _replayer() -> Replayer:
    return Replayer(workflows=WORKFLOWS, plugins=[HoldfastPlugin()])


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_run_is_replayed(name: str) -> None:
    """Today's workflows make the decisions that a recorded history holds, in its order.

    When this fails, work that is under way somewhere would stop. Guard the change with `workflow.patched`; only when no
    release has run the old way, record anew (`python -m tests.replay.record`).
    """
    await _replayer().replay_workflow(_recorded(name))


async def test_another_order_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that takes back in the order in which it went forward is not what was recorded: the replay says so."""
    take = Memory.take_returning

    def forward(self: Memory) -> Node | None:
        found = take(self)
        if found is None:
            return None
        step: Step = found.step
        others = [n for n in self.nodes.values() if n.stands and n.step.seq < step.seq]
        return others[0] if others else found

    monkeypatch.setattr(Memory, "take_returning", forward)
    with pytest.raises(Exception, match="TMPRL1100"):
        await _replayer().replay_workflow(_recorded("rollback"))


def test_every_recording_is_replayed() -> None:
    """No recorded history lies about unused, and none is too large to read."""
    found = sorted(HISTORIES.glob("*.json"))
    assert [p.stem for p in found] == list(NAMES)
    assert all(p.stat().st_size < 200_000 for p in found)

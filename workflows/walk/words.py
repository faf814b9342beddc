"""What the walk says: how it returned, what it asks, and the letters that nobody else can write."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from holdfast.errors import Letter
from holdfast.plan import Step

GONE = "Gone"  # what an undo answers when nothing can bring back what the act removed
INTERRUPTED = "Interrupted"  # the cloud took the request, and gave up on it for a passing reason


class Ending(StrEnum):
    """Why the walk returned."""

    finished = "finished"
    drained = "drained"  # on request, half way: go on from the journal


@dataclass(frozen=True, slots=True)
class Question:
    """Something an operator has to say: about a failed act, or about a failed undo."""

    step: Step
    letter: Letter
    back: bool


def cut_off(step: Step) -> Letter:
    """To whoever finds a step that was stopped half way."""
    return _unknown(step, f"{step.verb} {step.address} was cut off before it came to an end")


def unseen(step: Step) -> Letter:
    """To whoever finds a step that this execution never sent, and one before its reset may have."""
    return _unknown(step, f"{step.verb} {step.address} may have been sent before this run was reset, and was not since")


def uncertain(letter: Letter) -> Letter:
    """The same letter, about a repeated delivery, or an undo: it does not say that the act had no effect."""
    return letter.model_copy(update={"certain": False}) if letter.certain else letter


def _unknown(step: Step, happened: str) -> Letter:
    return Letter(
        error="Cancelled",
        happened=happened,
        address=step.address,
        standing="whether it took effect is not known",
        next=f"`holdfast resolve {step.address} retry`, or `rollback`",
    )

"""What the walk is given: callables that change the world, and the one way in which they may fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from holdfast.act import Done
from holdfast.errors import Letter
from holdfast.model import JsonValue
from holdfast.plan import Step


class Failed(Exception):
    """An act, or its undo, came to an end without success; asking again by itself will not help."""

    def __init__(self, letter: Letter) -> None:
        super().__init__(letter.happened)
        self.letter = letter


@dataclass(frozen=True, slots=True)
class Order:
    """One step, with what the walk knows at the moment it is to be done or undone."""

    step: Step
    inputs: dict[str, JsonValue] = field(default_factory=dict)  # "ADDRESS#OUTPUT" -> value
    gives: tuple[str, ...] = ()  # outputs that later steps or the report wait for
    remote_id: str | None = None
    generation: int = 0
    repeated: bool = False  # this (the act, or its undo) may have reached the cloud before
    refused: bool = False  # the act was refused at its first delivery, by an answer: it had no effect
    unmade: bool = False  # and nobody sent it again, also in what a reset has cut off: nothing can have come of it
    renamed: dict[str, str] = field(default_factory=dict)  # ids that died -> ids that stand for them now
    handle: str | None = None  # the cloud's operation that the step began last
    anew: int = 0  # how often its request was made anew
    given_up: int = 0  # and how often because the cloud had taken it and given up, since somebody last asked for it


class Hands(Protocol):
    """How the walk reaches the world.

    Each call returns when the world has answered, or raises `Failed`. A cancelled call first waits until its request
    can do nothing more that we would not see, and then returns or raises as if it had not been cancelled, or raises
    `CancelledError`: the outcome is then unknown, and the step counts as sent.
    """

    async def act(self, order: Order) -> Done:
        """Ask the cloud for it. `Done.status` says whether there is anything left to settle."""
        ...

    async def settle(self, order: Order, back: bool) -> Done:
        """Wait until what `act` (or, when `back`, `undo`) asked for stands, or is gone. Only looks."""
        ...

    async def undo(self, order: Order) -> Done:
        """Take the step back, whether or not it ever had an effect. `Failed` with a letter of `Gone` means lost."""
        ...

    def moved(self, seq: int) -> None:
        """A step's fate has changed; somebody may want to draw the tree again."""
        ...

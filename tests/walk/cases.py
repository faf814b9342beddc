"""Random plans, with everything that can go wrong on the way, from one seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from holdfast.contract import Answer, OnFailure
from holdfast.model import Address, Scope
from holdfast.plan import Step, UndoLabel, Verb
from tests.walk.world import CALM, Delivery, Effect, Part, Reply


class Wish(StrEnum):
    """What a person, or the history's length, may wish at any moment."""

    cancel = "cancel"
    keep = "keep"
    drain = "drain"


@dataclass(frozen=True, slots=True)
class Case:
    """One plan, one world, one course of events."""

    steps: tuple[Step, ...]
    parts: dict[int, Part] = field(default_factory=dict)
    on_failure: OnFailure = OnFailure.rollback
    wishes: tuple[tuple[int, Wish], ...] = ()  # (turn, wish), in order
    answers: tuple[Answer, ...] = ()  # in turn; then everything is skipped
    patience: int = 2  # turns between an answer and the next


def step(
    seq: int,
    after: Sequence[int] = (),
    *,
    verb: Verb = Verb.create,
    undo: UndoLabel = UndoLabel.exact,
) -> Step:
    """A step on a resource of its own."""
    return Step(
        seq=seq,
        verb=verb,
        address=Address("shop", "aws.thing", f"r{seq}"),
        scope=Scope("aws", "1", "eu-west-1"),
        digest=f"{seq:040d}",
        after=tuple(after),
        undo=undo,
        needs=tuple((base, "id") for base in after if verb is Verb.create),
    )


def random_case(seed: int, size: int, on_failure: OnFailure, *, wild: float = 0.5) -> Case:
    """A case of so many steps; `wild` is how likely each kind of trouble is."""
    dice = random.Random(f"{seed}/{size}/{on_failure}/{wild}")
    trouble = dice.choice([0.1, 0.3, 0.6]) * wild * 2
    density, labels = dice.choice([1, 2, 4]) / max(size, 4), dice.choice([[10, 3, 1, 1], [4, 1, 2, 2]])
    steps = tuple(_step(seq, dice, density, labels) for seq in range(size))
    parts = {s.seq: _part(dice, trouble) for s in steps}
    moods = random.Random(f"{seed}/given up")  # of their own, so that every other plan stays as it was
    return Case(
        steps=steps,
        parts={seq: _given_up(part, moods, trouble / 2) for seq, part in parts.items()},
        on_failure=on_failure,
        wishes=_wishes(dice, size),
        answers=tuple(dice.choice(list(Answer)) for _ in range(dice.randint(0, 12))),
        patience=dice.randint(0, 4),
    )


def calm(case: Case) -> Case:
    """The same plan on a day when nothing goes wrong and nobody interferes; only the timing stays."""

    def smooth(delivery: Delivery) -> Delivery:
        return replace(
            CALM,
            before=delivery.before,
            after=delivery.after,
            settle=delivery.settle,
            reply=Reply.pending if delivery.reply is Reply.pending else Reply.ready,
        )

    parts = {seq: replace(p, acts=tuple(map(smooth, p.acts)), undos=(), idle=False) for seq, p in case.parts.items()}
    return replace(case, parts=parts, wishes=(), answers=())


def _step(seq: int, dice: random.Random, density: float, labels: Sequence[int]) -> Step:
    verb = dice.choices(list(Verb), [8, 4, 3, 2, 1, 1])[0]
    undo = dice.choices(list(UndoLabel), labels)[0]
    return step(seq, [base for base in range(seq) if dice.random() < density], verb=verb, undo=undo)


def _part(dice: random.Random, trouble: float) -> Part:
    return Part(
        acts=tuple(_delivery(dice, trouble) for _ in range(3)),
        undos=tuple(_delivery(dice, trouble / 2) for _ in range(3)),
        idle=dice.random() < 0.1,
    )


def _given_up(part: Part, dice: random.Random, trouble: float) -> Part:
    def some(deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
        return tuple(replace(d, interrupted=dice.random() < trouble) for d in deliveries)

    return replace(part, acts=some(part.acts), undos=some(part.undos))


def _delivery(dice: random.Random, trouble: float) -> Delivery:
    bad = dice.random() < trouble
    return Delivery(
        before=dice.randint(0, 3),
        after=dice.randint(0, 3),
        effect=dice.choice(list(Effect)) if bad else Effect.now,
        reply=dice.choice(list(Reply)) if bad else dice.choice([Reply.ready, Reply.ready, Reply.pending]),
        cut=dice.random() < 0.6,
        late=dice.randint(1, 12),
        unseen=dice.random() < 0.5,
        settle=dice.randint(1, 6),
        settles=dice.random() >= trouble / 2,
    )


def _wishes(dice: random.Random, size: int) -> tuple[tuple[int, Wish], ...]:
    last = 8 + 6 * size
    drains = [(dice.randint(0, last), Wish.drain) for _ in range(dice.choice([0, 0, 1, 2, 5]))]
    people = [(dice.randint(0, last), Wish.cancel) for _ in range(dice.random() < 0.3)]
    people += [(dice.randint(0, last), Wish.keep) for _ in range(dice.random() < 0.2)]
    return tuple(sorted(drains + people))

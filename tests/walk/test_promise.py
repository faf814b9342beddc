"""The promise of the walk, on random plans with random trouble."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.contract import OnFailure
from tests.walk.cases import random_case
from tests.walk.judge import broken_promises
from tests.walk.play import play, play_recover, play_reset

SEEDS = st.integers(0, 2**32)
SMALL = st.integers(1, 12)
LARGE = st.integers(13, 60)
MODES = st.sampled_from(list(OnFailure))
TURNS = st.integers(0, 60)
WILD = st.sampled_from([0.2, 0.5, 0.9])


def examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many examples, the same on every day and every machine."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=quiet)


@examples(1_600)
@given(SEEDS, SMALL, WILD)
def test_rollback_keeps_the_promise(seed: int, size: int, wild: float) -> None:
    """Whatever fails, is cut off, arrives late or is drained, a run that rolls back ends as the promise says."""
    assert broken_promises(play(random_case(seed, size, OnFailure.rollback, wild=wild))) == []


@examples(1_300)
@given(SEEDS, SMALL, WILD)
def test_pause_keeps_the_promise(seed: int, size: int, wild: float) -> None:
    """Whatever an operator answers, a run that pauses ends as the promise says."""
    assert broken_promises(play(random_case(seed, size, OnFailure.pause, wild=wild))) == []


@examples(700)
@given(SEEDS, SMALL, WILD)
def test_keep_keeps_the_promise(seed: int, size: int, wild: float) -> None:
    """A run that goes on after failures names each of them, and each step that they left out."""
    assert broken_promises(play(random_case(seed, size, OnFailure.keep, wild=wild))) == []


@examples(1_000)
@given(SEEDS, SMALL, MODES, TURNS, WILD)
def test_a_reset_keeps_the_promise(seed: int, size: int, mode: OnFailure, turn: int, wild: float) -> None:
    """What was sent in a history that was reset away is adopted, undone or named, although no journal tells of it."""
    assert broken_promises(play_reset(random_case(seed, size, mode, wild=wild), turn)) == []


@examples(700)
@given(SEEDS, SMALL, MODES, TURNS, WILD)
def test_a_recover_run_keeps_the_promise(seed: int, size: int, mode: OnFailure, turn: int, wild: float) -> None:
    """What a terminated run had sent is undone or named by the run after it, which knows of no outcome."""
    assert broken_promises(play_recover(random_case(seed, size, mode, wild=wild), turn)) == []


@examples(60)
@given(SEEDS, LARGE, MODES, WILD)
def test_larger_plans_keep_the_promise(seed: int, size: int, mode: OnFailure, wild: float) -> None:
    """The promise does not depend on how many steps there are."""
    assert broken_promises(play(random_case(seed, size, mode, wild=wild / 2))) == []


@examples(150)
@given(SEEDS, SMALL, MODES)
def test_a_replay_finds_the_same_order(seed: int, size: int, mode: OnFailure) -> None:
    """The same plan in the same world is walked by the same calls in the same order: history can be replayed."""
    first, second = (play(random_case(seed, size, mode)) for _ in range(2))
    assert first.world.record == second.world.record
    assert first.world.moves == second.world.moves
    assert first.walk.journal() == second.walk.journal()


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("mode", list(OnFailure))
def test_many_plans_keep_the_promise(mode: OnFailure) -> None:
    """The promise holds on twenty thousand plans more."""
    for seed in range(20_000 // 9):
        size = 1 + seed % (60 if seed % 20 == 0 else 12)
        case = random_case(-1 - seed, size, mode)
        for played in (play(case), play_reset(case, seed % 61), play_recover(case, seed % 61)):
            assert broken_promises(played) == [], f"seed {-1 - seed}, size {size}"

"""The laws that every kind answers to, for authors of kinds here and in other packages.

    bench = Bench(MyKind(), my_catalog, my_ground, activities.testing.hands)
    for violation in violations(bench):
        print(violation)    # my.kind breaks "No call waits: …": its create sleeps for 3 s

What a law needs of a kind is in the kind: its `example`, a document's resources, and its `trials`, another value for
each mutable field. What it needs of a cloud is a `Ground`; what carries acts out is given as `Hands`, since the kernel
knows no protocol. `starter.testing` brings both, and the local clouds.

`LAWS` judge a kind calmly, and struck in single places; `verbs` and `losses` strike every request of every verb in
every way. Each finding is one sentence that names kind, law and what was seen. A test runs them one by one:

    @pytest.mark.parametrize("law", LAWS)
    def test_a_law(bench, law):
        assert not broken(bench, law)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.errors import HoldfastError
from holdfast.testing.laws import allowing, changing, hiding, losing, making, reading, saying, wording
from holdfast.testing.laws.bench import Bench
from holdfast.testing.laws.ground import Delivery, Ground, Hands, Loss, Thing
from holdfast.testing.laws.losing import losses
from holdfast.testing.laws.verbs import verbs
from holdfast.testing.world import Killed

__all__ = [
    "LAWS",
    "Bench",
    "Delivery",
    "Ground",
    "Hands",
    "Loss",
    "Thing",
    "Violation",
    "broken",
    "lost",
    "verbs",
    "violations",
]

Law = Callable[[Bench], Iterator[str]]

LAWS: Mapping[str, Law] = {
    law.__name__: law
    for law in (
        saying.example_is_accepted,
        saying.declarations_agree,
        saying.mutable_fields_have_trials,
        saying.specs_survive_json,
        saying.permissions_name_every_verb,
        allowing.requests_are_within_permissions,
        wording.marks_are_not_a_documents,
        wording.descriptions_come_back,
        hiding.secrets_are_references,
        reading.reading_changes_nothing,
        reading.what_is_made_is_found,
        reading.outputs_are_as_declared,
        reading.nothing_is_absent,
        making.creating_twice_makes_one,
        making.asking_twice_makes_one,
        making.a_spent_token_makes_nothing,
        making.the_marks_are_there_at_once,
        making.strangers_are_left_alone,
        making.a_killed_create_is_completed,
        making.nothing_is_open_before_the_end,
        making.no_call_waits,
        changing.settled_means_equal,
        changing.created_with_trials_means_equal,
        changing.updates_reach_the_cloud,
        changing.updates_write_nothing_else,
        changing.updates_are_taken_back,
        changing.deleting_twice_is_deleting_once,
        changing.marks_are_all_that_adopting_writes,
        changing.operations_are_taken_back,
        losing.what_was_just_done_is_taken_back,
        losing.what_is_left_out_comes_back,
    )
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken law."""

    kind: str
    law: str  # the law's own sentence
    seen: str

    def __str__(self) -> str:
        return f"{self.kind} breaks “{self.law}”: {self.seen}"


def broken(bench: Bench, law: str) -> list[Violation]:
    """How a kind breaks one of `LAWS`. Whatever a kind raises out of turn is a violation as well."""
    return _judged(bench, LAWS[law].__doc__ or law, LAWS[law](bench))


def lost(bench: Bench, verb: str) -> list[Violation]:
    """How a kind fails when the requests of one of its `verbs` are lost."""
    return _judged(bench, losses.__doc__ or "", losses(bench, verb, verbs(bench.kind)[verb]))


def violations(bench: Bench) -> Iterator[Violation]:
    """Every law, and every loss of every verb."""
    for law in LAWS:
        yield from broken(bench, law)
    for verb in verbs(bench.kind):
        yield from lost(bench, verb)


def _judged(bench: Bench, law: str, findings: Iterator[str]) -> list[Violation]:
    sentence = " ".join(law.split()).rstrip(".")
    found: list[Violation] = []
    try:
        found.extend(Violation(bench.kind.kind, sentence, seen) for seen in findings)
    except (Exception, Killed) as error:  # noqa: BLE001  whatever a kind raises is what was seen
        said = error.letter.happened if isinstance(error, HoldfastError) else str(error)
        found.append(Violation(bench.kind.kind, sentence, f"{type(error).__name__}: {said}"))
    return found

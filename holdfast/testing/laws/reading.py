"""Laws about looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from holdfast.resource import Status
from holdfast.testing.laws.bench import Bench, bears_marks, changed


def reading_changes_nothing(bench: Bench) -> Iterator[str]:
    """`observe`, `find`, `find_all` and `discover` change nothing."""
    seen = bench.stands()
    call = bench.call(seen.token or "")
    at = replace(call, remote_id=seen.remote_id)
    reads: dict[str, Callable[[], Any]] = {
        "observe": lambda: bench.kind.observe(at),
        "find": lambda: bench.kind.find(call),
        "find_all": lambda: list(bench.kind.find_all([call, call])),
        "discover": lambda: [list(bench.kind.discover(bench.search(owner))) for owner in (None, bench.call("").owner)],
    }
    for name, read in reads.items():
        before, asked = bench.standing(), len(bench.ground.asked())
        read()
        sent = [a for a in bench.ground.asked()[asked:] if bench.ground.mutates(a)]
        if sent:
            yield f"{name} asked for {', '.join(sent)}"
        for difference in changed(before, bench.standing()):
            yield f"after {name}, {difference}"


def what_is_made_is_found(bench: Bench) -> Iterator[str]:
    """What was made is seen by `observe`, `find` and `discover` alike, with its owner, address and token; what bears no
    marks, by `observe` and `find` where it is claimed.
    """
    bench.begin()
    token = bench.token()
    made = bench.kind.create(bench.call(token))
    bench.ground.rest()
    made = bench.look(made.remote_id)  # whose id may be another, where the cloud gives it only when it has made it
    call = bench.call(token, remote_id=made.remote_id)
    looks = {"observe": [bench.kind.observe(call)], "find": bench.kind.find(replace(call, remote_id=None))}
    if bears_marks(bench.kind):
        looks["discover"] = [o for o in bench.kind.discover(bench.search()) if o.remote_id == made.remote_id]
    for name, seen in looks.items():
        if [o.remote_id for o in seen] != [made.remote_id]:
            yield f"{name} shows {[o.remote_id for o in seen]}, and {made.remote_id} was made"
            continue
        marks = {"owner": seen[0].owner, "address": seen[0].address, "token": seen[0].token}
        wanted = {"owner": str(call.owner), "address": str(call.address), "token": token}
        for mark in (m for m in wanted if marks[m] != wanted[m]):
            yield f"{name} says that its {mark} is {marks[mark]!r}; it was made with {wanted[mark]!r}"
    strangers = list(bench.kind.discover(bench.search(replace(call.owner, stack="other"))))
    if strangers:
        yield f"discover for another owner shows {[o.remote_id for o in strangers]}"


def outputs_are_as_declared(bench: Bench) -> Iterator[str]:
    """What stands gives every output that its kind declares, and no other."""
    seen = bench.stands()
    declared, given = set(bench.kind.outputs), set(seen.outputs)
    if declared - given:
        yield f"it declares {', '.join(sorted(declared - given))}, and what stands does not give it"
    if given - declared:
        yield f"it gives {', '.join(sorted(given - declared))}, which it does not declare"
    strange = set(seen.properties) - set(bench.kind.spec.model_fields)
    if strange:
        yield f"it shows {', '.join(sorted(strange))}, which its spec has not"


def nothing_is_absent(bench: Bench) -> Iterator[str]:
    """What has gone is observed as absent, without an error."""
    seen = bench.stands()
    bench.kind.delete(bench.call(seen.token or "", seen.remote_id))
    bench.ground.rest()
    status = bench.look(seen.remote_id).status
    if status is not Status.absent:
        yield f"{seen.remote_id} was deleted, and is observed as {status}"
    found = bench.kind.find(bench.call(seen.token or ""))
    if any(o.stands for o in found):
        yield f"{seen.remote_id} was deleted, and find shows it"

"""Laws about a person's own words: tags and labels that are never our marks, descriptions that come back as written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TAG_PREFIX, TOKEN_TAG
from holdfast.document.problems import InvalidDocument
from holdfast.plan import FieldChange
from holdfast.resource import Carrier
from holdfast.testing.laws.bench import Bench
from holdfast.testing.laws.ground import Thing
from holdfast.testing.laws.saying import mutable

_THIEF: Final = "thief"
_KEYS: Final = (OWNER_TAG, f"{TAG_PREFIX}stack")  # what one cloud or another knows us by
_WORDS: Final = (" for people", "for people \n", "\t for people, [holdfast] ")


def marks_are_not_a_documents(bench: Bench) -> Iterator[str]:
    """Nothing that a document may say is a mark of ours: `check` refuses it, in any case, and no verb writes it."""
    if bench.kind.carrier is Carrier.description:
        try:
            bench.bound({"description": f"ours [{OWNER_TAG}={_THIEF}/{_THIEF} {ADDRESS_TAG}={_THIEF} {TOKEN_TAG}=]"})
        except InvalidDocument:
            pass
        else:
            yield "check accepts a description that reads as another owner's"
    field = bench.kind.tagged
    if field is None:
        return
    for key in (*_KEYS, OWNER_TAG.upper(), OWNER_TAG.title()):
        try:
            bench.bound({field: {key: _THIEF}})
        except InvalidDocument:
            continue
        yield f"check accepts {key!r} in {field}"
    given = dict.fromkeys(_KEYS, _THIEF)
    bench.begin()
    call = bench.call(bench.token())
    call = replace(call, spec=call.wanted.model_copy(update={field: given}))
    bench.settled(bench.kind, replace(call, remote_id=bench.kind.create(call).remote_id))
    for told in _stolen(bench.added()):
        yield f"its create wrote {told}"
    if field not in mutable(bench):
        return
    seen = bench.stands()
    call = bench.call(bench.token(), seen.remote_id, before=bench.live(seen))
    changes = [FieldChange(path=f"{field}.{key}", before=None, after=_THIEF) for key in given]
    bench.kind.update(replace(call, spec=call.wanted.model_copy(update={field: given}), changes=changes))
    bench.ground.rest()
    for told in _stolen(bench.added()):
        yield f"its update wrote {told}"


def _stolen(things: Iterable[Thing]) -> Iterator[str]:
    for thing in things:
        for name, value in thing.marks.items():
            if name.lower().startswith(TAG_PREFIX) and value == _THIEF:
                yield f"{name} onto {thing.kind} {thing.id}"


def descriptions_come_back(bench: Bench) -> Iterator[str]:
    """A description that `check` accepts comes back equal: it is no change to the resource that was made with it."""
    if "description" not in bench.kind.spec.model_fields:
        return
    for words in _WORDS:
        over: dict[str, Any] = {"description": words}
        try:
            bench.bound(over)
        except InvalidDocument:
            continue
        bench.begin()
        seen = bench.made(over)
        for change in bench.kind.diff(bench.spec(over), bench.spec(over), bench.live(seen)):
            yield f"made with {words!r}, {change.path} stands as {change.before!r} where {change.after!r} was asked"

"""What stands after a run, and what is owed: the ledger and the report, from the plan and the walk's journal.

Pure. The cloud's own marks are the truth; a ledger that is wrong makes the next plan look twice, and nothing worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import JsonValue

from holdfast.act import Sweep
from holdfast.contract import State
from holdfast.errors import Letter
from holdfast.model import Address, Owner, Scope
from holdfast.plan import Action, Plan, Verb
from holdfast.run import Entry, Fate, Journal, Ledger, Owed, Trace
from holdfast.values import freeze, has_unknown, resolve, thaw

_HAPPENED = frozenset({Fate.done, Fate.unchanged, Fate.kept, Fate.stuck, Fate.settling, Fate.failed, Fate.lost})
_LEFT = frozenset({Fate.stuck, Fate.kept, Fate.lost, Fate.skipped})


def applied_specs(plan: Plan, journal: Journal) -> dict[str, JsonValue]:
    """What was last applied, by address: the next three-way diff compares with it."""
    known = outputs_of(plan, journal)
    traces = {t.seq: t for t in journal.traces}
    specs: dict[str, JsonValue] = {str(s.address): s.spec for s in plan.standing if s.spec}
    for action in plan.actions:
        trace = traces.get(action.seq)
        if trace is not None and trace.fate in _HAPPENED and action.verb in {Verb.create, Verb.update, Verb.adopt}:
            spec = resolve(thaw(action.spec), known)
            specs[str(action.address)] = freeze({k: v for k, v in spec.items() if not has_unknown(v)})
    return specs


def outputs_of(plan: Plan, journal: Journal) -> dict[str, JsonValue]:
    """Every output that an act gave, by its pointer."""
    addresses = {a.seq: a.address for a in plan.actions}
    return {f"{addresses[t.seq]}#{name}": value for t in journal.traces for name, value in t.outputs.items()}


def ledger_after(ledger: Ledger, plan: Plan, journal: Journal, *, run: str, specs: str, ended: bool) -> Ledger:
    """The ledger once the walk has come to its end. `specs` is the digest of `applied_specs` in the store.

    `ended` says that the run did all it was asked; only then do its outputs replace the old ones. What a run that went
    back did not touch is as the ledger knew it: that something else was asked of it is taken back as well.
    """
    entries = {(e.address, e.remote_id): e for e in ledger.entries}
    gone = {d.address for d in plan.drift if d.gone}
    entries = {key: e for key, e in entries.items() if e.address not in gone}
    for left in plan.standing:
        key = (left.address, left.remote_id)
        old = entries.get(key)
        if old is not None and journal.backwards:
            continue
        entries[key] = Entry(
            address=left.address,
            scope=left.scope,
            remote_id=left.remote_id,
            token=left.token,
            spec=specs if left.spec else (old.spec if old else ""),
            depends_on=left.depends_on,
            run=old.run if old else run,
            on_remove=left.on_remove,
            protect=left.protect,
        )
    traces = {t.seq: t for t in journal.traces}
    for action in plan.actions:
        trace = traces.get(action.seq)
        if trace is not None:
            _account(entries, action, trace, run, specs)
    standing = _known_once(entries.values())
    if not ended:
        return Ledger(entries=standing, outputs=ledger.outputs, sensitive_outputs=ledger.sensitive_outputs)
    outputs = resolve(thaw(plan.outputs), outputs_of(plan, journal))
    return Ledger(
        entries=standing,
        outputs={name: value for name, value in outputs.items() if not has_unknown(value)},
        sensitive_outputs=plan.sensitive_outputs,
    )


def _known_once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Each resource under its newest address: a rename leaves the older one behind."""
    known: dict[tuple[Scope, str, str], Entry] = {}
    for entry in entries:
        key = (entry.scope, entry.address.kind, entry.remote_id)
        known.pop(key, None)  # so that the order stays that of the newest
        known[key] = entry
    return tuple(known.values())


def _account(entries: dict[tuple[Address, str], Entry], action: Action, trace: Trace, run: str, specs: str) -> None:
    address, old_id = action.address, action.remote_id or ""
    stands = trace.fate in _HAPPENED and trace.sent
    match action.verb:
        case Verb.create:
            if stands and trace.remote_id:
                entries[address, trace.remote_id] = _entry(action, trace.remote_id, run, specs)
            elif trace.remote_id:
                entries.pop((address, trace.remote_id), None)
        case Verb.update | Verb.adopt:
            key = address, (trace.remote_id if action.verb is Verb.adopt else old_id) or old_id
            if stands:
                owed = trace.fate in _LEFT
                before = _known(entries, action, key[1]) if owed else None
                entries[key] = _entry(action, key[1], run, specs).model_copy(update={"owed": owed, "before": before})
            elif trace.fate is Fate.undone and key in entries and entries[key].owed:
                before = entries.pop(key).before
                if before is not None:
                    entries[before.address, before.remote_id] = before
        case Verb.operate:
            return  # the ledger does not say what state a resource is in
        case Verb.delete:
            if trace.fate in {Fate.done, Fate.unchanged, Fate.lost}:
                entries.pop((address, old_id), None)
            elif trace.fate is Fate.undone and trace.remote_id not in {None, old_id}:
                fresh = _made_anew(entries, action, trace.remote_id or "", run)
                entries[fresh.address, fresh.remote_id] = fresh
        case Verb.disown:
            if trace.fate in {Fate.done, Fate.unchanged}:
                entries.pop((address, old_id), None)


def _made_anew(entries: dict[tuple[Address, str], Entry], action: Action, remote_id: str, run: str) -> Entry:
    """What the ledger knows of a resource that stands again under another id. Its old one goes, whoever bore it."""
    known = next((e for e in entries.values() if _is_of(e, action, remote_id)), None)
    if known is not None:  # from the run that brought it back
        return known
    dead = {key: e for key, e in entries.items() if _is_of(e, action, action.remote_id or "")}
    for key in dead:
        del entries[key]
    if not dead:
        return _entry(action, remote_id, run, "")
    old = list(dead.values())[-1]
    before = old.before.model_copy(update={"remote_id": remote_id}) if old.before else None
    return old.model_copy(update={"remote_id": remote_id, "run": run, "before": before})


def _is_of(entry: Entry, action: Action, remote_id: str) -> bool:
    mine = action.scope, action.address.kind, remote_id
    return (entry.scope, entry.address.kind, entry.remote_id) == mine


def _known(entries: Mapping[tuple[Address, str], Entry], action: Action, remote_id: str) -> Entry | None:
    """What the ledger knew of a resource before a run, under whichever name. Of what is owed already, what it knew
    before that.
    """
    old = next((e for e in entries.values() if _is_of(e, action, remote_id)), None)
    return old.before if old is not None and old.owed else old


def _entry(action: Action, remote_id: str, run: str, specs: str) -> Entry:
    return Entry(
        address=action.address,
        scope=action.scope,
        remote_id=remote_id,
        token=action.token or "",
        spec=specs,
        depends_on=action.depends_on,
        run=run,
        on_remove=action.on_remove,
        protect=action.protect,
    )


def owed_after(
    plan: Plan, journal: Journal, *, run: str, plan_id: str, execution: str, state: State
) -> tuple[Owed, ...]:
    """Every resource that the run left for somebody to look at."""
    if state is not State.owed:
        return ()
    actions, name = {a.seq: a for a in plan.actions}, plan.digest
    because = {fate: _because(fate, journal, actions) for fate in _LEFT}
    renamed = {died: stands for t in journal.traces for died, stands in t.renamed.items()}
    return tuple(
        Owed(
            address=actions[t.seq].address,
            fate=t.fate,
            verb=actions[t.seq].verb,
            letter=t.letter or because[t.fate],
            run=run,
            plan=name,
            plan_id=plan_id,
            execution=execution,
            trace=t.model_copy(update={"renamed": renamed}) if renamed else t,  # whoever takes it back has to know
            back=journal.backwards,
        )
        for t in journal.traces
        if t.fate in _LEFT
    )


def _because(fate: Fate, journal: Journal, actions: Mapping[int, Action]) -> Letter:
    stuck = [str(actions[t.seq].address) for t in journal.traces if t.fate in {Fate.stuck, Fate.lost}]
    why = {
        Fate.kept: "it stands because of",
        Fate.skipped: "it was never begun because of",
    }.get(fate, "it could not be finished beside")
    return Letter(error="Kept", happened=f"{why} {', '.join(stuck) or 'a request to stop'}")


def sweeps_after(plan: Plan, journal: Journal, *, owner: Owner, plan_id: str) -> tuple[Sweep, ...]:
    """Where a request of this plan might still arrive late and make something: one sweep a scope."""
    sent = {t.seq for t in journal.traces if t.sent}
    made: dict[Any, set[str]] = {}
    for action in plan.actions:
        returned = action.verb is Verb.delete and journal.backwards  # taking a delete back makes something as well
        if action.seq in sent and (action.verb is Verb.create or returned):
            made.setdefault(action.scope, set()).add(action.address.kind)
    name = plan.digest
    return tuple(
        Sweep(scope=scope, owner=owner, kinds=tuple(sorted(kinds)), plan=name, plan_id=plan_id)
        for scope, kinds in sorted(made.items())
    )


def tally(traces: Iterable[Trace], total: int) -> dict[str, int]:
    """How many steps came to each fate; those without a trace were never begun."""
    counts: dict[str, int] = {}
    for trace in traces:
        counts[trace.fate.value] = counts.get(trace.fate.value, 0) + 1
    untouched = total - sum(counts.values())
    return counts | ({Fate.waiting.value: untouched} if untouched else {})

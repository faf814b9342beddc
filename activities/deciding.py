"""The decisions of the control queue: what to read, what to do, and what stands afterwards. They reach no cloud.

The decision runs here, in an activity, so that its result is history: kinds, rules and planners may change on any day
without breaking a run that is under way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import JsonValue
from temporalio import activity

from activities.letters import told
from activities.plans import Plans
from holdfast.act import Asked, Look, Rehearsal
from holdfast.catalog import Catalog
from holdfast.contract import Activity, Operation, State
from holdfast.desired import Goal
from holdfast.document import bind_text
from holdfast.document.problems import NO_SUCH_KIND, NO_SUCH_LOOK_UP, InvalidDocument, closest
from holdfast.errors import InUse, InvalidInput, Refused
from holdfast.ledger import applied_specs, ledger_after, owed_after, sweeps_after, tally
from holdfast.model import Address, Scope
from holdfast.packed import Packed, pack, unpack
from holdfast.plan import Plan, Verb, skeleton
from holdfast.planners.converge import Facts, converge
from holdfast.planners.targets import looked_up_by, reached, scopes_of, told_of
from holdfast.resource import Observation, Safety
from holdfast.run import Closing, Decision, Draft, Journal, Ledger, Report, Request, Source, Survey
from holdfast.secret import has_secret
from holdfast.store import Store
from holdfast.values import freeze, has_unknown, thaw


class Deciding:
    """What needs the catalog and the store, and nothing else."""

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog, self._store = catalog, store
        self._plans = Plans(store)
        self._read: tuple[tuple[Packed, str], Goal] | None = (
            None  # the newest document: a plan is made of what was just surveyed
        )

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return [self.survey, self.plan, self.show, self.record]

    @activity.defn(name=Activity.survey, no_thread_cancel_exception=True)
    def survey(self, draft: Draft) -> Survey:
        """What has to be read before this request can be planned."""
        return told("surveying", lambda: self._survey(draft))

    @activity.defn(name=Activity.plan, no_thread_cancel_exception=True)
    def plan(self, draft: Draft) -> Decision:
        """The plan, kept in the store; the walk is given its skeleton."""
        return told("planning", lambda: self._plan(draft))

    @activity.defn(name=Activity.show, no_thread_cancel_exception=True)
    def show(self, digest: str) -> Packed:
        """A plan, whole."""
        return told("reading the plan", lambda: pack(self._plans.whole(digest)))

    @activity.defn(name=Activity.record, no_thread_cancel_exception=True)
    def record(self, closing: Closing) -> Report:
        """What stands now, and what is owed."""
        return told("recording", lambda: self._record(closing))

    # --- before ------------------------------------------------------------------------------------------------

    def _survey(self, draft: Draft) -> Survey:
        goal = self._goal(draft.request)
        ledger = unpack(draft.ledger, Ledger)
        if lacking := [e.address.kind for e in ledger.entries if e.address.kind not in self._catalog]:
            raise _lacks(lacking)
        needed = self._needed(draft, goal, ledger)
        kinds: defaultdict[Scope, set[str]] = defaultdict(set)
        known: defaultdict[Scope, list[tuple[str, str]]] = defaultdict(list)
        wanted: defaultdict[Scope, dict[str, JsonValue]] = defaultdict(dict)
        for entry in ledger.entries:
            kinds[entry.scope].add(entry.address.kind)
            known[entry.scope].append((str(entry.address), entry.remote_id))
        for owed in draft.owed:
            # A create whose answer never came is in no ledger, and may stand all the same.
            kinds[self._plans.action(owed.plan, owed.trace.seq).scope].add(owed.address.kind)
        held = {entry.address for entry in ledger.entries}
        made = [self._account(desired.address.kind, desired.spec) for desired in (goal.resources if goal else ())]
        for desired in goal.resources if goal else ():
            kinds[desired.scope].add(desired.address.kind)
            by_name = self._catalog[desired.address.kind].safety is Safety.by_name
            if by_name and desired.address not in held and not has_unknown(desired.spec):
                wanted[desired.scope][str(desired.address)] = freeze(desired.spec)
            if desired.address == draft.request.subject and draft.request.remote_id:
                known[desired.scope].append((str(desired.address), draft.request.remote_id))
        secret = self._secret(goal, ledger)
        hiding = self._store.put(secret) if secret else None
        looks = (
            Look(
                scope=scope,
                kinds=tuple(sorted(names)),
                owner=draft.request.owner,
                known=tuple(known[scope]),
                wanted=self._store.put(wanted[scope]) if wanted[scope] else None,
                hiding=hiding,
                making=(scope.cloud, scope.account) in made,
            )
            for scope, names in sorted(kinds.items())
            if needed is None or scope in needed
        )
        asked = (
            Asked(name=d.name, kind=d.kind, scope=d.scope, filter=d.filter)
            for d in (goal.data if goal else ())
            if needed is None or d.scope in needed
        )
        return Survey(
            looks=tuple(looks),
            asked=tuple(asked),
            stacks=goal.uses if goal else (),
            ask_readers=draft.request.operation is Operation.down and bool(ledger.outputs),
        )

    def _needed(self, draft: Draft, goal: Goal | None, ledger: Ledger) -> set[Scope] | None:
        """The scopes that the request's targets are about; None where all have to be read."""
        facts = self._request(draft.request, goal, ledger)
        about = reached(facts)
        if about is None:
            return None
        needed = {scope for address, scopes in scopes_of(facts).items() if address in about for scope in scopes}
        named = {name for d in (goal.resources if goal else ()) if d.address in about for name in looked_up_by(d)}
        named |= {name for names in told_of(facts, about) for name in names}
        needed |= {d.scope for d in (goal.data if goal else ()) if f"data.{d.name}" in named}
        unheard = (o for o in draft.owed if o.address in about)
        return needed | {self._plans.action(o.plan, o.trace.seq).scope for o in unheard}

    def _account(self, kind: str, spec: Mapping[str, Any]) -> tuple[str, Any] | None:
        """The account that a resource is, as a scope names it."""
        field = self._catalog[kind].names_account
        return (kind.partition(".")[0], spec.get(field)) if field else None

    def _secret(self, goal: Goal | None, ledger: Ledger) -> dict[str, JsonValue]:
        """The specs with a secret in them: what was last applied, and what shall be. By address, to hide by."""
        found: defaultdict[str, list[JsonValue]] = defaultdict(list)
        applied = ((address, thaw(spec)) for address, spec in self._last_applied(ledger).items())
        desired = ((d.address, d.spec) for d in (goal.resources if goal else ()))
        for address, spec in (*applied, *desired):
            if has_secret(spec):
                found[str(address)].append(freeze(spec))
        return dict(found)

    def _goal(self, request: Request) -> Goal | None:
        if request.source is None:
            return None
        read, asked = self._read, (request.source, request.installation)
        if read is None or read[0] != asked:
            source = unpack(request.source, Source)
            try:
                goal = bind_text(source.text, source.file, self._catalog, source.parameters, request.installation)
            except InvalidDocument as wrong:
                lacking = [p.seen for p in wrong.problems if p.message in {NO_SUCH_KIND, NO_SUCH_LOOK_UP} and p.seen]
                if lacking:
                    raise _lacks(lacking, f"; {wrong.letter.happened}") from wrong
                raise
            self._read = read = asked, goal
        return read[1]

    def _plan(self, draft: Draft) -> Decision:
        if draft.readers:
            raise InUse(
                f"{draft.request.stack} is not taken down: its outputs are read by {', '.join(draft.readers)}",
                standing="nothing was touched",
                next=f"take {' and '.join(draft.readers)} down first, or bring it up without these outputs",
            )
        plan = converge(self._catalog, self._facts(draft))
        digest = self._plans.keep(plan)
        return Decision(
            skeleton=pack(skeleton(plan)),
            unconfirmed=plan.unconfirmed(draft.request.confirmed),
            rehearsals=self._rehearsals(plan, digest, draft.request),
        )

    def _rehearsals(self, plan: Plan, digest: str, request: Request) -> tuple[Rehearsal, ...]:
        """One create of each kind whose cloud can say beforehand, by scope: what one may, the others of it may too."""
        first: defaultdict[Scope, dict[str, int]] = defaultdict(dict)
        for action in plan.actions:
            can_say = action.verb is Verb.create and self._catalog[action.address.kind].rehearses
            if can_say and not has_unknown(thaw(action.spec)):
                first[action.scope].setdefault(action.address.kind, action.seq)
        return tuple(
            Rehearsal(scope=scope, owner=request.owner, plan=digest, seqs=tuple(seqs.values()))
            for scope, seqs in sorted(first.items())
        )

    def _facts(self, draft: Draft) -> Facts:
        request, ledger = draft.request, unpack(draft.ledger, Ledger)
        observations: defaultdict[Address, list[Observation]] = defaultdict(list)
        found_in: dict[Address, Scope] = {}
        for digest, look in zip(draft.seen, draft.looks, strict=True):
            rows: Any = self._store.get(digest)
            for row in rows:
                if row["address"]:
                    address = Address.parse(row["address"])
                    observations[address].append(Observation.model_validate(row["observation"]))
                    found_in[address] = look.scope
        facts = self._request(request, self._goal(request), ledger)
        return replace(
            facts,
            observations={a: tuple(seen) for a, seen in observations.items()},
            last_applied=self._last_applied(ledger),
            looked_up=draft.looked_up,
            stack_outputs=draft.stack_outputs,
            found_in=found_in,
            read=frozenset(look.scope for look in draft.looks) if reached(facts) is not None else None,
        )

    def _request(self, request: Request, goal: Goal | None, ledger: Ledger) -> Facts:
        """What is asked for, before anybody has looked. Raises `InvalidInput` for an address that cannot be one."""
        known = (*(d.address for d in (goal.resources if goal else ())), *(e.address for e in ledger.entries))
        subject = request.subject
        taking = request.operation is Operation.adopt and subject is not None and request.remote_id is not None
        return Facts(
            owner=request.owner,
            goal=goal,
            ledger=ledger,
            targets=tuple(self._addresses(request.targets, request.stack, known)),
            replace=tuple(self._addresses(request.replace, request.stack, known)),
            adopt={subject: request.remote_id or ""} if taking and subject else {},
            forget=frozenset({subject} if request.operation is Operation.forget and subject else ()),
            refresh_only=request.refresh_only,
            operation=request.operation,
        )

    def _last_applied(self, ledger: Ledger) -> dict[Address, Any]:
        maps: dict[str, Any] = {
            digest: self._store.get(digest) for digest in {e.spec for e in ledger.entries if e.spec}
        }
        return {
            e.address: maps[e.spec][str(e.address)] for e in ledger.entries if str(e.address) in maps.get(e.spec, {})
        }

    @staticmethod
    def _addresses(written: Iterable[str], stack: str, known: Iterable[Address]) -> Iterable[Address]:
        """Addresses as people give them: whole, without the stack, or by the name alone. Raises `InvalidInput`."""
        named = {address.name: address for address in known}
        for text in written:
            if text in named:
                yield named[text]
                continue
            try:
                yield Address.parse(text if text.startswith(f"{stack}/") else f"{stack}/{text}")
            except ValueError:
                near = closest(text.rpartition("/")[2], named)
                raise InvalidInput(
                    f"{text!r} is no resource of {stack}",
                    standing="nothing was touched",
                    next=f"did you mean {named[near]}?" if near else "give its name, or KIND/NAME as in aws.vpc/main",
                ) from None

    # --- after -------------------------------------------------------------------------------------------------

    def _record(self, closing: Closing) -> Report:
        charge, request = closing.charge, closing.charge.request
        journal = unpack(closing.journal, Journal)
        plan = self._plans.whole(closing.plan)
        before = unpack(charge.ledger, Ledger)
        specs = applied_specs(plan, journal)
        whole = closing.state in {State.done, State.unchanged} and not plan.partial and not journal.backwards
        ledger = ledger_after(
            before, plan, journal, run=charge.run, specs=self._store.put(specs) if specs else "", ended=whole
        )
        ledger = ledger.model_copy(update={"uses": self._uses(before, closing, whole=whole)})
        owed = owed_after(
            plan, journal, run=charge.run, plan_id=closing.plan_id, execution=closing.execution, state=closing.state
        )
        still = {o.address for o in owed}
        walked = {t.seq for t in journal.traces}
        # Whoever brings the whole stack about settles what an earlier run left; others, what they walked over again.
        mine = (o for o in charge.owed if whole or (o.plan == closing.plan and o.trace.seq in walked))
        settled = tuple(o.address for o in mine if o.address not in still)
        return Report(
            run=charge.run,
            stack=request.stack,
            operation=request.operation,
            state=closing.state,
            identity=request.identity,
            plan=closing.plan,
            plan_id=closing.plan_id,
            counts=plan.counts,
            started=charge.started,
            ended=closing.ended,
            cause=journal.cause,
            owed=owed,
            settled=settled,
            fates=tally(journal.traces, len(plan.actions)),
            ledger=pack(ledger),
            outputs={} if request.operation is Operation.down else _shown(ledger),
            sensitive_outputs=ledger.sensitive_outputs,
            warnings=plan.warnings,
            sweeps=sweeps_after(plan, journal, owner=request.owner, plan_id=closing.plan_id),
        )

    def _uses(self, before: Ledger, closing: Closing, *, whole: bool) -> tuple[str, ...]:
        """The stacks whose outputs went into what stands now: what is in doubt counts, what was taken back does not."""
        request = closing.charge.request
        goal = self._goal(request)
        if goal is None:
            return () if whole and request.operation is Operation.down else before.uses
        if whole:
            return goal.uses
        taken_back = closing.state in {State.undone, State.cancelled}
        return before.uses if taken_back else tuple(dict.fromkeys((*before.uses, *goal.uses)))


def _lacks(kinds: Iterable[str], more: str = "") -> Refused:
    """Whoever asks may know kinds that this worker does not: then it is not the document that has to change."""
    return Refused(
        f"this worker knows no kind {', '.join(dict.fromkeys(kinds))}{more}",
        standing="nothing was touched",
        next="install the package that brings it where `holdfast worker` runs, and start that again; "
        "`holdfast kinds` lists what is known there",
    )


def _shown(ledger: Ledger) -> dict[str, JsonValue]:
    return {name: value for name, value in ledger.outputs.items() if name not in ledger.sensitive_outputs}

"""What a request for some targets is about: what must be read for them, and what is then left unread.

What nobody has read is as the ledger says: it is not decided about, and nothing it does not show is missing from it.
A scope is read whole or not at all, so that whatever stands in one is decided about as without targets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from holdfast.desired import Desired
from holdfast.errors import HoldfastError, InvalidInput
from holdfast.graph import Graph
from holdfast.model import Address, Scope
from holdfast.planners.courses import listed
from holdfast.planners.facts import Facts
from holdfast.values import pointers

_NOT_OURS = ("data.", "stack.")  # how what refers to no resource of the stack begins


def reached(facts: Facts) -> frozenset[Address] | None:
    """The targets, what they stand on, and what stands on them: all that has to be read. None: everything has.

    That is so without targets, where every resource is held anyway, and for a target that neither goal nor ledger
    names: it may stand all the same, and bear our marks. Pure, and asks for no observation.
    """
    if not facts.targets or facts.holds:
        return None
    wanted, moved = facts.wanted(), facts.moved()
    every = dict.fromkeys([*wanted, *(e.address for e in facts.ledger.entries)])
    errors: list[HoldfastError] = []
    targets = named(facts.targets, every, errors, "target")
    if errors:
        return None
    # Of a rename, both names are one: what is asked of the new one is done to what stands at the old one.
    renames = {old: new for old, new in moved.items() if new in wanted}
    needs: defaultdict[Address, list[Address]] = defaultdict(list)
    for address, desired in wanted.items():
        needs[address] += below(desired)
    goal = Graph(needs)
    for entry in facts.ledger.entries:
        needs[renames.get(entry.address, entry.address)] += [renames.get(a, a) for a in entry.depends_on]
    either = Graph(needs)
    starts = {renames.get(a, a) for a in targets}
    found = goal.below(starts) | starts
    again = found & {renames.get(a, a) for a in named(facts.replace, every, [], "replace")}
    found |= either.above(starts | again)
    # What an output tells beside one of these is read too: an output is told whole, or stays as it was.
    beside = {Address.parse(n) for names in told_of(facts, found) for n in names if not n.startswith(_NOT_OURS)}
    found |= beside | goal.below(beside)
    return frozenset(found | {old for old, new in renames.items() if new in found})


def told_of(facts: Facts, about: Collection[Address]) -> Iterator[set[str]]:
    """What each output names that tells of any of these: addresses, look-ups and stacks."""
    for value in facts.goal.outputs.values() if facts.goal else ():
        names = {p.partition("#")[0] for p in pointers(value)}
        if any(not n.startswith(_NOT_OURS) and Address.parse(n) in about for n in names):
            yield names


def scopes_of(facts: Facts) -> dict[Address, set[Scope]]:
    """Where each address of goal and ledger stands, or shall."""
    found: defaultdict[Address, set[Scope]] = defaultdict(set)
    for address, desired in facts.wanted().items():
        found[address].add(desired.scope)
    for entry in facts.ledger.entries:
        found[entry.address].add(entry.scope)
    return dict(found)


def unread(facts: Facts) -> frozenset[Address]:
    """What is not decided about, since it stands where nobody has looked, or on something that does."""
    if facts.read is None:
        return frozenset()
    wanted = facts.wanted()
    heard = {pointer.partition("#")[0] for pointer in facts.looked_up}
    dark = {a for a, scopes in scopes_of(facts).items() if not scopes <= facts.read}
    dark |= {a for a, d in wanted.items() if any(name not in heard for name in looked_up_by(d))}
    dark |= {new for old, new in facts.moved().items() if old in dark}
    dark |= Graph({a: below(d) for a, d in wanted.items()}).above(dark)
    return frozenset(dark | {old for old, new in facts.moved().items() if new in dark})


def below(desired: Desired) -> tuple[Address, ...]:
    """What a resource stands on, stated and referenced alike."""
    referenced = (p.partition("#")[0] for p in pointers(desired.spec))
    within = (Address.parse(r) for r in referenced if not r.startswith(_NOT_OURS))
    return tuple(dict.fromkeys([*desired.depends_on, *within]))


def looked_up_by(desired: Desired) -> tuple[str, ...]:
    """The look-ups that a resource refers to: `data.linux`."""
    return tuple(name for p in pointers(desired.spec) if (name := p.partition("#")[0]).startswith("data."))


def named(
    names: Iterable[Address], among: Mapping[Address, object], errors: list[HoldfastError], what: str
) -> set[Address]:
    """The addresses that were named; `app` stands for every `app[…]`. Appends an error for each that names nothing."""
    by_base: dict[Address, list[Address]] = {}
    for address in among:
        by_base.setdefault(Address(address.stack, address.kind, address.base), []).append(address)
    found: set[Address] = set()
    for name in names:
        meant = [name] if name in among else by_base.get(name, [])
        if not meant:
            errors.append(
                InvalidInput(
                    f"there is no {name} to {what}",
                    address=name,
                    next=f"there are {listed(among)}" if among else "the document is empty",
                )
            )
        found.update(meant)
    return found

"""The decision, as data: what to do, where, after what, and how to take it back.

A plan holds no open choices. The whole of it lies in the store under its digest; the walk sees only its `Skeleton`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field, JsonValue

from holdfast.model import Address, Scope, Wire
from holdfast.values import pointers, thaw

_PLANS = uuid5(NAMESPACE_URL, "holdfast:plan")


class Verb(StrEnum):
    """What an act does to a cloud. *Replace* is not one: it is a create and a delete."""

    create = "create"
    update = "update"
    delete = "delete"
    operate = "operate"
    adopt = "adopt"
    disown = "disown"

    @property
    def sign(self) -> str:
        """The one character that stands for it in summaries and plans."""
        return {
            "create": "+",
            "update": "~",
            "delete": "-",
            "operate": "!",
            "adopt": "<",
            "disown": ">",
        }[self.value]


class UndoLabel(StrEnum):
    """How well an act can be taken back."""

    exact = "exact"
    lossy = "lossy"
    needs_snapshot = "needs-snapshot"
    irreversible = "irreversible"

    @property
    def returns(self) -> bool:
        """Whether the walk may take the act back by itself. Past an act that does not return it never walks back."""
        return self in {UndoLabel.exact, UndoLabel.lossy}


class Undo(Wire):
    """How one act is taken back; chosen by the planner, shown before anybody approves."""

    label: UndoLabel
    verb: Verb
    operation: str | None = None
    nothing: bool = False  # there is nothing to take back: a reboot, a wait
    note: str = ""  # what is lost, in words, unless the label is `exact`


class FieldChange(Wire):
    """One field that differs: `path` is dotted, `tags.cost-center` for a member of a map."""

    path: str
    before: JsonValue = None
    after: JsonValue = None  # an Unknown in its frozen form while it waits for another act
    replaces: bool = False  # the field is immutable: it can only change with the resource


class Action(Wire):
    """One step of a plan, whole. It lies in the store under `digest`; history holds its `Step`."""

    seq: int
    verb: Verb
    address: Address
    scope: Scope
    operation: str | None = None  # of `operate`: the operation's name
    spec: dict[str, JsonValue] = Field(default_factory=dict)  # what shall stand, frozen; for a delete: what stood
    before: dict[str, JsonValue] | None = None  # the before-image: live, canonical; None where nothing stood
    changes: tuple[FieldChange, ...] = ()
    remote_id: str | None = None  # known while planning: of everything but a create
    token: str | None = None  # the token that what stands now was made with, where something stands
    gave: dict[str, JsonValue] = Field(default_factory=dict)  # the outputs of what stands now, where something stands
    generation: int = 0  # rises when a person intends a re-create
    after: tuple[int, ...] = ()
    depends_on: tuple[Address, ...] = ()  # what the resource stands on, for the ledger: a later `down` needs it
    undo: Undo
    reason: str = ""  # one line for a person
    reason_code: str = ""  # Terraform's action_reason, where it has one
    replaces: bool = False  # one half of a replace
    deposed: bool = False  # the old half of a create-first replace
    settle_within: timedelta | None = None  # the document's own wish; the kind's otherwise
    protect: bool = False  # for the ledger, as the document says
    on_remove: str = "delete"  # for the ledger, as the document says

    @property
    def digest(self) -> str:
        """The name this action lies under in the store."""
        return digest(self)


class Step(Wire):
    """What the walk sees of an action: at most 300 bytes of JSON."""

    seq: int
    verb: Verb
    address: Address
    scope: Scope
    digest: str
    after: tuple[int, ...] = ()
    undo: UndoLabel = UndoLabel.exact
    operation: str | None = None
    remote_id: str | None = None
    needs: tuple[tuple[int, str], ...] = ()  # (seq, output) of acts whose outputs the spec waits for
    generation: int = 0


class Counts(Wire):
    """How many of each, for a line that a person reads."""

    create: int = 0
    update: int = 0
    delete: int = 0
    replace: int = 0
    operate: int = 0
    adopt: int = 0
    disown: int = 0
    unchanged: int = 0

    @property
    def changes(self) -> int:
        """How many resources the plan touches; a replace is one."""
        return self.create + self.update + self.delete + self.replace + self.operate + self.adopt + self.disown


class Standing(Wire):
    """A resource that the plan leaves as it is, for the ledger and the outputs."""

    address: Address
    scope: Scope
    remote_id: str
    digest: str = ""  # of its spec in the store
    depends_on: tuple[Address, ...] = ()
    spec: dict[str, JsonValue] = Field(
        default_factory=dict
    )  # what `digest` names, frozen, where the store may not hold it yet; empty where the ledger's own is still true
    token: str = ""  # as the resource carries it
    protect: bool = False
    on_remove: str = "delete"


class Drift(Wire):
    """A resource that is not as it was last applied: changed, or gone."""

    address: Address
    changes: tuple[FieldChange, ...] = ()
    gone: bool = False


class Plan(Wire):
    """The whole decision. Two plans with one digest do the same to the same world."""

    stack: str
    operation: str  # up, down, …: a `contract.Operation`
    actions: tuple[Action, ...] = ()
    standing: tuple[Standing, ...] = ()
    drift: tuple[Drift, ...] = ()
    outputs: dict[str, JsonValue] = Field(default_factory=dict)  # frozen; unknown ones name the act they wait for
    sensitive_outputs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    point_of_no_return: int | None = None  # the first action, in order, that does not return
    confirmations: tuple[
        str, ...
    ] = ()  # what a person must say yes to: `data`, `delete-first`; said or not, so that the digest stays
    partial: bool = False  # only some targets: carrying it out does not reach the whole goal

    def unconfirmed(self, confirmed: Iterable[str]) -> tuple[str, ...]:
        """What a person must still say yes to before the plan is carried out."""
        said = set(confirmed)
        return tuple(c for c in self.confirmations if c not in said)

    @property
    def digest(self) -> str:
        """The plan's name in the store, and what a saved plan file is checked against."""
        return digest(self)

    @property
    def counts(self) -> Counts:
        """How many of each; the two halves of a replace count as one replace."""
        tally = dict.fromkeys(Verb, 0)
        for action in self.actions:
            if not action.replaces:
                tally[action.verb] += 1
        halves = sum(1 for a in self.actions if a.replaces and a.verb is Verb.create)
        named = {verb.value: n for verb, n in tally.items()}
        return Counts(**named, replace=halves, unchanged=len(self.standing))


class Skeleton(Wire):
    """The plan as the walk knows it: enough to order, to undo and to show, and nothing that may change its mind."""

    plan: str  # the plan's digest
    stack: str
    steps: tuple[Step, ...] = ()
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    counts: Counts = Counts()
    point_of_no_return: int | None = None
    warnings: tuple[str, ...] = ()


def canonical_json(value: object) -> str:
    """The one way a value is written when its digest is taken: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(model: Wire) -> str:
    """The first 160 bits of SHA-256 over the canonical JSON of a model, as 40 hex digits."""
    return digest_of(model.model_dump(mode="json", exclude_defaults=True))


def digest_of(value: object) -> str:
    """The same digest, of plain JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:40]


def plan_id(workflow_id: str, original_execution_run_id: str, plan_digest: str) -> UUID:
    """The identity of a plan being carried out: the same for every attempt, retry, reset and worker of one run.

    `original_execution_run_id` survives a reset; a continued run carries its plan's id in its input.
    """
    return uuid5(_PLANS, f"{workflow_id}\n{original_execution_run_id}\n{plan_digest}")


def act_token(
    plan: UUID,
    address: Address,
    verb: Verb,
    generation: int,
    operation: str | None = None,
) -> str:
    """The token of one act: what makes a repeated create find the resource of the first."""
    named = f"{verb}:{operation}" if operation else str(verb)
    return str(uuid5(plan, f"{address}/{named}/{generation}"))


def skeleton(plan: Plan) -> Skeleton:
    """What the walk is given of a plan. Pointers to outputs become (seq, output) of the act that gives them."""
    gives = {
        str(a.address): a.seq for a in plan.actions if a.verb in {Verb.create, Verb.update, Verb.operate, Verb.adopt}
    }

    def needs(action: Action) -> tuple[tuple[int, str], ...]:
        split = (pointer.rsplit("#", 1) for pointer in pointers(thaw(action.spec)))
        # `#endpoint.host` waits for the output `endpoint`; the act gives it whole.
        whole = ((address, path.partition(".")[0]) for address, path in split)
        return tuple(dict.fromkeys((gives[address], output) for address, output in whole))

    return Skeleton(
        plan=plan.digest,
        stack=plan.stack,
        steps=tuple(
            Step(
                seq=a.seq,
                verb=a.verb,
                address=a.address,
                scope=a.scope,
                digest=a.digest,
                after=a.after,
                undo=a.undo.label,
                operation=a.operation,
                remote_id=a.remote_id,
                needs=needs(a),
                generation=a.generation,
            )
            for a in plan.actions
        ),
        outputs=plan.outputs,
        counts=plan.counts,
        point_of_no_return=plan.point_of_no_return,
        warnings=plan.warnings,
    )

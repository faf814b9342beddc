"""What a kind promises: the contract between the engine, which knows no cloud, and a kind, which knows no engine.

A kind is one file with one subclass of `ResourceType`. Everything else follows from the catalog: planning, undo, the
law tests, the reference page, the least-privilege policy, the JSON schema and the listings.

The laws, which `holdfast.testing.laws` checks for every kind:

- `observe`, `find` and `discover` change nothing.
- `create` twice with one token leaves one resource, also with stale reads between the two.
- What another hand made is never touched.
- After settling, the diff between what was asked and what stands is empty.
- `update` and `delete` repeated change nothing more.
- Undo restores, field by field; every mutable field has an update and an undo.
- No call waits for the cloud to finish: it asks, and `observe` looks.
- A `create` killed between any two of its calls is completed by the next, and nothing is reachable or usable before
  its last call has been made.
- A spec survives JSON. Secrets appear as references only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID, uuid5

from pydantic import Field, JsonValue

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.errors import HoldfastError
from holdfast.model import Address, Owner, Scope, Spec, Status, Wire, takes_map
from holdfast.plan import FieldChange, UndoLabel, Verb

__all__ = [
    "Call",
    "Carrier",
    "Clients",
    "DataType",
    "Observation",
    "Operated",
    "Output",
    "ResourceType",
    "Safety",
    "Search",
    "Status",
    "Underway",
    "marking",
]

S = TypeVar("S", bound=Spec)


class Observation(Wire):
    """What stands in the cloud, seen through the spec, in canonical form."""

    kind: str
    status: Status
    remote_id: str | None = None
    properties: dict[str, JsonValue] = Field(
        default_factory=dict
    )  # the spec's field names; what cannot be read is absent
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    owner: str | None = None  # as the carrier says it; None: nobody's that we know
    address: str | None = None
    token: str | None = None
    detail: str = ""  # the cloud's own words about a pending or failed state
    partial: bool = False  # a list showed that it exists; `observe` would show the rest
    handle: str | None = None  # of an answer to a change: the cloud's operation that will bring it about
    gave_up: bool = False  # it stands, and the last change that was asked of it may show and has not come about

    @property
    def stands(self) -> bool:
        """Whether it is there and not on its way out."""
        return self.status in {Status.pending, Status.ready, Status.failed}


class Carrier(StrEnum):
    """Where a resource carries its owner, address and token."""

    tags = "tags"
    labels = "labels"
    description = "description"
    name = "name"
    parent = "parent"


class Safety(StrEnum):
    """How a create is made safe against being sent twice."""

    by_token = "by_token"  # noqa: S105  the cloud honours a client token, within `token_window`
    by_name = "by_name"  # the name is unique where it lives, so a second create is refused
    by_tag = "by_tag"  # neither: look for our token until `visible_within` has passed, then create


@dataclass(frozen=True, slots=True)
class Output:
    """One value that a resource gives to others. `stable`: it survives an update in place."""

    description: str
    stable: bool = True
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Underway:
    """A long-running operation of a cloud, which one of our requests began."""

    handle: str  # its name or URL
    ended: bool
    detail: str = ""  # the cloud's own words about how far it is
    error: HoldfastError | None = None  # what it ended in


@dataclass(frozen=True, slots=True)
class Operated:
    """An operation of a kind, and the one that takes it back."""

    description: str
    undo: str | None = None  # None: it leaves nothing to take back, as a reboot does
    sets: Mapping[str, JsonValue] = field(default_factory=dict)  # the field it moves, and to what


class Clients(Protocol):
    """Opens the official SDK's client for a service, in the act's scope, with the SDK's own retries off."""

    def __call__(self, service: str) -> Any: ...  # the door of an SDK


def marking(owner: Owner, address: Address, token: str) -> dict[str, str]:
    """The marks of a resource, by their tags."""
    return {OWNER_TAG: str(owner), ADDRESS_TAG: str(address), TOKEN_TAG: token}


@dataclass(frozen=True, slots=True)
class Call(Generic[S]):
    """Everything that one call of a kind may know."""

    address: Address
    scope: Scope
    owner: Owner
    client: Clients
    token: str = ""
    spec: S | None = None  # what shall stand, with every value known; of `delete`: what the ledger believes stands
    remote_id: str | None = None
    before: Mapping[str, JsonValue] = field(default_factory=dict)  # of `update`: live, as it was found
    changes: Sequence[FieldChange] = ()  # of `update`: what to write, and nothing else
    back: bool = False  # it is part of taking an act back
    anew: int = 0  # how often the act's request was made anew: the cloud took it and gave up, or a person asks again
    handle: str | None = None  # the cloud's operation that the act began last, where it is known
    waited: timedelta = timedelta()  # since the act was first sent
    claimed: bool = False  # the ledger, the plan or an earlier delivery says that what stands there is ours: all that
    # a kind can go by whose `carrier` is its parent
    heard: bool = False  # of a create that is taken back: its own answer came, and named what it had made

    @property
    def wanted(self) -> S:
        """The spec, where there must be one."""
        if self.spec is None:
            raise AssertionError(f"{self.address}: this call needs a spec")
        return self.spec

    @property
    def id(self) -> str:
        """The remote id, where there must be one."""
        if self.remote_id is None:
            raise AssertionError(f"{self.address}: this call needs a remote id")
        return self.remote_id

    def request(self, step: str) -> str:
        """The id of one request of this act, for a cloud that carries out a request once for each id.

        A UUID: the same at every delivery, another for each `step`, for the taking back, and when it is made anew.
        """
        return str(uuid5(UUID(self.token), f"{'back ' if self.back else ''}{step} {self.anew}"))

    @property
    def marks(self) -> dict[str, str]:
        """The ownership that a create must carry from its very first call."""
        return marking(self.owner, self.address, self.token)


@dataclass(frozen=True, slots=True)
class Search:
    """What `discover` lists: everything of one kind in a scope, or only an owner's, or only one address's."""

    scope: Scope
    client: Clients
    owner: Owner | None = None
    address: Address | None = None
    token: str | None = None


class ResourceType(ABC, Generic[S]):
    """One kind of resource. Subclasses declare the class attributes and fill the verbs; the laws are above.

    A verb is synchronous, runs in a thread, and raises only `holdfast.errors`; what the SDK raises is translated at
    the one door where its clients are opened.
    """

    kind: ClassVar[str]
    spec: ClassVar[type[Spec]]
    outputs: ClassVar[Mapping[str, Output]]
    safety: ClassVar[Safety]
    safety_note: ClassVar[str] = ""  # what that does not keep from happening, in words
    permissions: ClassVar[Mapping[str, tuple[str, ...]]]  # by verb, and `observe`, `discover`: the cloud's own names
    settle_within: ClassVar[Mapping[Verb, timedelta]]

    immutable: ClassVar[frozenset[str]] = frozenset()  # a change of one of these replaces the resource
    names_account: ClassVar[str] = ""  # the field by which scopes name it, where one of this kind is an account
    carrier: ClassVar[Carrier] = Carrier.tags
    marks_fixed: ClassVar[str] = ""  # why marks cannot be written after the create; empty: they can. Where they cannot,
    # nothing is adopted, moved to another address or let go of: the planner refuses it, and `adopt` and `disown` do
    token_window: ClassVar[timedelta | None] = None  # of by_token: how long the cloud remembers a token
    visible_within: ClassVar[timedelta] = timedelta(seconds=15)  # how long a new one may stay out of lists
    delete_undo: ClassVar[UndoLabel] = UndoLabel.exact  # of a delete; its fields come back, with a new id
    delete_note: ClassVar[str] = ""  # what a delete loses, in words
    delete_lossy: ClassVar[Mapping[str, str]] = {}  # of which ones a delete is lossy where it is exact otherwise, and
    # what it loses: what `delete_label` says of them
    holds_data: ClassVar[bool] = False  # `down` asks again
    failed_is_broken: ClassVar[bool] = True  # a failed one is made anew; else it stands, and only the last change to it
    # has failed, so it may be written again
    stepwise: ClassVar[frozenset[str]] = frozenset()  # lists whose members take a call each: cut off midway, some are
    # as before the update and some as after it
    one_way: ClassVar[Mapping[str, str]] = {}  # mutable fields whose update does not return, and why
    lossy: ClassVar[Mapping[str, str]] = {}  # mutable fields whose update returns, and what that does not bring back
    kept_in_use: ClassVar[str] = ""  # what to do instead of deleting it while another resource names it, where its
    # cloud refuses that; empty: it does not
    operations: ClassVar[Mapping[str, Operated]] = {}
    stopped_for: ClassVar[Mapping[str, tuple[str, str]]] = {}  # field -> operations before and after its update
    # A document's `resources`, as YAML, that `check` accepts: last this kind, before it what it needs. The laws build
    # it.
    example: ClassVar[str] = ""
    # Each mutable field, and another value for it: the laws write it onto the example, and take it back. References to
    # the example's other resources are written as in a document.
    trials: ClassVar[Mapping[str, JsonValue]] = {}

    @property
    def tagged(self) -> str | None:
        """The spec's field of a person's own tags, or labels; None where it has none. A list by such a name is none."""
        return next((name for name in ("tags", "labels") if takes_map(self.spec, name)), None)

    def astray(self, spec: Mapping[str, Any], scope: Scope) -> tuple[str, str] | None:
        """A field by which one would stand outside of its scope, and why it must not: `check` says so at its line.

        Pure. Values may be `Unknown`. None: nothing speaks against it.
        """
        return None

    def crowded(self, spec: Mapping[str, Any], marks: Mapping[str, str]) -> tuple[str, str] | None:
        """A field that leaves no room for our marks where they stand beside it, and why: `check` says so at its line.

        Pure. Values may be `Unknown`. `marks` are those of a `Call`, with a token as long as an act's. Where nobody
        says which installation they are for, they name the default one, `holdfast`. None: all of it fits.
        """
        return None

    # --- reading -----------------------------------------------------------------------------------------------

    @abstractmethod
    def observe(self, call: Call[S]) -> Observation:
        """What stands at `call.remote_id`. `absent` when nothing does; never an error for that. Reads at most once
        what is dear; an answer that is still on its way is `pending`.
        """

    @abstractmethod
    def discover(self, search: Search) -> Iterator[Observation]:
        """Everything of this kind that the search describes, page by page, filtered by the cloud where it can.

        Costs calls per page. Where a list does not show all the properties the observation is `partial`.
        """

    def find(self, call: Call[S]) -> list[Observation]:
        """What a create for `call` may have left before: by owner and address, or at the name it would take.

        The default lists. A by_name kind overrides it to look at the name, and returns strangers too.
        """
        search = Search(call.scope, call.client, call.owner, call.address)
        return [self.observe(self._at(call, o.remote_id)) if o.partial else o for o in self.discover(search)]

    def find_all(self, calls: Sequence[Call[S]]) -> Iterator[tuple[Call[S], Observation]]:
        """`find` for many calls of one scope at once, each find beside its call. A by_name kind whose cloud lists names
        overrides it: what costs a call per resource here costs one a page there.
        """
        for call in calls:
            for seen in self.find(call):
                yield call, seen

    def underway(self, call: Call[S]) -> Underway | None:
        """The cloud's operation that the act began: at `call.handle`; or, where nobody knows that, one that is still at
        work at `call.remote_id` or at the name that `call.spec` would take. None: nothing is known to be at work.

        What a cloud shows of a resource may not tell: while it makes one, many a cloud says that nothing stands, and
        while it removes one, that all is as before. A cloud without operations needs none of this.
        """
        return None

    def why(self, call: Call[S], seen: Observation) -> tuple[str, str]:
        """Why the cloud gave up on what was seen, in its own words, and what to do next. Asks once more at most."""
        return seen.detail, "the cloud's words above say why; mend that and run again"

    # --- changing ----------------------------------------------------------------------------------------------

    rehearses: ClassVar[bool] = False  # whether `rehearse` asks anything

    def rehearse(self, call: Call[S]) -> None:
        """Ask the cloud whether it would let `create` happen, where it can say. Changes nothing.

        Raises `NotAllowed` or `QuotaExceeded` when it would not; nothing else that it may say is an answer to that.
        """

    @abstractmethod
    def create(self, call: Call[S]) -> Observation:
        """Ask for `call.wanted`, carrying `call.marks` from the first call on. Does not wait.

        With a `call.remote_id`, an earlier call of this act made that: make the rest of it, and nothing new.
        """

    @abstractmethod
    def update(self, call: Call[S]) -> Observation:
        """Write `call.changes` to `call.id`, and nothing else. Does not wait."""

    @abstractmethod
    def delete(self, call: Call[S]) -> Observation:
        """Ask that `call.id` go away. It was found to be ours. `absent` when it is gone already."""

    @abstractmethod
    def adopt(self, call: Call[S]) -> Observation:
        """Write `call.marks` onto `call.id`, and nothing else."""

    @abstractmethod
    def disown(self, call: Call[S]) -> Observation:
        """Take our marks off `call.id`, and nothing else."""

    def operate(self, call: Call[S], operation: str) -> Observation:
        """Carry out one of `operations` on `call.id`. Does not wait."""
        raise AssertionError(f"{self.kind} declares no operation {operation!r}")

    # --- comparing (pure) --------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """One form for one meaning: sorted where order means nothing, lower case where case does not.

        Given a spec's or an observation's properties (values may be `Unknown`); what it returns compares by `==`.
        """
        return dict(properties)

    def diff(
        self,
        desired: Mapping[str, Any],
        last: Mapping[str, Any] | None,
        live: Mapping[str, Any],
    ) -> tuple[FieldChange, ...]:
        """What must change so that live becomes desired: three ways, so that a key we once set and no longer want is
        removed, and a key we never set is left alone. The default is `holdfast.diff.three_way`.
        """
        from holdfast.diff import three_way  # noqa: PLC0415  which needs this class for its own types

        return three_way(self, desired, last, live)

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Whether the new half of a replace cannot stand beside the old one: same name, overlapping addresses.

        Then the replace is delete-first, is labelled so, and asks.
        """
        return self.safety is Safety.by_name

    def delete_label(self, live: Mapping[str, Any]) -> tuple[UndoLabel, str]:
        """The undo label of deleting what stands, and what is lost. An empty queue may be kinder than a full one."""
        return self.delete_undo, self.delete_note

    # --- helpers for subclasses --------------------------------------------------------------------------------

    def absent(self, remote_id: str | None = None) -> Observation:
        """The observation of nothing."""
        return Observation(kind=self.kind, status=Status.absent, remote_id=remote_id)

    @staticmethod
    def _at(call: Call[S], remote_id: str | None) -> Call[S]:
        return replace(call, remote_id=remote_id)


class DataType(ABC, Generic[S]):
    """Something that is not ours: looked up while planning, never changed."""

    kind: ClassVar[str]
    filter: ClassVar[type[Spec]]
    outputs: ClassVar[Mapping[str, Output]]
    permissions: ClassVar[Mapping[str, tuple[str, ...]]]
    example: ClassVar[str] = ""

    @abstractmethod
    def look_up(self, scope: Scope, client: Clients, wanted: S) -> dict[str, JsonValue]:
        """The outputs of the one thing that the filter means.

        Raises `NotFound` when nothing does, and `Ambiguous` when several do and the filter does not say which.
        """

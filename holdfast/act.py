"""What the walk asks of an activity, and what comes back: the only shapes that cross from remembering to doing.

Small on purpose. Whatever is large lies in the store, under a digest that stands here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field, JsonValue

from holdfast.model import Address, Owner, Scope, Status, Wire
from holdfast.plan import Verb


class Act(Wire):
    """One request to change a cloud, or to take a change back.

    The same act may be delivered any number of times, to any worker, long after it was first sent; `token` is the
    same each time, and the world afterwards is as if it had been delivered once.
    """

    verb: Verb
    address: Address
    scope: Scope
    plan: str  # the digest of the plan in the store, and
    seq: int  # the action in it; of the act that is taken back, when `back`
    token: str  # of this act; when `back`, of the act that is taken back
    owner: Owner
    operation: str | None = None
    remote_id: str | None = None  # what a create gave, or the plan knew; None: look for it
    inputs: dict[str, JsonValue] = Field(default_factory=dict)  # "ADDRESS#OUTPUT" -> value
    gives: tuple[str, ...] = ()  # the outputs that later acts or the report wait for
    back: bool = False  # take the act back; `verb` is then what taking back does
    repeated: bool = False  # it may have been sent before this delivery: look first
    refused: bool = False  # when `back`: the act was refused at its first delivery, so a single look is enough
    unmade: bool = False  # when `back`: so it was, and nobody sent it again, also in what a reset has cut off
    renamed: dict[str, str] = Field(default_factory=dict)  # when `back`: ids that died -> ids that stand for them now
    handle: str | None = None  # the cloud's operation that this act began last; when `back`, the act that is taken back
    anew: int = 0  # how often its request was made anew: the cloud had taken it and given up, or a person asks again
    execution: str = ""  # of the run, as it sent this: a reset run delivers it anew, under another


class Settle(Wire):
    """One look at whether an act has come to its end."""

    act: Act
    within: timedelta  # from `since`; then `NotStabilized`
    since: datetime | None = None  # when the cloud was asked; None: when the first look was scheduled


class Done(Wire):
    """What an act came to. `status` is `ready` or `absent` when nothing remains to settle."""

    status: Status
    remote_id: str | None = None
    outputs: dict[str, JsonValue] = Field(default_factory=dict)  # those that `gives` named, and no other
    applied: dict[str, JsonValue] = Field(default_factory=dict)  # for the reader of the history: small, no secrets
    requests: tuple[str, ...] = ()  # the cloud's own request ids
    adopted: bool = False  # it stood there already, with our token: an earlier delivery made it
    unchanged: bool = False  # nothing had to be done
    renamed: dict[str, str] = Field(default_factory=dict)  # of an undone delete: what died -> what stands for it now
    settle_within: timedelta | None = None  # how long to wait for `pending` or `deleting`
    handle: str | None = None  # the name or URL of the cloud's operation that brings it about, where there is one


class Look(Wire):
    """A request to read: everything of these kinds in a scope that belongs to an owner, and single things by id."""

    scope: Scope
    kinds: tuple[str, ...]
    owner: Owner
    known: tuple[tuple[str, str], ...] = ()  # (address, remote id): fetched singly when a list misses one
    wanted: str | None = None  # digest of {"ADDRESS": spec}: kinds that are found by name look there
    making: bool = False  # whether the document itself has the account that the scope names
    hiding: str | None = None  # digest of {"ADDRESS": [spec, ...]}, whose secrets may show in what is read


class Seen(Wire):
    """What was read: the observations lie in the store, as a list of {"address", "observation"}."""

    digest: str
    count: int
    calls: int = 0  # requests to the cloud
    requests: tuple[str, ...] = ()


class Asked(Wire):
    """A look-up of something that is not ours."""

    name: str
    kind: str
    scope: Scope
    filter: dict[str, JsonValue] = Field(default_factory=dict)


class Rehearsal(Wire):
    """A question before the first act: would the cloud allow these creates of a plan, one of each kind?"""

    scope: Scope
    owner: Owner
    plan: str  # digest of the plan, and
    seqs: tuple[int, ...]  # the actions in it


class Sweep(Wire):
    """A search for what a late request made: it carries a token of the plan, and its id is not in the ledger."""

    scope: Scope
    owner: Owner
    kinds: tuple[str, ...]
    plan: str  # digest of the plan whose creates may have been late, and
    plan_id: str  # what their tokens are made from
    keep: tuple[str, ...] = ()  # remote ids that belong


class Swept(Wire):
    """What a sweep removed, by address and id."""

    removed: tuple[tuple[str, str], ...] = ()
    requests: tuple[str, ...] = ()

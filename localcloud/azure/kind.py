"""What distinguishes one resource type from another: a row of the table. Decides nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from localcloud.azure.store import Resource, Store

Body: TypeAlias = dict[str, Any]
BUSY = "AnotherOperationInProgress"  # the code of most types while something is under way on a resource


class Style(Enum):
    """How a request that takes time is answered."""

    at_once = "the body, and nothing to wait for"
    operation = "200 or 201, the body, and Azure-AsyncOperation"
    location = "202, no body, and Location"
    both = "202, the body if there is one, Location and Azure-AsyncOperation"


@dataclass(frozen=True, slots=True)
class Case:
    """What a row's functions are given."""

    store: Store
    new: Resource
    old: Resource | None = None  # as it was before, where it is changed
    verb: str = ""  # create, update, delete, an action's or a view's name
    asked: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A list inside a resource whose elements have names and ids of their own."""

    at: str  # the key under `properties`
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of each element's properties
    routed: bool = False  # its elements answer under their own ids
    back: tuple[tuple[str, str, bool], ...] = ()  # as in `Kind`
    in_use: tuple[str, int] = ("", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One resource type."""

    provider: str
    path: str  # `virtualNetworks`, `virtualMachineScaleSets/virtualMachines`
    versions: tuple[str, str]  # the oldest and the newest API version that is accepted
    create: Style = Style.at_once
    update: Style = Style.at_once  # of PATCH
    remove: Style = Style.at_once
    act: Style = Style.both
    seconds: float = 0.0  # how long creating takes on the cloud's clock; removing and acting take half of it
    working: tuple[str, str] = ("Updating", "Updating")  # what provisioningState says: while created, while changed
    located: bool = True
    etag: bool = False
    conditional: bool = False  # whether a PUT heeds If-None-Match: most do not, and write over what stands
    grouped: bool = True  # lives in a resource group, not in a scope of any kind
    stateful: bool = True  # shows a provisioningState
    authors: bool = False  # shows a systemData: who made it, and who changed it last
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: tuple[str, ...] = ()  # dotted; what a caller says there is not heard
    fixed: tuple[str, ...] = ()  # dotted; cannot be changed later
    parts: tuple[Part, ...] = ()
    back: tuple[tuple[str, str, bool], ...] = ()  # (where it is shown, who refers to us, whether many are shown)
    in_use: tuple[str, int] = ("", 0)  # code and status with which deleting is refused while referred to
    holds: bool = True  # whether what it refers to cannot be deleted
    missing: tuple[str, int] = ("InvalidResourceReference", 400)  # when something that it refers to is not there
    busy: str = BUSY
    over: tuple[str, int] = ("ResourceCountExceedsLimit", 400)  # more than the quota
    taken: str = ""  # the code when a name that is unique in the world is taken
    actions: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    shouts: bool = False  # a list over the subscription writes the group's name in capitals
    check: Callable[[Case], None] | None = None  # raises `No`; changes nothing
    compute: Callable[[Case], None] | None = None  # fills in what the cloud decides
    finish: Callable[[Case], None] | None = None  # after creating, changing, or an action
    view: Callable[[Case], Body] | None = None
    show: Callable[[Case, Body], None] | None = None  # adds to what is shown what is true only now
    gone: Callable[[Case], None] | None = None

    @property
    def name(self) -> str:
        """As `type` says it."""
        return f"{self.provider}/{self.path}"

    @property
    def leaf(self) -> str:
        """The last segment."""
        return self.path.rpartition("/")[2]

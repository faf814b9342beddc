"""What the laws stand on: a cloud that can be judged and made to fail, and hands that carry acts out on it.

A `Ground` is written once for each cloud; `holdfast.testing.laws.memory` is the one for the cloud in memory, and the
shortest example. `Hands` are the protocol under which kinds are used. The kernel does not import it: whoever runs the
laws passes it in, and `activities.testing.hands` is it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from holdfast.act import Act, Done
from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.model import Scope
from holdfast.plan import Action
from holdfast.resource import Clients, ResourceType
from holdfast.secret import Secret


class Loss(StrEnum):
    """What happens to one request that would change something. The values are how a violation names it."""

    killed = "the process was killed before request {}"
    request = "request {} never arrived"
    answer = "request {} was carried out and its answer lost"
    late = "request {} was carried out after its caller had given up"


LATE = timedelta(seconds=4)  # how long after its caller gave up a late request is carried out; shorter where
# `visible_within` is: whatever comes later than that is for the sweep to find, not for a kind


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that stands in a cloud, as the cloud's own memory has it: nothing stale, and no time in it."""

    kind: str  # the cloud's word
    id: str
    fields: Mapping[str, Any]
    marks: Mapping[str, str] = field(default_factory=dict)  # all of its tags, ours and others

    @property
    def owner(self) -> str | None:
        """Whose mark it bears."""
        return self.marks.get(OWNER_TAG)

    @property
    def address(self) -> str | None:
        """The address it bears, as the cloud's alphabet allows it to be written."""
        return self.marks.get(ADDRESS_TAG)

    @property
    def token(self) -> str | None:
        """The token it bears."""
        return self.marks.get(TOKEN_TAG)


class Ground(ABC):
    """A cloud to try kinds on. One thread at a time."""

    scope: ClassVar[Scope]  # where the example is built
    losses: ClassVar[frozenset[Loss]] = frozenset(Loss)  # those this cloud can be made to suffer

    # --- using it ----------------------------------------------------------------------------------------------

    @abstractmethod
    def clients(self) -> Clients:
        """A door to it, as a worker opens one for each delivery. Its errors are `holdfast.errors`."""

    @abstractmethod
    def now(self) -> float:
        """The cloud's clock, in seconds from anywhere."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Let the cloud's time go on, without waiting for it. Late requests that are due have been carried out."""

    @abstractmethod
    def rest(self) -> None:
        """Let everything that is on its way arrive, and every stale read end."""

    # --- judging it --------------------------------------------------------------------------------------------

    @abstractmethod
    def things(self) -> list[Thing]:
        """Everything that stands, whoever made it."""

    @abstractmethod
    def asked(self) -> list[str]:
        """What was requested through `clients` so far, oldest first, reads as well: the cloud's names of actions."""

    @abstractmethod
    def mutates(self, action: str) -> bool:
        """Whether an action may change something."""

    def permissions(self, action: str) -> frozenset[str]:
        """What a principal must be allowed so that the action succeeds. Empty: this cloud cannot say."""
        return frozenset()

    def reachable(self, thing: Thing) -> bool:
        """Whether others than its owner can reach or use the thing as it stands."""
        return False

    # --- making it fail ----------------------------------------------------------------------------------------

    @abstractmethod
    def empty(self) -> None:
        """Nothing stands, nothing is struck, nothing lags."""

    @abstractmethod
    def remember(self, name: str) -> None:
        """Remember all that stands, under a name."""

    @abstractmethod
    def recall(self, name: str) -> None:
        """Put back what was remembered. Nothing is struck, nothing lags."""

    @abstractmethod
    def strike(self, loss: Loss, nth: int, within: timedelta = LATE) -> None:
        """Let the nth request from now on that changes something be lost, once. `within`: of a late one.

        Of `killed`, `holdfast.testing.world.Killed` is raised out of the client.
        """

    @abstractmethod
    def heal(self) -> None:
        """Nothing is struck any more."""

    @abstractmethod
    def lag(self) -> None:
        """From now on reads and lists are a few seconds, or a look, behind."""

    @abstractmethod
    def slow(self) -> None:
        """From now on whatever takes time takes an hour."""

    def give_up(self, words: str) -> bool:
        """From now on whatever takes time is accepted and then fails, with these words. False: this cloud cannot."""
        return False


@dataclass(slots=True)
class Delivery:
    """One delivery of an act, as a worker gets it."""

    act: Act
    action: Action
    kind: ResourceType[Any]
    ground: Ground
    again: bool = False  # it may have been delivered before
    secrets: Mapping[str, str] = field(default_factory=dict)  # reference -> what lies there

    def secret(self, secret: Secret) -> str:
        """What lies where a secret points."""
        return self.secrets[secret.reference]


class Hands(Protocol):
    """The protocol that carries acts out."""

    def carry(self, delivery: Delivery) -> Done:
        """Deliver once. Raises `holdfast.errors`."""
        ...

    def settle(self, delivery: Delivery, waited: timedelta, within: timedelta) -> Done:
        """Look once whether the act has come about. Raises `Pending` while it has not."""
        ...

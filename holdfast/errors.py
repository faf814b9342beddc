"""The one question a machine asks of an error: will asking again help?

    HoldfastError
    ├── Refused            no: somebody has to change something first
    │   ├── InvalidInput       the document, a parameter, a flag
    │   ├── NotAllowed         the cloud or our own policy says no
    │   │   └── NoAccount      for certain, since the account that the scope names is not there
    │   ├── NotFound           a thing that was named is not there
    │   ├── NameTaken          it exists, and it is not ours
    │   ├── NotOurs            it stands where we act, and another hand made it
    │   ├── QuotaExceeded      the account is full
    │   ├── ChangedElsewhere   live is not what the plan saw
    │   ├── PlanStale          the plan no longer fits the world
    │   ├── Ambiguous          two live resources carry one address
    │   ├── Protected          the document forbids it
    │   ├── InUse              something outside the plan still needs it
    │   ├── CreateFailed       the cloud gave up on it
    │   ├── Interrupted        the cloud gave up on it for a passing reason: the walk asks anew
    │   ├── NotStabilized      it did not become ready in time; it is kept
    │   └── Gone               it cannot be brought back
    ├── NotYet             yes: later, and the server waits for us
    │   ├── Throttled
    │   ├── Unavailable        a cloud, a store or the network does not answer
    │   ├── Pending            it is on its way
    │   └── Blocked            something that is going away still stands in the way
    └── Broken             perhaps: a bug of ours, or an answer nobody understands; tried a few times, then said aloud

Each carries a letter to someone at three in the morning. History remembers the names in this tree: add, never rename.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar

from holdfast.model import Address, JsonValue, Wire


class Letter(Wire):
    """What happened, to whom, how the world stands now, and what to do next."""

    error: str
    happened: str
    address: Address | None = None
    standing: str = ""
    next: str = ""
    code: str = ""
    requests: tuple[str, ...] = ()
    certain: bool = False  # refused at its first delivery, by an answer: nothing can have been made

    def __str__(self) -> str:
        return self.below(None)

    @property
    def opening(self) -> str:
        """What happened, and to which address."""
        return self._opened(None)

    def below(self, told: Address | None) -> str:
        """The letter for below a line that has told an address already."""
        lines = [self._opened(told)]
        if self.standing:
            lines.append(f"Standing: {self.standing}")
        if self.next:
            lines.append(f"Next: {self.next}")
        return "\n".join(lines)

    def _opened(self, told: Address | None) -> str:
        if self.address is None or self.address == told:
            return self.happened
        # `shop/aws.vpc/net` does not stand in `shop/aws.vpc/network`, nor in `shop/aws.vpc/net[a]`.
        named = re.search(rf"{re.escape(str(self.address))}(?![\w\[-])", self.happened)
        return self.happened if named else f"{self.address}: {self.happened}"


class HoldfastError(Exception):
    """The root of everything Holdfast raises on purpose.

    `code` is the cloud's own word for it, where it had one; `requests` are the cloud's request ids.
    """

    again: ClassVar[bool] = False

    def __init__(
        self,
        happened: str,
        *,
        address: Address | None = None,
        standing: str = "",
        next: str = "",  # noqa: A002  the letter's own word
        code: str = "",
        requests: tuple[str, ...] = (),
    ) -> None:
        super().__init__(happened)
        self.letter = Letter(
            error=type(self).__name__,
            happened=happened,
            address=address,
            standing=standing,
            next=next,
            code=code,
            requests=requests,
        )

    def __str__(self) -> str:
        return str(self.letter)

    def about(self, address: Address, *, requests: tuple[str, ...] = ()) -> HoldfastError:
        """This error, with the address it concerns filled in where it was not known when it was raised; and its kind,
        where the advice is to look at that.
        """
        address = self.letter.address or address
        filled = {
            "address": address,
            "next": self.letter.next.replace("`holdfast kinds KIND`", f"`holdfast kinds {address.kind}`"),
            "requests": self.letter.requests or requests,
        }
        self.letter = self.letter.model_copy(update=filled)
        return self


class Refused(HoldfastError):
    """Asking again will not help: somebody has to change something first."""


class InvalidInput(Refused):
    """The document, a parameter or a flag is wrong."""


class NotAllowed(Refused):
    """The cloud, or our own policy, does not let this principal do this."""


class NoAccount(NotAllowed):
    """The account that a scope names is not there. `deleted`: the cloud shows that it was; else nobody shows it at all,
    which is also how one looks that this principal may not see.
    """

    def __init__(self, happened: str, *, deleted: bool = False, **facts: Any) -> None:
        super().__init__(happened, **facts)
        self.deleted = deleted


class NotFound(Refused):
    """A thing that was named is not there."""


class NameTaken(Refused):
    """The name exists already, and what bears it is not ours."""


class NotOurs(Refused):
    """What stands where we would act was made by another hand; it is not touched."""


class QuotaExceeded(Refused):
    """The account is full."""


class ChangedElsewhere(Refused):
    """What is live is not what the plan saw: another hand was there in between."""


class PlanStale(Refused):
    """The plan no longer fits the world; make a new one."""


class Ambiguous(Refused):
    """Two live resources carry one address; both are named and neither is touched."""


class Protected(Refused):
    """The document says that this must not be deleted or replaced."""


class InUse(Refused):
    """Something outside the plan still needs it, so the cloud does not let it go."""


class CreateFailed(Refused):
    """The cloud accepted the request and then gave up on it."""


class Interrupted(Refused):
    """The cloud took the request and gave up on it, for a reason that passes.

    Looking again will not help, and asking the same will not: the walk has the request made anew.
    """


class NotStabilized(Refused):
    """It did not become ready within its time. It is kept: a timeout does not taint a good resource."""


class Gone(Refused):
    """It was deleted and cannot be brought back: `lost`."""


class NotYet(HoldfastError):
    """Asking again, later, will help. `after` is the cloud's own wish, where it stated one."""

    again: ClassVar[bool] = True

    def __init__(self, happened: str, *, after: timedelta | None = None, **facts: Any) -> None:
        super().__init__(happened, **facts)
        self.after = after


class Throttled(NotYet):
    """The cloud asks us to slow down."""


class Unavailable(NotYet):
    """A cloud, a store or the network does not answer."""


class Pending(NotYet):
    """It is on its way."""


class Blocked(NotYet):
    """Something that is itself going away still stands in the way."""


class Broken(HoldfastError):
    """A bug of ours, or an answer of the cloud's that nobody understands. Tried a few times, then said aloud."""

    again: ClassVar[bool] = True


def tree(root: type[HoldfastError] = HoldfastError) -> dict[str, type[HoldfastError]]:
    """Every class of the tree by its name, so that an error can come back from the wire as what it was."""
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= tree(child)
    return found


def from_letter(letter: Letter | dict[str, JsonValue]) -> HoldfastError:
    """The error a letter was written by; an unknown name comes back as `Broken`, with its letter whole."""
    letter = letter if isinstance(letter, Letter) else Letter.model_validate(letter)
    error = tree().get(letter.error, Broken)(letter.happened)
    error.letter = letter
    return error

"""Resource ids: what everything in Azure is called, put together, taken apart and compared.

Azure compares ids without regard to case, and spells them as it likes: a list over a subscription may write a group's
name in capitals, and the SDK itself sends both `resourceGroups` and `resourcegroups`. So whatever is kept or compared
is `canonical`: in small letters throughout, which ARM takes as well as any other spelling. What a person reads, an
output say, is the id as Azure answered it.

    /subscriptions/S
    /subscriptions/S/resourceGroups/G
    /subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/net/subnets/app
    …any of these…/providers/Microsoft.Authorization/roleAssignments/GUID

Source: Azure Resource Manager, "Template functions for resources: resourceId", and its "Resource naming restrictions".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from holdfast.errors import InvalidInput

_GROUP = "Microsoft.Resources/resourceGroups"
_SUBSCRIPTION = "Microsoft.Resources/subscriptions"


@dataclass(frozen=True, slots=True)
class Id:
    """An id's parts. Two of them are equal when they are spelled alike: compare `canonical` forms, or use `same`."""

    scope: str = ""  # what it is inside of, as an id: of a subscription and a tenant's own things, nothing
    type: str = ""  # `Microsoft.Network/virtualNetworks/subnets`
    names: tuple[str, ...] = ()  # one for each segment of the type, outermost first

    def __str__(self) -> str:
        if self.type.lower() in {_SUBSCRIPTION.lower(), _GROUP.lower()}:
            return f"{self.scope}/{self.type.partition('/')[2]}/{self.name}"
        provider, *types = self.type.split("/")
        return "/".join(
            (f"{self.scope}/providers/{provider}", *(f"{t}/{n}" for t, n in zip(types, self.names, strict=True)))
        )

    @property
    def name(self) -> str:
        """The last of its names."""
        return self.names[-1]

    @property
    def subscription(self) -> str:
        """The subscription it is in, or nothing."""
        return _after("subscriptions", 0, str(self))

    @property
    def group(self) -> str:
        """The resource group it is in, or is; or nothing."""
        return _after("resourcegroups", 2, str(self))

    @property
    def parent(self) -> str:
        """The id of what it is inside of: a subnet's network, a network's group, a group's subscription; or nothing."""
        if len(self.names) == 1:
            return self.scope
        return str(replace(self, type=self.type.rpartition("/")[0], names=self.names[:-1]))

    def child(self, kind: str, name: str) -> Self:
        """The id of something inside of it: `child("subnets", "app")`. Raises `InvalidInput`."""
        return replace(self, type=f"{self.type}/{kind}", names=(*self.names, _named(name)))


def subscription(account: str) -> str:
    """A subscription's."""
    return f"/subscriptions/{_named(account)}"


def group(account: str, name: str) -> str:
    """A resource group's."""
    return f"{subscription(account)}/resourceGroups/{_named(name)}"


def inside(scope: str, type_: str, *names: str) -> str:
    """Something's inside a scope, which is any id, or nothing: `inside(group(…), "Microsoft.Compute/disks", "data")`.

    Raises `InvalidInput` when a name cannot be part of an id, or when there are more or fewer names than the type has.
    """
    if type_.count("/") != len(names):
        raise InvalidInput(f"{type_} takes {type_.count('/')} names, not {len(names)}")
    return str(Id(scope.rstrip("/"), type_, tuple(_named(n) for n in names)))


def collection(scope: str, type_: str, *names: str) -> str:
    """The path of a list: `collection(group(…), "Microsoft.Network/virtualNetworks/subnets", "net")`."""
    provider, *types = type_.split("/")
    if len(types) != len(names) + 1:
        raise InvalidInput(f"a list of {type_} takes {len(types) - 1} names, not {len(names)}")
    outer = "".join(f"/{t}/{_named(n)}" for t, n in zip(types, names, strict=False))
    return f"{scope.rstrip('/')}/providers/{provider}{outer}/{types[-1]}"


def parse(text: str) -> Id:
    """Take an id apart; spelled as it is. Raises `InvalidInput` for what is none."""
    segments = text.strip("/").split("/")
    low = [s.lower() for s in segments]
    if not text.startswith("/") or not all(segments):
        raise _none(text)
    if "providers" in low:
        at = len(low) - 1 - low[::-1].index("providers")
        rest = segments[at + 1 :]
        if len(rest) < 3 or len(rest) % 2 == 0:  # noqa: PLR2004  a provider, and pairs of a type and a name
            raise _none(text)
        scope = "/" + "/".join(segments[:at]) if at else ""
        if scope:
            parse(scope)
        return Id(scope, "/".join((rest[0], *rest[1::2])), tuple(rest[2::2]))
    if low[0] == "subscriptions" and len(low) == 2:  # noqa: PLR2004
        return Id("", f"Microsoft.Resources/{segments[0]}", (segments[1],))
    if low[0] == "subscriptions" and len(low) == 4 and low[2] == "resourcegroups":  # noqa: PLR2004
        return Id(f"/{segments[0]}/{segments[1]}", f"Microsoft.Resources/{segments[2]}", (segments[3],))
    raise _none(text)


def canonical(text: str) -> str:
    """The one form of an id, by which it is kept and compared."""
    return text.rstrip("/").lower()


def same(one: str | None, other: str | None) -> bool:
    """Whether two ids, as anybody spelled them, mean the same thing. None means nothing, and is nobody's."""
    return one is not None and other is not None and canonical(one) == canonical(other)


def within(text: str, scope: str) -> bool:
    """Whether an id is a scope's, or of something inside it."""
    return f"{canonical(text)}/".startswith(f"{canonical(scope)}/")


def type_of(path: str) -> str:
    """The type that a path is about, in small letters: of an id, a list or an action. Nothing where it is about none.

    An action's verb, and what follows it, are part of what it returns: match by its beginning.
    """
    low = canonical(path).strip("/").split("/")
    if "providers" not in low:
        return "microsoft.resources/" + (low[2] if low[2:] else low[0])
    at = len(low) - 1 - low[::-1].index("providers")
    return "/".join((*low[at + 1 : at + 2], *low[at + 2 :: 2]))


def _after(word: str, at: int, text: str) -> str:
    segments = text.strip("/").split("/")
    return segments[at + 1] if len(segments) > at + 1 and segments[at].lower() == word else ""


def _named(name: str) -> str:
    if not name or name in {".", ".."} or any(c in "/?#%\\" or ord(c) < 0x20 for c in name):  # noqa: PLR2004  controls
        raise InvalidInput(f"{name!r} cannot be a name in Azure", next="choose a name without / ? # % and backslash")
    return name


def _none(text: str) -> InvalidInput:
    return InvalidInput(
        f"not an id of Azure's: {text!r}",
        next="write it as `az resource show` does: /subscriptions/…/resourceGroups/…/providers/…",
    )

"""One member with one role in an IAM policy: put in and taken out, and every other binding left as it is.

A policy is written whole. So it is read before, with its etag, and Google refuses to write it when another hand wrote
in between; then it is read again. A binding with a condition is another binding, and is never touched. Policies are
asked for in version 3, without which Google leaves conditions out, and so would lose them in writing.

A binding has no room for marks: `Call.claimed` says whether the one that stands may be taken for ours.

Source: IAM, "Allow policies" (etags, versions, conditions); IAM API, Policy.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from holdfast.errors import InvalidInput, NameTaken, NotFound, Pending
from holdfast.model import Scope, Status
from holdfast.resource import Call, Carrier, Observation, ResourceType, S, Safety, Search

VERSION: Final = 3  # of a policy that may have conditions
TRIES: Final = 3  # at a policy that others write as well, before the protocol waits a little
# Their part behind the colon is an email or a domain, in which case means nothing, and Google answers in small letters.
_CASELESS: Final = ("user:", "group:", "serviceaccount:", "domain:")
_UNKNOWN: Final = re.compile(r"[Ss]ervice account (\S+) does not exist")
_ID: Final = re.compile(r"(?P<parent>[^/]+/[^/]+)/(?P<role>.+)/members/(?P<member>[^/]+)")


class Grant(NamedTuple):
    """One member with one role, of what has the policy: `projects/P`, `buckets/B`."""

    parent: str
    role: str
    member: str

    @property
    def id(self) -> str:
        """As a remote id: `projects/P/roles/viewer/members/serviceAccount:x@…`."""
        group, _, name = self.parent.partition("/")
        member = quote(self.member, safe=":@.+=")
        return f"{group}/{quote(name, safe=':')}/{quote(self.role, safe='/')}/members/{member}"

    @classmethod
    def parse(cls, remote_id: str) -> Grant | None:
        """The inverse of `id`; None for what is no such id."""
        found = _ID.fullmatch(remote_id)
        return cls(*(unquote(found[part]) for part in ("parent", "role", "member"))) if found else None


def small(member: str) -> str:
    """A member as Google answers it."""
    kind, colon, name = member.partition(":")
    return f"{kind}:{name.lower()}" if f"{kind.lower()}{colon}" in _CASELESS else member


def holds(policy: Mapping[str, Any], grant: Grant) -> bool:
    """Whether a policy has it, without a condition."""
    return any(small(grant.member) in map(small, b.get("members", ())) for b in _bare(policy, grant.role))


def given(policy: Mapping[str, Any], grant: Grant) -> dict[str, Any]:
    """The policy with it."""
    if holds(policy, grant):
        return dict(policy)
    bindings = [dict(b) for b in policy.get("bindings", ())]
    place = next((b for b in bindings if _is_bare(b, grant.role)), None)
    if place is None:
        bindings.append({"role": grant.role, "members": [grant.member]})
    else:
        place["members"] = [*place.get("members", ()), grant.member]
    return _with(policy, bindings)


def taken(policy: Mapping[str, Any], grant: Grant) -> dict[str, Any]:
    """The policy without it."""
    bindings = [dict(b) for b in policy.get("bindings", ())]
    for binding in bindings:
        if _is_bare(binding, grant.role):
            binding["members"] = [m for m in binding.get("members", ()) if small(m) != small(grant.member)]
    return _with(policy, [b for b in bindings if b.get("members")])


def _with(policy: Mapping[str, Any], bindings: list[dict[str, Any]]) -> dict[str, Any]:
    conditional = any(b.get("condition") for b in bindings)
    return {**policy, "bindings": bindings, **({"version": VERSION} if conditional else {})}


def _bare(policy: Mapping[str, Any], role: str) -> Iterator[Mapping[str, Any]]:
    return (b for b in policy.get("bindings", ()) if _is_bare(b, role))


def _is_bare(binding: Mapping[str, Any], role: str) -> bool:
    return binding.get("role") == role and not binding.get("condition")


class MemberKind(ResourceType[S]):
    """A kind whose resource is one binding. A subclass says of what, and how its policy is read and written."""

    safety = Safety.by_name
    carrier = Carrier.parent

    @abstractmethod
    def grant(self, spec: S, scope: Scope) -> Grant:
        """What a spec means."""

    @abstractmethod
    def said(self, grant: Grant) -> dict[str, Any]:
        """The inverse of `grant`."""

    @abstractmethod
    def read(self, call: Call[S], parent: str) -> dict[str, Any]:
        """The policy, in version 3. Raises `NotFound` when what has it is gone."""

    @abstractmethod
    def write(self, call: Call[S], parent: str, policy: dict[str, Any]) -> None:
        """Write the policy under its own etag. Raises `Pending` when another hand wrote in between."""

    # --- reading -----------------------------------------------------------------------------------------------

    def observe(self, call: Call[S]) -> Observation:
        """Ours where the call claims it, and else a stranger's."""
        grant = Grant.parse(call.id)
        with suppress(NotFound):
            if grant is not None and holds(self.read(call, grant.parent), grant):
                return self._seen(call, grant)
        return self.absent(call.remote_id)

    def discover(self, search: Search) -> Iterator[Observation]:
        """Nothing: a policy does not say whose a binding is."""
        return iter(())

    def find(self, call: Call[S]) -> list[Observation]:
        """At its place, whosever it is."""
        if call.spec is None:
            return []
        seen = self.observe(replace(call, remote_id=self.grant(call.spec, call.scope).id))
        return [] if seen.status is Status.absent else [seen]

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[S]) -> Observation:
        """Put it in. Raises `NameTaken` when it is there, and nothing says that it may be ours."""
        grant = self.grant(call.wanted, call.scope)

        def put() -> None:
            policy = self.read(call, grant.parent)
            if not holds(policy, grant):
                self._write(call, grant, given(policy, grant))
            elif not call.claimed:
                raise NameTaken(
                    f"{grant.member} has {grant.role} in {grant.parent} already",
                    address=call.address,
                    next=f"`holdfast adopt FILE {call.address} {grant.id}` takes it over; or leave it to its owner",
                )

        _again(put)
        return self._seen(replace(call, claimed=True), grant)

    def _write(self, call: Call[S], grant: Grant, policy: dict[str, Any]) -> None:
        """Raises `NotFound` where the member is an account that is not known to policies, as a new one is not at first.

        Source: IAM, "Troubleshoot policy": INVALID_ARGUMENT, "Service account EMAIL does not exist".
        """
        try:
            self.write(call, grant.parent, policy)
        except InvalidInput as refused:
            letter, email = refused.letter, grant.member.partition(":")[2].lower()
            if any(email == said.lower() for said in _UNKNOWN.findall(letter.happened)):
                raise NotFound(letter.happened, address=call.address, code=letter.code, next=letter.next) from refused
            raise

    def update(self, call: Call[S]) -> Observation:
        """Nothing of it changes in place."""
        return self.observe(call)

    def delete(self, call: Call[S]) -> Observation:
        grant = Grant.parse(call.id)

        def take() -> None:
            if grant is not None and holds(policy := self.read(call, grant.parent), grant):
                self.write(call, grant.parent, taken(policy, grant))

        with suppress(NotFound):
            _again(take)
        return self.absent(call.remote_id)

    def adopt(self, call: Call[S]) -> Observation:
        """Writes nothing: the ledger alone remembers whose it is."""
        return self.observe(call)

    def disown(self, call: Call[S]) -> Observation:
        """Writes nothing: see `adopt`."""
        return self.observe(call)

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """A member in small letters where case means nothing."""
        member = properties.get("member")
        return {**properties, "member": small(member)} if isinstance(member, str) else dict(properties)

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only where all of it is the same."""
        return dict(before) == dict(after)

    def _seen(self, call: Call[S], grant: Grant) -> Observation:
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=grant.id,
            properties=self.said(grant),
            outputs={"id": grant.id},
            owner=str(call.owner) if call.claimed else None,
            address=str(call.address) if call.claimed else None,
            token=(call.token or None) if call.claimed else None,
        )


def _again(write: Callable[[], None]) -> None:
    """Read and write anew while others write at the same time: at once, a few times."""
    for left in reversed(range(TRIES)):
        try:
            return write()
        except Pending:
            if not left:
                raise
    return None

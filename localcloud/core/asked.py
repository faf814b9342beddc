"""A request and its answer as every local cloud sees them, and what a cloud must know about its own protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from localcloud.core.cloud import Json

Environ: TypeAlias = dict[str, Any]

REFUSED = 400  # the first HTTP status that is a refusal
FAILED = 500  # and the first that says: our fault


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks, in the cloud's own words."""

    service: str
    action: str  # "" when the cloud has no such operation
    account: str
    region: str
    parameters: dict[str, Json]
    mutates: bool
    dry: bool = False  # it only asks whether the change would be allowed
    detail: str = ""  # the action as it was written, for a refusal to repeat
    wire: str = ""  # the protocol, where a cloud speaks several


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def refused(self) -> bool:
        """Whether it is an error."""
        return self.status >= REFUSED

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def without(self, name: str) -> Answer:
        """The same without a header."""
        return Answer(self.status, tuple((k, v) for k, v in self.headers if k.lower() != name.lower()), self.body)

    def having(self, **headers: str) -> Answer:
        """The same with these headers put in the place of their namesakes; `_` stands for `-`."""
        new = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        kept = tuple((k, v) for k, v in self.headers if k.lower() not in new)
        return Answer(self.status, kept + tuple(new.items()), self.body)


class Dialect(Protocol):
    """One cloud: how it reads requests, carries them out, says no, and what stands in it."""

    def read(self, environ: Environ, body: bytes) -> Asked:
        """What a request asks, by one thread at a time: what nobody can read has the action ""."""

    def execute(self, environ: Environ, body: bytes, asked: Asked) -> Answer:
        """Carry it out. Whatever it raises becomes the cloud's own internal error."""

    def waits(self, asked: Asked) -> bool:
        """Whether carrying it out may take real time (a long poll): then it is not done under the cloud's lock."""

    def refusal(self, asked: Asked, code: str, message: str, status: int) -> Answer:
        """An error in the shape of the request's protocol."""

    def throttled(self, asked: Asked) -> tuple[str, str, int]:
        """Code, message and status with which this service says: too many requests."""

    def internal(self, asked: Asked) -> tuple[str, str, int]:
        """Code, message and status with which this service says: our fault."""

    def signed(self, asked: Asked, answer: Answer, request_id: str) -> Answer:
        """The answer, carrying the request id wherever its protocol carries one."""

    def code(self, asked: Asked, answer: Answer) -> str:
        """The code of an answer that is an error, else nothing."""

    def made(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """Ids that the answer names and the request did not."""

    def touched(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """Ids that the request changed."""

    def world(self) -> dict[str, Json]:
        """Everything that stands."""

    def reset(self) -> None:
        """Nothing stands any more."""

    def dump(self) -> dict[str, Any]:
        """All of the cloud's state, picklable with `localcloud.core.state.Pickler`."""

    def load(self, state: dict[str, Any]) -> None:
        """The opposite of `dump`."""


def texts(value: Json) -> Iterator[str]:
    """Every text in a tree of parameters, keys excluded."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)

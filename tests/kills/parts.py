"""The verbs that a loss strikes: each a stack of its own, with what stands before, what is asked, and how it shall end.

Each cloud has its own, of the same verbs, with a kind of each way in which a create is safe and a mark is carried:
`site_aws`, `site_google`, `site_azure`.

Of what does not return, only what is asked for comes last; so a part that shall be taken back also removes an
`anchor`, whose removal the cloud refuses when everything else is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from holdfast.contract import State
from holdfast.testing.laws import Thing
from tests.kills.clouds import Cloud

NOTHING = "  {}\n"
KEPT = "on_remove: keep, "


class Hit(NamedTuple):
    """A request whose loss is looked at. In what it says, `<stack>` is the stack, and `<net>` the id of `net`."""

    action: str
    word: str
    nth: int = 1  # which of the requests that fit


def second(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """The same requests when they are made again: to take back what the first have changed."""
    return tuple(hit._replace(nth=2) for hit in hits)


@dataclass(frozen=True, slots=True)
class Part:
    """One verb. In resources, `<stack>`, `<region>`, `<about>` and a site's own words are filled in."""

    name: str
    before: str | None
    asked: str | None  # None: down
    struck: tuple[Hit, ...]
    stands: str | None  # the resources that are ours afterwards
    about: str = ""  # said of each resource
    region: str = ""  # other than the site's
    lets_go: bool = False  # what is no longer ours stands nevertheless

    @property
    def is_undone(self) -> bool:
        """Whether the last step is refused, and everything before it taken back."""
        return bool(self.before and "anchor:" in self.before)

    @property
    def state(self) -> State:
        """How the run ends."""
        return State.undone if self.is_undone else State.done


def filled(text: str, words: Mapping[str, str]) -> str:
    """A text with its words in place."""
    for word, meaning in words.items():
        text = text.replace(f"<{word}>", meaning)
    return text


def nothing(cloud: Cloud, region: str) -> Mapping[str, str]:
    """No words of a site's own."""
    return {}


@dataclass(frozen=True, slots=True)
class Site:
    """One cloud, as the tests strike it."""

    cloud: str
    scope: str  # as a document has it, but for `<region>`
    region: str
    waves: Mapping[str, tuple[Part, ...]]
    things: Callable[[Cloud], list[Thing]]  # whatever stands
    kinds: Mapping[str, str]  # the cloud's word for what the parts make, and ours
    unmarked: frozenset[str]  # of those, the cloud's words for what carries no marks, and is known by its name
    refusal: tuple[str, str, int]  # how an anchor's removal is refused: action, code, status
    lags: Mapping[str, float]  # settings under which lists are behind
    stale: Mapping[str, float]  # and under which what is read by its id is
    words: Callable[[Cloud, str], Mapping[str, str]] = nothing  # what only the cloud can say, by region
    settings: Mapping[str, Any] = field(default_factory=dict)  # others than the cloud's own

"""The strings of a local cloud that a test pulls: what it was asked for, what stands in it, and how it shall fail.

control.lose_answer(action="CreateVpc", count=1)
…
assert control.executed("CreateVpc")
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field, fields
from typing import Any

from starter.testing.waiting import until


class ControlRefused(Exception):
    """The control interface said no; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the cloud's ledger: see `localcloud.core.ledger`."""

    seq: int
    at: str
    account: str
    region: str
    service: str
    action: str
    parameters: dict[str, Any]
    token: str
    tags: dict[str, str]
    outcome: str  # executed, refused, faulted, dropped, broken
    told: str  # answered, held, lost
    status: int
    code: str
    request_id: str
    made: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    late: bool = False
    faults: list[str] = field(default_factory=list)


ENTRY = frozenset(f.name for f in fields(Entry))


class Control:
    """The control interface of a local cloud, method by method: see `localcloud.core.control`.

    The fault methods take what a rule's match takes (service, action, contains, account, region, mutates, nth, count,
    probability) and return the rule's id.
    """

    def __init__(self, endpoint: str) -> None:
        self._base = f"{endpoint}/_holdfast/"

    def ask(self, method: str, path: str, said: Any = None, headers: dict[str, str] | None = None) -> Any:
        """One request. Raises `ControlRefused`."""
        body = None if said is None else json.dumps(said).encode()
        request = urllib.request.Request(self._base + path, body, headers or {}, method=method)  # noqa: S310  # ours
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise ControlRefused(json.loads(error.read())["error"]) from None

    def health(self) -> dict[str, Any]:
        health: dict[str, Any] = self.ask("GET", "health")
        return health

    def reset(self) -> None:
        """An empty cloud without rules, held or late requests, settings as declared. The clock stays."""
        self.ask("POST", "reset", {})

    # --- the ledger --------------------------------------------------------------------------------------------

    def ledger(self, since: int = 0) -> list[Entry]:
        """Every mutating request, oldest first."""
        entries = self.ask("GET", f"ledger?since={since}")["entries"]
        return [Entry(**{k: v for k, v in e.items() if k in ENTRY}) for e in entries]

    def executed(self, action: str | None = None, since: int = 0) -> list[Entry]:
        """The requests that were executed, whatever their callers were told."""
        return [e for e in self.ledger(since) if e.outcome == "executed" and action in {None, e.action}]

    def forget(self) -> None:
        """Clear the ledger."""
        self.ask("DELETE", "ledger")

    def world(self) -> dict[str, Any]:
        """Everything that stands."""
        world: dict[str, Any] = self.ask("GET", "world")
        return world

    # --- faults ------------------------------------------------------------------------------------------------

    def fault(self, effect: str, **rule: Any) -> str:
        """Set any rule; returns its id."""
        return str(self.ask("POST", "faults", {"effect": effect, **rule})[0]["id"])

    def latency(self, seconds: float, **match: Any) -> str:
        """Requests wait before they are executed."""
        return self.fault("latency", seconds=seconds, **match)

    def refuse(self, code: str, message: str = "refused on demand", status: int = 400, **match: Any) -> str:
        """Requests are answered with this error."""
        return self.fault("refuse", code=code, message=message, status=status, **match)

    def throttle(self, rate: float, burst: float = 1, **match: Any) -> str:
        """Requests beyond the bucket get the service's own throttling error."""
        return self.fault("throttle", rate=rate, burst=burst, **match)

    def lose_answer(self, *, how: str = "drop", **match: Any) -> str:
        """Executed; the caller hears nothing."""
        return self.fault("lose_answer", how=how, **match)

    def lose_request(self, *, how: str = "drop", **match: Any) -> str:
        """Not executed; the caller hears nothing."""
        return self.fault("lose_request", how=how, **match)

    def late_commit(self, after: float, **match: Any) -> str:
        """The caller hears nothing, and it is executed so many seconds of the cloud's clock later."""
        return self.fault("late_commit", after=after, **match)

    def hold(self, **match: Any) -> str:
        """Executed; the answer waits for `release`."""
        return self.fault("hold", **match)

    def hold_before(self, **match: Any) -> str:
        """Not executed before `release`."""
        return self.fault("hold_before", **match)

    def faults(self) -> list[dict[str, Any]]:
        """Every rule, with `seen` and `fired`."""
        rules: list[dict[str, Any]] = self.ask("GET", "faults")
        return rules

    def heal(self, rule: str | None = None) -> None:
        """Take back a rule, or all of them."""
        self.ask("DELETE", f"faults/{rule}" if rule else "faults")

    # --- held and late -----------------------------------------------------------------------------------------

    def held(self) -> list[dict[str, Any]]:
        """Requests that wait for a word, oldest first."""
        held: list[dict[str, Any]] = self.ask("GET", "held")
        return held

    def wait_held(self, count: int = 1, within: float = 15) -> list[dict[str, Any]]:
        """Wait until so many are held. Raises `TimeoutError`."""
        return until(lambda: found if len(found := self.held()) >= count else None, within, f"{count} held")

    def release(self, which: str = "all", *, drop: bool = False) -> int:
        """Let a held request go on; `drop`: its caller hears nothing, and what was not executed never is."""
        return int(self.ask("POST", f"held/{which}/release", {"drop": drop})["released"])

    def late(self) -> list[dict[str, Any]]:
        """Requests that will be executed though their callers are gone."""
        late: list[dict[str, Any]] = self.ask("GET", "late")
        return late

    # --- time, settings, snapshots -----------------------------------------------------------------------------

    def step(self, seconds: float) -> None:
        """Move the cloud's clock forward; whoever waits for it wakes."""
        self.ask("POST", "clock/step", {"seconds": seconds})

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings, and return them all."""
        settings: dict[str, Any] = (
            self.ask("POST", "settings", changes) if changes else self.ask("GET", "settings")["settings"]
        )
        return settings

    def save(self, name: str) -> None:
        self.ask("POST", "snapshot/save", {"name": name})

    def load(self, name: str) -> None:
        self.ask("POST", "snapshot/load", {"name": name})

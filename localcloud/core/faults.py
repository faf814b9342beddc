"""What goes wrong, and when: rules that a test sets, each a match and an effect, deterministic from a seed.

A rule counts the requests that it matches. It fires from the `nth` of them on, at most `count` times, each time with
`probability`. Rules are tried in the order in which they were set; latencies add up, the first that keeps a request
from being executed at once ends the search.

As JSON, flat: `{"effect": "refuse", "code": "...", "service": "ec2", "action": "Create*", "nth": 2, "count": 1}`.
"""

from __future__ import annotations

import fnmatch
import json
import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, TypeAlias, assert_never

from localcloud.core.asked import REFUSED, Asked
from localcloud.core.cloud import Json

LONGEST = 600.0  # seconds: no wait of ours is longer, whatever a rule says
MOST_RULES = 1_000
MOST = 1_000_000.0  # of anything that is counted


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a rule is about. What is not given matches everything; `action` and `service` take `*` and `?`."""

    service: str = "*"
    action: str = "*"
    contains: str = ""  # a piece of any parameter: a name, an id, a tag's value
    account: str = ""
    region: str = ""
    mutates: bool | None = None
    dry: bool | None = False  # requests that only ask whether they would be allowed: by themselves, or (None) as well
    nth: int = 1
    count: int | None = None
    probability: float = 1.0

    def fits(self, asked: Asked) -> bool:
        """Whether a request is meant, chance and counting aside."""
        return (
            fnmatch.fnmatchcase(asked.service, self.service)
            and fnmatch.fnmatchcase(asked.action, self.action)
            and self.account in {"", asked.account}
            and self.region in {"", asked.region}
            and (self.mutates is None or self.mutates is asked.mutates)
            and (self.dry is None or self.dry is asked.dry)
            and self.contains in json.dumps(asked.parameters, ensure_ascii=False)
        )


@dataclass(frozen=True, slots=True)
class Latency:
    """The request waits before it is executed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not executed; the answer is this error, in the protocol's shape."""

    code: str
    message: str = "refused on demand"
    status: int = 400


@dataclass(frozen=True, slots=True)
class Throttle:
    """A bucket of `burst` tokens that refills with `rate` a second; without one, the service's own throttling error."""

    rate: float
    burst: float = 1.0


@dataclass(frozen=True, slots=True)
class LoseAnswer:
    """Executed; then the connection is dropped, or stays silent for `seconds` and is dropped."""

    how: Literal["drop", "silence"] = "drop"
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class LoseRequest:
    """Not executed; the connection is dropped, or stays silent for `seconds` and is dropped."""

    how: Literal["drop", "silence"] = "drop"
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class LateCommit:
    """The connection is dropped at once, and the request is executed `after` seconds of the cloud's clock."""

    after: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Executed; the answer waits until control releases it, or for `seconds` of real time."""

    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class HoldBefore:
    """The request waits, not executed, until control releases it, or for `seconds` of real time."""

    seconds: float = 60.0


Effect: TypeAlias = Latency | Refuse | Throttle | LoseAnswer | LoseRequest | LateCommit | Hold | HoldBefore

EFFECTS: dict[str, type[Effect]] = {
    "latency": Latency,
    "refuse": Refuse,
    "throttle": Throttle,
    "lose_answer": LoseAnswer,
    "lose_request": LoseRequest,
    "late_commit": LateCommit,
    "hold": Hold,
    "hold_before": HoldBefore,
}
NAMES = {kind: name for name, kind in EFFECTS.items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """A match and an effect, under an id."""

    id: str
    match: Match
    effect: Effect

    def to_json(self) -> dict[str, Json]:
        """As it was set, every default spelled out."""
        return {"id": self.id, "effect": NAMES[type(self.effect)], **asdict(self.match), **asdict(self.effect)}


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one request."""

    latency: float = 0.0
    instead: Refuse | Throttle | LoseRequest | LateCommit | None = None
    hold_before: HoldBefore | None = None
    hold: Hold | None = None
    lose: LoseAnswer | None = None
    rules: tuple[str, ...] = ()


@dataclass(slots=True)
class _Kept:
    rule: Rule
    chance: random.Random
    seen: int = 0
    fired: int = 0
    tokens: float = 0.0
    filled: datetime | None = None


@dataclass(slots=True)
class Faults:
    """All rules of a cloud. Safe for threads."""

    seed: int = 0
    _kept: list[_Kept] = field(default_factory=list)
    _set: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, wanted: Mapping[str, Any]) -> Rule:
        """Set a rule from its JSON. Raises `ValueError` with what is wrong with it."""
        with self._lock:
            rule = parse(wanted, f"fault-{self._set + 1}")
            if len(self._kept) >= MOST_RULES:
                raise ValueError(f"there are {MOST_RULES} rules already")
            if any(k.rule.id == rule.id for k in self._kept):
                raise ValueError(f"there is a rule {rule.id!r} already")
            self._set += 1
            kept = _Kept(rule, random.Random(f"{self.seed}:{rule.id}"))
            if isinstance(rule.effect, Throttle):
                kept.tokens = rule.effect.burst
            self._kept.append(kept)
            return rule

    def remove(self, rule: str | None = None) -> int:
        """Take back one rule, or all, and say how many that were. After all, ids begin again."""
        with self._lock:
            before = len(self._kept)
            self._kept = [] if rule is None else [k for k in self._kept if k.rule.id != rule]
            if rule is None:
                self._set = 0
            return before - len(self._kept)

    def to_json(self) -> list[Json]:
        """Every rule with how many requests it has seen, and on how many it fired."""
        with self._lock:
            return [{**k.rule.to_json(), "seen": k.seen, "fired": k.fired} for k in self._kept]

    def decide(self, asked: Asked, now: datetime) -> Fate:
        """The fate of a request. Counts it."""
        latency, fired = 0.0, []
        before: HoldBefore | None = None
        hold: Hold | None = None
        lose: LoseAnswer | None = None
        instead: Refuse | Throttle | LoseRequest | LateCommit | None = None
        with self._lock:
            for kept in self._kept:
                if not _fires(kept, asked, now):
                    continue
                fired.append(kept.rule.id)
                match kept.rule.effect:
                    case Latency(seconds):
                        latency += seconds
                    case HoldBefore() as effect:
                        before = effect
                    case Hold() as effect:
                        hold = effect
                    case LoseAnswer() as effect:
                        lose = effect
                    case Refuse() | Throttle() | LoseRequest() | LateCommit() as effect:
                        instead = effect
                        break
                    case _ as never:
                        assert_never(never)
        return Fate(min(latency, LONGEST), instead, before, hold, lose, tuple(fired))


def _fires(kept: _Kept, asked: Asked, now: datetime) -> bool:
    rule = kept.rule
    if not rule.match.fits(asked):
        return False
    kept.seen += 1
    chosen = kept.chance.random() < rule.match.probability  # drawn for each, so that counting moves no later chance
    if kept.seen < rule.match.nth or (rule.match.count is not None and kept.fired >= rule.match.count) or not chosen:
        return False
    if isinstance(rule.effect, Throttle):
        passed = (now - (kept.filled or now)).total_seconds()
        kept.tokens, kept.filled = min(rule.effect.burst, kept.tokens + passed * rule.effect.rate), now
        if kept.tokens >= 1:
            kept.tokens -= 1
            return False
    kept.fired += 1
    return True


def parse(wanted: Mapping[str, Any], default_id: str) -> Rule:
    """A rule from its JSON. Raises `ValueError` with what is wrong with it."""
    said = dict(wanted)
    name, rule_id = said.pop("effect", None), said.pop("id", default_id)
    if name not in EFFECTS:
        raise ValueError(f"no such effect: {name!r}; there are: {', '.join(EFFECTS)}")
    kind = EFFECTS[name]
    ours = {f.name for f in fields(Match)}
    theirs = {f.name for f in fields(kind)}
    unknown = sorted(set(said) - ours - theirs)
    if unknown:
        raise ValueError(f"{name} knows no {', '.join(unknown)}; it knows: {', '.join(sorted(ours | theirs))}")
    try:
        effect = kind(**{k: v for k, v in said.items() if k in theirs})
        match = Match(**{k: v for k, v in said.items() if k in ours})
        _check(match, effect)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
    return Rule(str(rule_id), match, effect)


def _check(match: Match, effect: Effect) -> None:
    if match.nth < 1 or (match.count is not None and match.count < 1) or not 0 <= match.probability <= 1:
        raise ValueError("nth and count are at least 1, and probability is between 0 and 1")
    for name in ("service", "action", "contains", "account", "region"):
        if not isinstance(getattr(match, name), str):
            raise TypeError(f"{name} is text")
    for name, most in (("seconds", LONGEST), ("after", MOST), ("rate", MOST), ("burst", MOST)):
        value = getattr(effect, name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise ValueError(f"{name} is a number, at least 0 and at most {most:.0f}")
    if isinstance(effect, LoseAnswer | LoseRequest) and effect.how not in {"drop", "silence"}:
        raise ValueError('how is "drop" or "silence"')
    if isinstance(effect, Refuse) and not REFUSED <= effect.status <= 599:  # noqa: PLR2004  # HTTP
        raise ValueError("status is between 400 and 599")

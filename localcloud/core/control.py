"""The control interface: how a test, or a person, holds the strings of a local cloud, by JSON under `/_holdfast/`.

    GET    health                  name, seed, clock, number of the last ledger entry, whether all is saved
    GET    ledger?since=N          {"entries": [...], "last": n}: see `localcloud.core.ledger`
    DELETE ledger                  forget the entries; numbers go on
    GET    faults                  every rule, with `seen` and `fired`
    POST   faults                  one rule or a list: see `localcloud.core.faults`; answers them with their ids
    DELETE faults, faults/ID       take back all, or one
    GET    clock                   {"now": ..., "offset": seconds}
    POST   clock/step              {"seconds": n}
    GET    settings                {"settings": {...}, "meanings": {...}}
    POST   settings                {"name": value, ...}; all or none
    GET    held                    requests that wait for a word
    POST   held/ID/release         ID or `all`; {"drop": true}: the caller hears nothing, what was not executed never is
    GET    late                    requests that will be executed though their callers are gone
    GET    world                   everything that stands
    POST   reset                   an empty cloud: no rules, no ledger, settings as declared; the clock stays
    POST   snapshot/save, /load    {"name": "..."}: the whole state, under a plain name

Answers 400 with {"error": why} to what it does not understand, 404 to what it does not know. For local callers only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

from localcloud.core.asked import Answer, Environ

if TYPE_CHECKING:
    from localcloud.core.gate import Gate

VERSION = 1
LOCAL = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
LONGEST_STEP = 10 * 366 * 24 * 3600


class Control:
    """See the module."""

    PREFIX: ClassVar[str] = "/_holdfast/"

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """Answer a request to the control interface."""
        # A page in a browser can reach this port too: it would name itself, or a host that it made resolve to us.
        if "HTTP_ORIGIN" in environ or not LOCAL.fullmatch(environ.get("HTTP_HOST", "")):
            return _json(403, {"error": "the control interface is for local programs"})
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"][len(self.PREFIX) :].strip("/").split("/")
        query = {k: v[0] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            said = json.loads(body) if body else {}
            if not isinstance(said, dict | list):
                raise TypeError("an object is wanted")
            return _json(200, self._do(method, path, query, said))
        except LookupError as error:
            return _json(404, {"error": str(error)})
        except (ValueError, TypeError) as error:
            return _json(400, {"error": str(error)})

    def _do(self, method: str, path: list[str], query: Mapping[str, str], said: Any) -> Any:  # noqa: C901  # a table
        gate, cloud = self._gate, self._gate.cloud
        match method, *path:
            case "GET", "health":
                return {
                    "cloud": cloud.name,
                    "control": VERSION,
                    "seed": cloud.seed,
                    "last": gate.ledger.last,
                    "saved": gate.keeper.saved,
                } | self._clock()
            case "GET", "ledger":
                entries = gate.ledger.since(int(query.get("since", "0")))
                return {"entries": [e.to_json() for e in entries], "last": gate.ledger.last}
            case "DELETE", "ledger":
                gate.ledger.clear()
                return {}
            case "GET", "faults":
                return gate.faults.to_json()
            case "POST", "faults":
                return [gate.faults.add(rule).to_json() for rule in (said if isinstance(said, list) else [said])]
            case "DELETE", "faults", *rule:
                removed = gate.faults.remove(rule[0] if rule else None)
                if rule and not removed:
                    raise LookupError(f"no rule {rule[0]!r}")
                return {"removed": removed}
            case "GET", "clock":
                return self._clock()
            case "POST", "clock", "step":
                seconds = float(said["seconds"])
                if not 0 <= seconds <= LONGEST_STEP:
                    raise ValueError("a step goes forward, ten years at most")
                cloud.clock.step(timedelta(seconds=seconds))
                gate.keeper.changed()
                return self._clock()
            case "GET", "settings":
                return {"settings": dict(cloud.settings), "meanings": cloud.meanings}
            case "POST", "settings":
                cloud.change(said)
                gate.keeper.changed()
                return dict(cloud.settings)
            case "GET", "held":
                return gate.waiting.to_json()
            case "POST", "held", which, "release":
                released = gate.waiting.release(which, drop=bool(said.get("drop", False)))
                if not released and which != "all":
                    raise LookupError(f"nothing is held as {which!r}")
                return {"released": released}
            case "GET", "late":
                return gate.late()
            case "GET", "world":
                with cloud.lock:
                    return gate.dialect.world()
            case "POST", "reset":
                gate.reset()
                return {}
            case "POST", "snapshot", "save":
                return {"name": gate.keeper.save(said["name"])}
            case "POST", "snapshot", "load":
                return {"name": gate.keeper.load(said["name"])}
            case _:
                raise LookupError(f"control knows no {method} {'/'.join(path)}")

    def _clock(self) -> dict[str, Any]:
        clock = self._gate.cloud.clock
        return {"now": clock.now().isoformat(), "offset": clock.offset.total_seconds()}


def _json(status: int, value: Any) -> Answer:
    body = json.dumps(value, ensure_ascii=False, default=str).encode()
    return Answer(status, (("Content-Type", "application/json"), ("Content-Length", str(len(body)))), body)

"""Recorded exchanges with Google Cloud: read, and asked again of a local one.

A recording has placeholders instead of ids. Each name in it is bound to one of ours when the thing is first asked for
and not there; what it finds there without having made it is the default network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.localcloud.google_parts import PROJECT, LocalGcp, Said

PARENT = "123412341234"  # a folder above all that is made here

PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
STATUS = re.compile(r"^(\d{3}) [A-Z][A-Za-z ]+$", re.MULTILINE)
HEADERS = re.compile(r"\A(?:[A-Z][\w-]*: .*\n)+")
# Services that the local cloud does not have, and why.
SKIPPED = {
    "cloudbilling.googleapis.com": "nothing is paid for here",
    "serviceusage.googleapis.com": "every service is switched on in every project",
}
# Ids, moments, and what is computed from the state of a thing: theirs are scrubbed.
UNCOMPARED = re.compile(
    r"(id|targetId|uniqueId|oauth2ClientId|generation|etag|\w*[fF]ingerprint|\w+Time(stamp)?|timeCreated|updated|creationTimestamp)"
)
# Addresses that the cloud chooses, which the recordings replace by one and the same.
CHOSEN = frozenset({"address", "gatewayAddress", "internalIpv6Range"})
# What the real cloud shows and these recordings do not: kind and field, and why.
MORE = {
    ("compute#disk", "sizeGb"): "taken out of the recordings, though some of their images are as large as a disk",
    ("compute#disk", "users"): "a disk says who uses it; these were taken down before they looked again",
    ("compute#network", "subnetworks"): "one recording shows them, another of the same network does not",
}
# What stands in a recording and in no cloud: the end of a path, a field, and why.
NOT_OURS = {
    ("/o", "prefixes"): "the recorded bucket lists two folders that nobody has made",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer."""

    method: str
    host: str
    path: str
    body: Any
    status: int
    answer: Any


def read(file: Path) -> list[Exchange]:
    """Every exchange of a recording, in order."""
    return [_exchange(part) for part in re.split(r"\n---\n\n", file.read_text())]


def _exchange(text: str) -> Exchange:
    first, _, rest = text.strip("\n").partition("\n")
    method, url = first.split(" ", 1)
    host, _, path = url.removeprefix("https://").partition("/")
    status = STATUS.search(rest)
    assert status, text
    body = HEADERS.sub("", rest[: status.start()].lstrip("\n")).strip()
    answer = HEADERS.sub("", rest[status.end() :].strip("\n") + "\n").strip()
    return Exchange(
        method,
        host,
        f"/{path}",
        json.loads(body) if body else None,
        int(status[1]),
        json.loads(answer) if answer else None,
    )


@dataclass(slots=True)
class Replay:
    """One recording, asked again."""

    gcp: LocalGcp
    bound: dict[str, str] = field(default_factory=lambda: {"projectId": PROJECT, "uniqueId": "abcd1234"})
    standing: dict[str, list[str]] = field(default_factory=dict)  # placeholder -> names of ours, oldest first
    next: dict[str, str] = field(default_factory=dict)  # and the one that is about to be made
    chosen: dict[str, str] = field(default_factory=dict)  # and the one that was looked at last
    seen: dict[str, dict[str, str]] = field(default_factory=dict)  # path -> what stands for its state, by field
    gone: dict[str, str] = field(default_factory=dict)  # and the one that was removed last
    count: int = 0
    differences: list[str] = field(default_factory=list)

    def run(self, exchanges: list[Exchange]) -> list[str]:
        """Ask all, and say what differs."""
        for number, one in enumerate(exchanges):
            if one.host in SKIPPED:
                continue
            running = "/operations/" in one.path and (one.answer or {}).get("status") == "RUNNING"
            if not running:
                self.gcp.control.step(1)
            tries = [(self._asked(one, names), names) for names in self._paths(one, exchanges[number:])]
            found, names = min(tries, key=lambda each: len(each[0]))
            self.chosen |= names
            if one.method == "DELETE":
                self._removed(names)
            self.differences += [f"{number}: {one.method} {one.path.partition('?')[0]}: {each}" for each in found]
        return self.differences

    def _paths(self, one: Exchange, coming: list[Exchange]) -> list[dict[str, str]]:
        """What the placeholders in a path may be."""
        own = [name for name in PLACEHOLDER.findall(one.path.partition("?")[0]) if name not in self.bound]
        if not own or own[0] == "folderID":
            return [{}]
        name = own[0]
        standing = self.standing.setdefault(name, [])
        if one.method != "GET":
            return [{name: self.chosen.get(name) or standing[-1]}]
        if one.status == 200 and not standing:
            assert "Default network" in one.answer.get("description", ""), one
            standing.append("default")
        if one.status == 200:
            return [{name: each} for each in reversed(standing)]
        return [{name: self._absent(name, coming)}]

    def _absent(self, name: str, coming: list[Exchange]) -> str:
        """The name of a thing that shall not be there: it will be made, was removed, or never is.

        The last are templates: their makers look for one name and make another, and both are the same placeholder.
        """
        self.count += 1
        fresh = f"{name.lower()}-{self.count}"
        if any(e.method == "POST" and (e.body or {}).get("name") == f"${{{name}}}" for e in coming):
            return self.next.setdefault(name, fresh)
        return fresh if self.standing[name] else self.gone.get(name, fresh)

    def _filled(self, text: str, names: dict[str, str]) -> str:
        turns: dict[str, int] = {}

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in names | self.bound:
                return (self.bound | names)[name]
            each = self.standing.get(name) or [PARENT if name == "folderID" else name.lower()]
            turn = turns[name] = turns.get(name, -1) + 1
            return each[turn % len(each)]

        return PLACEHOLDER.sub(value, text)

    def _removed(self, names: dict[str, str]) -> None:
        for name, value in names.items():
            self.standing[name].remove(value)
            self.gone[name] = self.chosen.pop(name)

    def _asked(self, one: Exchange, names: dict[str, str]) -> list[str]:
        """Ask it, and say what differs. A thing that is made gets the name that was asked for before."""
        path, body = self._filled(one.path, names | self._folder(one)), one.body
        made = PLACEHOLDER.fullmatch((body or {}).get("name", "")) if one.method == "POST" else None
        if body is not None:
            new = {made[1]: self.next.pop(made[1])} if made and made[1] in self.next else {}
            text = json.dumps(body)
            if new:
                body = json.loads(self._filled(text, new))
                self.standing.setdefault(next(iter(new)), []).extend(new.values())
            else:
                body = json.loads(self._filled(text, names if "folderID" not in names else {}))
            self._fresh(path, body)
        said = self.gcp.ask(one.method, path, body)
        self._learn(path, one, said)
        if said.status != one.status:
            return [f"status {said.status}, not {one.status}: {said.body}", "it ends there"]
        return list(self._differ(one, "", one.answer, said.body))

    def _folder(self, one: Exchange) -> dict[str, str]:
        return {"folderID": self.bound_folder} if "v3/folders/${folderID}" in one.path and self.bound_folder else {}

    @property
    def bound_folder(self) -> str:
        """The folder that was made."""
        return self.chosen.get("folder", "")

    def _fresh(self, path: str, body: dict[str, Any]) -> None:
        """What was read before stands for the state, in the place of what was scrubbed."""
        known = next((self.seen[p] for p in (path, path.rpartition("/")[0]) if p in self.seen), {})
        for name in set(known) & set(body):
            body[name] = known[name]

    def _learn(self, path: str, one: Exchange, said: Said) -> None:
        if not isinstance(said.body, dict):
            return
        plain = path.partition("?")[0]
        states = {k: v for k, v in said.body.items() if k in {"labelFingerprint", "fingerprint", "etag"}}
        if states:
            self.seen[plain] = self.seen[path] = states
        if "operationID" in json.dumps(one.answer) and "name" in said.body:
            self.bound["operationID"] = str(said.body["name"]).removeprefix("operations/")
        response = said.body.get("response", said.body)
        if str(response.get("name", "")).startswith("folders/"):
            self.chosen["folder"] = response["name"].removeprefix("folders/")
        if "projectNumber" in response:
            self.bound["projectNumber"] = response["projectNumber"]

    def _differ(self, one: Exchange, at: str, theirs: Any, ours: Any) -> Iterator[str]:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            yield from self._fields(one, at, theirs, ours)
        elif isinstance(theirs, list) and isinstance(ours, list):
            if len(theirs) != len(ours):
                yield f"{at}: {len(ours)} of them, not {len(theirs)}"
            for number, (their, our) in enumerate(zip(theirs, ours, strict=False)):
                yield from self._differ(one, f"{at}[{number}]", their, our)
        elif isinstance(theirs, str) and isinstance(ours, str):
            shape = "[^/]+".join(re.escape(part) for part in re.split(r"\$\{\w+\}", theirs))
            if not re.fullmatch(shape, ours):
                yield f"{at}: {ours!r}, not {theirs!r}"
        elif theirs != ours:
            yield f"{at}: {ours!r}, not {theirs!r}"

    def _fields(self, one: Exchange, at: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
        for name in sorted(theirs.keys() - ours.keys()):
            if not any(one.path.partition("?")[0].endswith(end) and name == no for end, no in NOT_OURS):
                yield f"{at}.{name} is missing"
        for name in sorted(ours.keys() - theirs.keys()):
            if (theirs.get("kind", ""), name) not in MORE and not UNCOMPARED.fullmatch(name):
                yield f"{at}.{name} is more: {ours[name]!r}"
        for name in sorted(theirs.keys() & ours.keys()):
            if name not in CHOSEN and not UNCOMPARED.fullmatch(name):
                yield from self._differ(one, f"{at}.{name}", theirs[name], ours[name])

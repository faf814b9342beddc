"""Azure as a `Dialect`: requests are read against the table of types, and each goes to one verb of all."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from localcloud.azure import answers, around, listing, operations, tokens, verbs
from localcloud.azure.answers import No, said
from localcloud.azure.kind import BUSY
from localcloud.azure.paths import Target, parse
from localcloud.azure.settings import SETTINGS
from localcloud.azure.store import Store, render
from localcloud.core.asked import Answer, Asked, Environ
from localcloud.core.cloud import Cloud, Json

VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
OVERLOADED = {answers.TOO_MANY, 503}
SECRET = {"adminpassword", "customdata", "userdata", "client_secret", "client_assertion", "password"}


class Azure:
    """See the module."""

    def __init__(self, cloud: Cloud) -> None:
        self._store = Store(cloud)
        self._made: tuple[str, ...] = ()
        for name, default, meaning in SETTINGS:
            cloud.declare(name, default, meaning)

    def read(self, environ: Environ, body: bytes) -> Asked:
        """See `Dialect`."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if tokens.serves(path):
            return Asked("login", "token", "", "", {"path": path}, mutates=False)
        target = parse(path, method)
        parameters: dict[str, Json] = {"id": target.id}
        content = _content(body)
        if isinstance(content, dict):
            parameters |= _quiet(content)
        verb = f"{target.tail}/action" if method == "POST" else VERBS.get(method, "")
        where = parameters.get("location")
        mutates = method not in {"GET", "HEAD"} and not around.only_asks(target)
        if mutates and method == "POST" and target.kind:
            mutates = target.tail.lower() not in {v.lower() for v in target.kind.views}
        return Asked(
            target.kind.provider if target.kind else target.provider or "Microsoft.Resources",
            f"{target.type}/{verb}",
            target.subscription,
            where if isinstance(where, str) else "",
            parameters,
            mutates,
            detail=f"{method} {path}",
        )

    def execute(self, environ: Environ, body: bytes, asked: Asked) -> Answer:
        """See `Dialect`."""
        store = self._store
        operations.settle(store)
        before = set(store.resources) if asked.mutates else set()
        self._made = ()
        try:
            if asked.service == "login":
                return tokens.answer(store, environ, body)
            if store.cloud.settings["require_token"] is True:
                tokens.check(store, environ)
            return self._answer(environ, body)
        except No as no:
            return answers.refusal(asked, no.code, no.message, no.status, after=no.after, **no.more)
        finally:
            new = [r.id for key, r in store.resources.items() if key not in before] if asked.mutates else []
            self._made = tuple(new)

    def _answer(self, environ: Environ, body: bytes) -> Answer:
        store, method = self._store, environ["REQUEST_METHOD"]
        target = parse(environ["PATH_INFO"], method)
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        _version(target, {k.lower(): v for k, v in query.items()}.get("api-version", ""))
        content = _content(body)
        if content is None:
            raise No("InvalidRequestContent", "The request content was invalid and could not be deserialized.", 400)
        base = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', 'localhost')}"
        match_ = environ.get("HTTP_IF_MATCH", ""), environ.get("HTTP_IF_NONE_MATCH", "")
        call = verbs.Call(target, content, query, *match_, base, tokens.caller(environ))
        elsewhere = around.answer(store, call, method)
        if elsewhere is not None:
            return elsewhere
        if target.listed and method == "GET":
            return listing.answer(store, call)
        match method:
            case "PUT" if not target.listed:
                with answers.shaped():
                    return verbs.write_part(store, call) if target.part else verbs.write(store, call)
            case "PATCH" if not target.listed:
                with answers.shaped():
                    return verbs.change(store, call)
            case "DELETE" if not target.listed:
                return verbs.remove(store, call)
            case "POST" if not target.listed:
                return verbs.act(store, call)
            case "GET":
                return verbs.read(store, call)
            case "HEAD":
                verbs.read(store, call)
                return said(204)
            case _:
                raise No("MethodNotAllowed", f"The method {method} is not allowed here.", 405)

    def waits(self, asked: Asked) -> bool:
        """See `Dialect`."""
        return False

    def refusal(self, asked: Asked, code: str, message: str, status: int) -> Answer:
        """See `Dialect`."""
        settings = self._store.cloud.settings
        wait = "throttled_seconds" if status in OVERLOADED else "retry_after_seconds" if code == BUSY else ""
        return answers.refusal(asked, code, message, status, after=str(settings[wait]) if wait else "")

    def throttled(self, asked: Asked) -> tuple[str, str, int]:
        """See `Dialect`."""
        return "TooManyRequests", "The request is being throttled as the limit has been reached.", answers.TOO_MANY

    def internal(self, asked: Asked) -> tuple[str, str, int]:
        """See `Dialect`."""
        return "InternalServerError", "The local cloud fell over; its log has the cause.", 500

    def signed(self, asked: Asked, answer: Answer, request_id: str) -> Answer:
        """See `Dialect`."""
        left = "11999" if not asked.mutates else "1199"
        kind = "writes" if asked.mutates else "reads"
        answer = answer.having(x_ms_request_id=request_id, x_ms_correlation_request_id=request_id)
        return answer.having(**{f"x_ms_ratelimit_remaining_subscription_{kind}": left})

    def code(self, asked: Asked, answer: Answer) -> str:
        """See `Dialect`."""
        return answers.code(answer)

    def made(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """See `Dialect`."""
        return self._made

    def touched(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """See `Dialect`."""
        return (str(asked.parameters["id"]),)

    def world(self) -> dict[str, Json]:
        """See `Dialect`. By subscription, then id."""
        operations.settle(self._store)
        world: dict[str, Any] = {}
        for one in self._store.resources.values():
            world.setdefault(one.subscription, {})[one.id] = render(self._store, one)
        if self._store.deleted:
            world["deleted"] = {r.id: {"name": r.name} for r in self._store.deleted.values()}
        return world

    def reset(self) -> None:
        """See `Dialect`. All of it was in the cloud's memory."""

    def dump(self) -> dict[str, Any]:
        """See `Dialect`. All of it is in the cloud's memory."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """See `Dialect`."""


def _content(body: bytes) -> dict[str, Any] | None:
    if not body:
        return {}
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _quiet(value: Any) -> Any:
    """What a ledger may repeat."""
    if isinstance(value, dict):
        return {k: "•••" if k.lower() in SECRET and v else _quiet(v) for k, v in value.items()}
    return [_quiet(v) for v in value] if isinstance(value, list) else value


def _version(target: Target, version: str) -> None:
    if not version:
        raise No("MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required.", 400)
    if target.kind is None:
        return
    oldest, newest = target.kind.versions
    if not oldest <= version[:10] <= newest:
        raise No(
            "NoRegisteredProviderFound",
            f"No registered resource provider found for API version '{version}' for type '{target.type}'. The "
            f"supported api-versions are '{oldest}' to '{newest}'.",
            400,
        )

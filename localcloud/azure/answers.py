"""Azure's answers: JSON, ARM's error envelope, and the request id that every answer carries."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from localcloud.core.asked import Answer, Asked

JSON = "application/json; charset=utf-8"
TOO_MANY = 429


class No(Exception):
    """A refusal in ARM's words. `after`: in how many seconds it is worth asking again, where ARM says so."""

    def __init__(self, code: str, message: str, status: int, *, after: str = "", **more: Any) -> None:
        super().__init__(code, message, status)
        self.code, self.message, self.status, self.after, self.more = code, message, status, after, more

    def error(self) -> dict[str, Any]:
        """What stands under `error`."""
        return {"code": self.code, "message": self.message, **self.more}


@contextmanager
def shaped() -> Iterator[None]:
    """A body whose parts are of other types than the table reads them as is the caller's fault; the log has where."""
    try:
        yield
    except (TypeError, AttributeError, LookupError) as error:
        traceback.print_exc(file=sys.stderr)
        message = f"The request content was invalid and could not be deserialized: {error}."
        raise No("InvalidRequestContent", message, 400) from error


def said(status: int, body: Any = None, **headers: str) -> Answer:
    """An answer with a body of JSON, or with none; `_` in a header's name stands for `-`."""
    if body is None:
        return Answer(status, (), b"").having(**headers)
    return Answer(status, (("Content-Type", JSON),), json.dumps(body).encode()).having(**headers)


def refusal(asked: Asked, code: str, message: str, status: int, *, after: str = "", **more: Any) -> Answer:
    """An error in the shape of whoever was asked; when it is worth asking again, it says after how many seconds."""
    if asked.service == "login":
        body: dict[str, Any] = {"error": code, "error_description": message, "error_codes": []}
    else:
        body = {"error": {"code": code, "message": message, **more}}
    answer = said(status, body)
    return answer.having(Retry_After=after) if after else answer


def code(answer: Answer) -> str:
    """The error code of an answer, or nothing."""
    if not answer.refused:
        return ""
    try:
        error = json.loads(answer.body)["error"]
    except (ValueError, LookupError, TypeError):
        return ""
    return str(error["code"]) if isinstance(error, dict) else str(error)

"""The plan file: a plan with what it was made from, refused when anybody has changed a letter of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from holdfast.errors import InvalidInput, PlanStale
from holdfast.model import Wire
from holdfast.packed import unpack
from holdfast.plan import Plan, digest_of
from holdfast.run import Request, Source

FORMAT = 1
AGAIN = "make a new plan: `holdfast plan FILE --out F`"


class Saved(Wire):
    """What a plan file says."""

    request: Request
    plan: Plan


def save(file: Path, request: Request, plan: Plan) -> None:
    """Write a plan file, for its owner's eyes only."""
    body = {
        "holdfast_plan": FORMAT,
        "digest": plan.digest,
        "request": request.model_dump(mode="json"),
        "plan": plan.model_dump(mode="json"),
    }
    text = json.dumps(body | {"seal": digest_of(body)}, indent=1, ensure_ascii=False) + "\n"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def load(file: Path, source: Source) -> Saved:
    """Read a plan file, for a document. Raises `InvalidInput` when it is none, or was changed after it was made;
    `PlanStale` when it was made for another document.
    """
    try:
        body: Any = json.loads(file.read_text(encoding="utf-8"))
        seal = body.pop("seal")
        right = body["holdfast_plan"] == FORMAT and seal == digest_of(body)
        saved = Saved.model_validate(body) if right else None
    except OSError as error:
        raise InvalidInput(
            f"cannot read {file}: {error.strerror}", standing="nothing was touched", next=AGAIN
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{file} is not a plan file", standing="nothing was touched", next=AGAIN) from error
    if saved is None or saved.plan.digest != body["digest"]:
        raise InvalidInput(f"{file} was changed after it was made", standing="nothing was touched", next=AGAIN)
    planned = unpack(saved.request.source, Source) if saved.request.source else None
    if planned is None or planned.text != source.text:
        raise PlanStale(f"{file} was made for another document", standing="nothing was touched", next=AGAIN)
    return saved


def longest(plan: Plan, deadlines: Mapping[tuple[str, str], timedelta]) -> timedelta:
    """How long the plan may take when every act needs all the time its kind has to settle."""
    ends: dict[int, timedelta] = {}
    for action in plan.actions:  # in an order in which what comes before stands before
        own = action.settle_within or deadlines.get((action.address.kind, action.verb.value), timedelta())
        ends[action.seq] = own + max((ends.get(n, timedelta()) for n in action.after), default=timedelta())
    return max(ends.values(), default=timedelta())

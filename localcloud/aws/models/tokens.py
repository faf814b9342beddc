"""Honours client tokens: one token makes one thing, however often it is sent.

Settings: `token_seconds`, how long a token is remembered; `spent_token`, `dead` or `refused`.

Moto: ignores `ClientToken`, so that a repeat makes a second thing. AWS: the same token with the same parameters answers
with the same resource, whose state may have changed, also when it is dead by now; with other parameters
IdempotentParameterMismatch. Tokens are valid in one region, for at least 24 hours after the end of the instance.
AWS also lists IdempotentInstanceTerminated for a token whose instance is gone; `spent_token: refused` answers so.
Source: EC2 API reference "Ensuring idempotency", "Error codes".
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal
from localcloud.aws.models.times import seconds

NOT_COMPARED = {"ClientToken", "DryRun"}
LONGEST = 64
REFUSED = "refused"


@dataclass(slots=True)
class Spent:
    """What a token has made."""

    asked: str
    result: Any
    at: datetime


def install(calls: Calls) -> None:
    """See the module."""
    calls.cloud.declare("token_seconds", 86_400, "how long a client token is remembered")
    calls.cloud.declare("spent_token", "dead", "what the token of a terminated instance answers: 'dead' or 'refused'")
    calls.replay = replay
    calls.keep = keep


def asked(call: Call) -> str:
    """The parameters as they are compared."""
    return json.dumps({k: v for k, v in call.params.items() if k not in NOT_COMPARED}, sort_keys=True, default=str)


def _key(call: Call) -> tuple[str, str, str, str] | None:
    token = call.params.get("ClientToken") if call.service == "ec2" else None
    return (call.account, call.region, call.action, str(token)) if token else None


def replay(call: Call) -> Any:
    """What the token made the first time, as it is now; None for a new token."""
    key = _key(call)
    if key is None:
        return None
    if len(key[-1]) > LONGEST:
        raise Refusal(
            "InvalidParameterValue", f"Value ({key[-1]}) for parameter clientToken is invalid: over 64 characters"
        )
    spent: Spent | None = call.cloud.memory.get("tokens", {}).get(key)
    if spent is None:
        call.cloud.memory["asked"] = asked(call)  # before anything is amended
        return None
    if spent.at + timedelta(seconds=seconds(call.cloud, "token_seconds")) < call.cloud.clock.now():
        del call.cloud.memory["tokens"][key]
        call.cloud.memory["asked"] = asked(call)
        return None
    if spent.asked != asked(call):
        message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
        raise Refusal("IdempotentParameterMismatch", message)
    if call.cloud.settings["spent_token"] == REFUSED and _ended(spent.result):
        message = "The client token was used for an instance that has been terminated."
        raise Refusal("IdempotentInstanceTerminated", message)
    if call.params.get("DryRun"):
        raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    return ActionResult(spent.result)


def keep(call: Call, result: Any) -> None:
    """Remember what a token has made."""
    key = _key(call)
    if key is None or not isinstance(result, ActionResult):
        return
    made: Any = result.result
    if hasattr(made, "instances"):  # moto's reservation loses its instances when they are forgotten; ours keeps them
        made = copy.copy(made)
        made.instances = list(made.instances)
    at = call.cloud.clock.now()
    call.cloud.memory.setdefault("tokens", {})[key] = Spent(call.cloud.memory.pop("asked", asked(call)), made, at)


def _ended(made: Any) -> bool:
    return any(instance.state == "terminated" for instance in getattr(made, "instances", []))

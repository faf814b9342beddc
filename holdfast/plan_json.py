"""A plan in the shape of Terraform's plan JSON, so that tools which read that shape can read ours.

What has no place there stands under `holdfast`: undo labels, the point of no return, and the order of every step.
Source: OpenTofu, website/docs/internals/json-format.mdx; what differs is said where it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from holdfast.diff import apply_changes
from holdfast.model import Address
from holdfast.plan import Action, Drift, FieldChange, Plan, Verb
from holdfast.secret import HIDDEN
from holdfast.values import has_unknown, is_opaque, thaw

FORMAT_VERSION = "1.2"

Json = dict[str, Any]


def plan_json(
    plan: Plan,
    *,
    standing: Mapping[Address, Mapping[str, JsonValue]] | None = None,
    outputs: Mapping[str, JsonValue] | None = None,
    timestamp: datetime | None = None,
) -> Json:
    """The plan as plain JSON.

    `standing` are the properties of what the plan leaves alone, and `outputs` what the ledger gives now; what is not
    handed in is shown as empty. `type` and `address` are ours (`aws.vpc`, `shop/aws.vpc/main`), not a Terraform
    provider's. Sensitive outputs show as `•••`, secrets as that as well.
    """
    left = standing or {}
    before_outputs = dict(outputs or {})
    changes = [*_changed(plan), *(_unchanged(s.address, dict(left.get(s.address, {}))) for s in plan.standing)]
    output_changes = _output_changes(plan, before_outputs)
    prior = [_resource(c, "before") for c in changes if c["change"]["before"] is not None]
    planned = [_resource(c, "after") for c in changes if c["change"]["after"] is not None]
    moves = any(c["actions"] != ["no-op"] for c in output_changes.values())
    written: Json = {
        "format_version": FORMAT_VERSION,
        "planned_values": {
            "outputs": {
                name: {"sensitive": c["after_sensitive"]} | ({} if c["after_unknown"] else {"value": c["after"]})
                for name, c in output_changes.items()
                if c["actions"] != ["delete"]
            },
            "root_module": {"resources": planned},
        },
        "resource_changes": changes,
        "resource_drift": [_drifted(d) for d in plan.drift],
        "output_changes": output_changes,
        "prior_state": {
            "format_version": "1.0",
            "values": {
                "outputs": {
                    name: {"sensitive": c["before_sensitive"], "value": c["before"]}
                    for name, c in output_changes.items()
                    if name in before_outputs
                },
                "root_module": {"resources": prior},
            },
        },
        "applyable": bool(plan.actions) or moves,
        "complete": not plan.partial,
        "errored": False,
        "holdfast": _ours(plan),
    }
    if timestamp is not None:
        written["timestamp"] = timestamp.isoformat().replace("+00:00", "Z")
    return written


# --- resources -------------------------------------------------------------------------------------------------------


def _changed(plan: Plan) -> list[Json]:
    """One entry per address that is acted on, in the order of its first act; one more for each old half left behind."""
    together: dict[Address, list[Action]] = {}
    alone: list[Json] = []
    for action in plan.actions:
        if action.deposed and not action.replaces:
            if not action.undo.nothing:
                alone.append(_entry(action.address, [action]) | {"deposed": (action.remote_id or "")})
            continue
        together.setdefault(action.address, []).append(action)
    return [*(_entry(address, actions) for address, actions in together.items()), *alone]


def _entry(address: Address, actions: list[Action]) -> Json:
    verbs = {a.verb for a in actions}
    names = _actions(actions, verbs)
    touching_marks = {Verb.adopt, Verb.disown}
    stood = next((a.before for a in actions if a.verb not in touching_marks and a.before), None)
    marked = next((a for a in actions if a.verb is Verb.adopt), None)
    made = next((a for a in actions if a.verb in {Verb.create, Verb.update, Verb.operate}), None)
    if stood is None and names != ["create"]:
        stood = next((a.spec for a in actions), {})
    after: Json | None = None
    if made is not None and made.verb is Verb.create:
        after = dict(made.spec)
    elif made is not None:
        # Not the spec alone: what the spec does not manage stays as it is.
        after = apply_changes(stood or {}, (c for a in actions for c in a.changes))
    elif marked is not None:
        after = dict(marked.spec)
    changes = {c.path: c for a in actions for c in a.changes}
    change = _change(names, stood, after, changes.values())
    if marked is not None and marked.undo.verb is Verb.disown:
        change["importing"] = {"id": marked.remote_id}
    entry = _named(address) | {"change": change}
    if marked is not None and marked.undo.verb is Verb.adopt and marked.before:
        entry["previous_address"] = next((v for k, v in marked.before.items() if k.endswith("address")), None)
    code = next((a.reason_code for a in actions if a.reason_code), "")
    return entry | ({"action_reason": code} if code else {})


def _actions(actions: list[Action], verbs: set[Verb]) -> list[str]:
    """Terraform's words. A replace is a pair, so that whoever scans for `delete` finds every destructive change."""
    if Verb.create in verbs and Verb.delete in verbs:
        return [a.verb.value for a in actions if a.verb in {Verb.create, Verb.delete}]
    if Verb.create in verbs or Verb.delete in verbs:
        return ["create" if Verb.create in verbs else "delete"]
    if Verb.disown in verbs:
        return ["forget"]
    return ["update"] if verbs & {Verb.update, Verb.operate} else ["no-op"]


def _unchanged(address: Address, properties: Json) -> Json:
    return _named(address) | {"change": _change(["no-op"], properties, properties, ())}


def _drifted(drift: Drift) -> Json:
    """Only the fields that differ: a plan does not carry the rest."""
    before = apply_changes({}, (c.model_copy(update={"after": c.before}) for c in drift.changes))
    after = None if drift.gone else apply_changes({}, drift.changes)
    return _named(drift.address) | {"change": _change(["delete" if drift.gone else "update"], before, after, ())}


def _named(address: Address) -> Json:
    named: Json = {
        "address": str(address),
        "mode": "managed",
        "type": address.kind,
        "name": address.base,
        "provider_name": f"holdfast/{address.cloud}",
    }
    return named | ({"index": address.key} if address.key is not None else {})


def _change(
    actions: list[str],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    changes: Iterable[FieldChange],
) -> Json:
    unknown = {} if after is None else _unknown({k: thaw(v) for k, v in after.items()})
    change: Json = {
        "actions": actions,
        "before": None if before is None else _shown(thaw(dict(before))),
        "after": None if after is None else _shown(thaw(dict(after))),
        "after_unknown": unknown,
        "before_sensitive": False if before is None else _secret(thaw(dict(before))),
        "after_sensitive": False if after is None else _secret(thaw(dict(after))),
    }
    paths = [_path(c.path) for c in changes if c.replaces]
    return change | ({"replace_paths": paths} if paths and len(actions) > 1 else {})


def _path(path: str) -> list[str]:
    field, dot, key = path.partition(".")
    return [field, key] if dot else [field]


def _resource(entry: Json, side: str) -> Json:
    named = {k: entry[k] for k in ("address", "mode", "type", "name", "index", "provider_name") if k in entry}
    return named | {
        "schema_version": 0,
        "values": entry["change"][side],
        "sensitive_values": entry["change"][f"{side}_sensitive"],
    }


# --- values ----------------------------------------------------------------------------------------------------------


def _shown(value: Any) -> Any:
    """A value without what is not known: left out of a map, null in a list. Secrets show as dots."""
    if isinstance(value, dict):
        return {k: _shown(v) for k, v in value.items() if not _is_unknown(v)}
    if isinstance(value, list):
        return [None if _is_unknown(v) else _shown(v) for v in value]
    return HIDDEN if is_opaque(value) else value


def _unknown(value: Any) -> Any:
    """True wherever a value is not known, in the shape of the value; maps hold only what leads there."""
    if isinstance(value, dict):
        return {k: _unknown(v) for k, v in value.items() if has_unknown(v)}
    if isinstance(value, list):
        return [_unknown(v) if has_unknown(v) else False for v in value]
    return True


def _secret(value: Any) -> Any:
    """True wherever a value is a secret, in the shape of the value; maps hold only what leads there."""
    if isinstance(value, dict):
        found = {k: _secret(v) for k, v in value.items()}
        return {k: v for k, v in found.items() if v}
    if isinstance(value, list):
        found_in = [_secret(v) for v in value]
        return found_in if any(found_in) else []
    return is_opaque(value) and not _is_unknown(value)


def _is_unknown(value: Any) -> bool:
    return is_opaque(value) and has_unknown(value)


# --- outputs and our own ---------------------------------------------------------------------------------------------


def _output_changes(plan: Plan, before: Mapping[str, JsonValue]) -> dict[str, Json]:
    changes: dict[str, Json] = {}
    for name in dict.fromkeys([*before, *plan.outputs]):
        unknown = has_unknown(thaw(plan.outputs.get(name)))
        old, new = before.get(name), plan.outputs.get(name)
        hidden = name in plan.sensitive_outputs
        action = (
            "create"
            if name not in before
            else "delete"
            if name not in plan.outputs
            else "no-op"
            if old == new and not unknown
            else "update"
        )
        changes[name] = {
            "actions": [action],
            "before": HIDDEN if hidden and name in before else old,
            "after": None if unknown else HIDDEN if hidden and name in plan.outputs else new,
            "after_unknown": unknown,
            "before_sensitive": hidden,
            "after_sensitive": hidden,
        }
    return changes


def _ours(plan: Plan) -> Json:
    return {
        "digest": plan.digest,
        "stack": plan.stack,
        "operation": plan.operation,
        "point_of_no_return": plan.point_of_no_return,
        "confirmations": list(plan.confirmations),
        "warnings": list(plan.warnings),
        "counts": plan.counts.model_dump(mode="json"),
        "steps": [_step(a) for a in plan.actions],
    }


def _step(action: Action) -> Json:
    undo: Json = {"label": action.undo.label.value, "verb": action.undo.verb.value}
    if action.undo.operation:
        undo["operation"] = action.undo.operation
    if action.undo.note:
        undo["note"] = action.undo.note
    if action.undo.nothing:
        undo["nothing"] = True
    step: Json = {
        "seq": action.seq,
        "verb": action.verb.value,
        "address": str(action.address),
        "scope": str(action.scope),
        "after": list(action.after),
        "undo": undo,
        "reason": action.reason,
    }
    if action.operation:
        step["operation"] = action.operation
    return step

"""A plan and a report in words. Reads nothing and decides nothing; a run in progress is drawn by `holdfast.tree`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from holdfast.document.problems import show
from holdfast.errors import Letter
from holdfast.model import Address
from holdfast.plan import Action, Counts, Drift, Plan, UndoLabel, Verb
from holdfast.run import Ledger, Report
from holdfast.secret import HIDDEN
from holdfast.tree import short
from holdfast.values import Unknown, thaw
from starter.cli.writing import paint, table

COLOURS = {Verb.create: "green", Verb.update: "yellow", Verb.operate: "yellow", Verb.delete: "red"}
ASKS = {
    "data": "it deletes what holds data",
    "delete-first": "it deletes before it creates: something is missing in between",
}


def counted(counts: Counts) -> str:
    """`2 to create, 1 to replace; 3 unchanged`."""
    named = [f"{n} to {verb}" for verb, n in counts.model_dump().items() if n and verb != "unchanged"]
    left = f"; {counts.unchanged} unchanged" if counts.unchanged else ""
    return (", ".join(named) or "nothing to change") + left


def plan_text(plan: Plan, longest: timedelta) -> str:
    """A plan for a terminal or a log."""
    out = [paint(f"{plan.stack} {plan.operation}: {counted(plan.counts)}", "cyan")]
    for action in plan.actions:
        if action.seq == plan.point_of_no_return:
            out.append(paint("  ── point of no return: what follows is not taken back by itself ──", "red"))
        out += _step(action)
    out += [f"drift: {line}" for line in map(drifted, plan.drift)]
    out += [paint(f"warning: {warning}", "yellow") for warning in plan.warnings]
    out += [paint(f"asks: {ASKS.get(c, c)}", "yellow") for c in plan.confirmations]
    if plan.partial:
        out.append("only some targets: the rest of the document waits")
    if plan.actions:
        out.append(f"at the longest {short(longest)}, by the deadlines of its kinds; mostly far less")
    return "\n".join([*out, f"plan {plan.digest}"])


def plan_markdown(plan: Plan, longest: timedelta) -> str:
    """A plan for a pull request."""
    out = [f"### `{plan.stack}` {plan.operation}: {counted(plan.counts)}", ""]
    if plan.actions:
        out += ["| | resource | after | changes | undo |", "|---|---|---|---|---|"]
    for a in plan.actions:
        mark = " **point of no return**" if a.seq == plan.point_of_no_return else ""
        changes = "<br>".join(f"`{c.path}`: {_cell(c.before)} → {_cell(c.after)}" for c in a.changes)
        after = ", ".join(str(n + 1) for n in a.after)
        undo = f"{a.undo.label}{': ' + a.undo.note if a.undo.note else ''}"
        out.append(f"| {a.seq + 1} `{a.verb.sign}` {a.verb} | `{a.address}`{mark} | {after} | {changes} | {undo} |")
    out += ["", *(f"- drift: {drifted(d)}" for d in plan.drift)]
    out += [f"- warning: {warning}" for warning in plan.warnings]
    out += [f"- asks: {ASKS.get(c, c)}" for c in plan.confirmations]
    return "\n".join([*out, "", f"At the longest {short(longest)} · plan `{plan.digest}`"])


def drifted(drift: Drift) -> str:
    """One resource that is not as it was last applied."""
    if drift.gone:
        return f"{drift.address} is gone"
    fields = (f"{c.path}: {_value(c.before)} → {_value(c.after)}" for c in drift.changes)
    return f"{drift.address} was changed: {', '.join(fields)}"


def report_text(report: Report) -> str:
    """How a run ended, for a person."""
    colour = "green" if report.state in {"done", "unchanged"} else "red"
    took = f" after {short(report.ended - report.started)}" if report.started and report.ended else ""
    fates = ", ".join(f"{n} {fate}" for fate, n in report.fates.items() if n)
    out = [paint(f"{report.run} {report.operation}: {report.state}{took}", colour) + (f": {fates}" if fates else "")]
    # What went wrong before a run ended well is in the audit log; here it would read as a failure.
    if report.cause is not None and report.state not in {"refused", "done", "unchanged"}:
        out += ["because:", *(f"  {line}" for line in str(report.cause).splitlines())]
    for owed in report.owed:
        out.append(f"owed: {owed.address} is {owed.fate}")
        out.append(letter_text(owed.letter, owed.address))
        out.append(f"  `holdfast resolve {owed.address} retry|skip|rollback`")
    out += [paint(f"warning: {warning}", "yellow") for warning in report.warnings]
    if outputs := hidden(report.outputs, report.sensitive_outputs):
        out.append(table(("OUTPUT", "VALUE"), [(name, show(value)) for name, value in outputs.items()]))
    return "\n".join(out)


def report_facts(report: Report, code: int) -> dict[str, Any]:
    """How a run ended, as JSON. The ledger is the arbiter's, and `status` shows it."""
    facts = report.model_dump(mode="json", exclude={"ledger", "sweeps", "owed"})
    owed = [o.model_dump(mode="json", include={"address", "fate", "verb", "letter", "run"}) for o in report.owed]
    return facts | {"outputs": hidden(report.outputs, report.sensitive_outputs), "owed": owed, "exit": int(code)}


def ledger_outputs(ledger: Ledger) -> dict[str, Any]:
    """What a stack gives, with what is sensitive hidden."""
    return hidden(ledger.outputs, ledger.sensitive_outputs)


def hidden(outputs: Mapping[str, Any], sensitive: tuple[str, ...]) -> dict[str, Any]:
    """The outputs, with dots for the sensitive ones."""
    return {name: HIDDEN if name in sensitive else value for name, value in outputs.items()}


def letter_text(letter: Letter, told: Address) -> str:
    """A letter inside something longer, which has told an address."""
    return "\n".join(f"  {line}" for line in letter.below(told).splitlines())


def _step(action: Action) -> Iterator[str]:
    what = f"{action.verb} {action.operation}" if action.operation else action.verb.value
    how = " (one half of a replace)" if action.replaces else ""
    after = f", after {', '.join(str(n + 1) for n in action.after)}" if action.after else ""
    head = f"{action.seq + 1:>4}  {action.verb.sign} {action.address}"
    undo = action.undo.label.value + (f": {action.undo.note}" if action.undo.note else "")
    label = undo if action.undo.label is UndoLabel.exact else paint(undo, "yellow")
    yield f"{paint(head, COLOURS.get(action.verb, 'cyan'))}  {what}{how}{after}; undo {label}"
    if action.reason:
        yield f"        {action.reason}"
    for change in action.changes:
        mark = " (replaces it)" if change.replaces else ""
        yield f"        {change.path}: {_value(change.before)} → {_value(change.after)}{mark}"
    if action.verb is Verb.create and not action.changes:
        yield from (
            f"        {name}: {_value(value)}" for name, value in action.spec.items() if value not in (None, {})
        )


def _value(value: Any) -> str:
    return "nothing" if value is None else show(_written(thaw(value)))


def _written(value: Any) -> Any:
    """A value with each that is not known yet as a document writes it, however deep it lies."""
    match value:
        case Unknown():
            return value.text
        case dict():
            return {name: _written(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_written(inner) for inner in value]
        case _:
            return value


def _cell(value: Any) -> str:
    return "`" + _value(value).replace("|", r"\|").replace("`", "'") + "`"

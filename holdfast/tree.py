"""A run drawn as text: one picture for the Web UI, `watch` and `status`, so that they cannot disagree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from holdfast.contract import State
from holdfast.errors import Letter
from holdfast.progress import UNDER_WAY, Progress, Row
from holdfast.run import Fate

ICONS = {
    Fate.waiting: "·",
    Fate.acting: "▸",
    Fate.settling: "…",
    Fate.done: "✓",
    Fate.unchanged: "=",
    Fate.failed: "?",
    Fate.skipped: "○",
    Fate.undoing: "↩",
    Fate.undone: "↺",
    Fate.stuck: "✗",
    Fate.kept: "▪",
    Fate.lost: "☠",
}
LETTER = 160  # of a letter's first line, beside its address; `report` has all of it
LINES = 60  # what a person reads; a thousand rows are counted instead

# What is shown first when not all fit: what asks for somebody, what moves, what went wrong, and then the rest.
FOREMOST = (
    Fate.failed,
    Fate.stuck,
    Fate.lost,
    Fate.kept,
    Fate.acting,
    Fate.undoing,
    Fate.settling,
    Fate.done,
    Fate.undone,
    Fate.unchanged,
    Fate.skipped,
    Fate.waiting,
)


def headline(progress: Progress, *, live: bool = True) -> str:
    """`shop-42 up: walking, 3 of 12, about 40 s left`. Not `live`: without what is true at this moment only."""
    parts = [f"{progress.run} {progress.operation}: {progress.state}"]
    if progress.total:
        parts.append(f"{finished(progress)} of {progress.total}")
    if live and progress.left is not None and progress.state in {State.walking, State.undoing}:
        parts.append(f"about {short(progress.left)} left")
    if progress.waiting:
        parts.append(progress.waiting)
    return ", ".join(parts)


def finished(progress: Progress) -> int:
    """How many steps have come to an end, in the direction in which the run goes."""
    ended = (Fate.undone, Fate.stuck, Fate.kept, Fate.lost, Fate.skipped)
    backwards = progress.state in {State.undoing, State.undone, State.cancelled}
    if backwards:
        return sum(progress.counts.get(f, 0) for f in (*ended, Fate.waiting))
    return sum(progress.counts.get(f, 0) for f in (*ended, Fate.done, Fate.unchanged))


def chosen(progress: Progress, lines: int = LINES) -> tuple[list[Row], int]:
    """The rows to show, in the plan's order, and how many were left out."""
    rows = list(progress.rows)
    if len(rows) <= lines:
        return rows, 0
    rank = {fate: n for n, fate in enumerate(FOREMOST)}
    by_need = sorted(range(len(rows)), key=lambda n: (rank[rows[n].fate], n))[:lines]
    return [rows[n] for n in sorted(by_need)], len(rows) - lines


def markdown(progress: Progress, lines: int = LINES) -> str:
    """The live tree of the Web UI's *current details*: first what asks for somebody, which must not be scrolled to."""
    rows, left_out = chosen(progress, lines)
    # It is written when something moves, and read whenever: a time left would stand there, and soon be false.
    out = [f"**{headline(progress, live=False)}**", ""]
    for said in _foremost(progress):
        out += [f"> {said}", ""]
    out += [f"- {ICONS[r.fate]} `{r.verb.sign} {r.address}` {words(r)}".rstrip() for r in rows]
    if left_out:
        out.append(f"- … and {left_out} more: {tallies(progress)}")
    return "\n".join(out)


def _foremost(progress: Progress) -> Iterator[str]:
    """Why it is as it is, and what a person can say to it."""
    if progress.cause is not None and progress.state not in {State.done, State.unchanged}:
        yield progress.cause.opening
    for address in progress.questions:
        yield f"asks: `holdfast resolve {address} retry|skip|rollback --run {progress.run}`"
    if progress.state is State.owed:
        for row in progress.rows:
            if row.fate in {Fate.stuck, Fate.lost}:
                yield f"owed: `holdfast resolve {row.address} retry|skip|rollback`"


def words(row: Row) -> str:
    """What a row says beside its address: its fate, its id, and why, where that matters."""
    parts = [row.fate.value]
    if row.remote_id and row.fate not in {Fate.waiting, Fate.undone, Fate.skipped}:
        parts.append(row.remote_id)
    if row.letter is not None and row.fate in {Fate.failed, Fate.stuck, Fate.lost, Fate.kept}:
        parts.append(_first_line(row.letter))
    if row.hindrance is not None and row.fate in UNDER_WAY:
        parts.append(f"asks again: {_first_line(row.hindrance)}")
    return " · ".join(parts)


def _first_line(letter: Letter) -> str:
    first = letter.happened.partition("\n")[0]
    return first if len(first) <= LETTER else f"{first[:LETTER].rstrip()} …"


def tallies(progress: Progress) -> str:
    """`12 done, 3 acting, 985 waiting`."""
    return ", ".join(f"{n} {fate}" for fate in (f.value for f in Fate) if (n := progress.counts.get(fate, 0)))


def short(span: timedelta) -> str:
    """A duration as a person says it: `40 s`, `3 min`, `2 h 5 min`."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 90:  # noqa: PLR2004  below this people count seconds
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 90:  # noqa: PLR2004  as above
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"

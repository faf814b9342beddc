"""What the Web UI and the terminal say of a run: the same, and first what asks for somebody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from holdfast.arbiter import Board
from holdfast.contract import Operation, State
from holdfast.errors import Letter
from holdfast.model import Address
from holdfast.packed import pack
from holdfast.plan import Verb
from holdfast.progress import Progress, Row
from holdfast.run import Fate, Identity, Ledger, Report
from holdfast.tree import LETTER, headline, markdown, words
from holdfast.values import Unknown, freeze
from starter.cli.looking import _row, _words
from starter.cli.showing import _value, report_text

NET, PAGES = Address.parse("shop/aws.vpc/net"), Address.parse("shop/aws.s3_bucket/pages")
ADA = Identity(requester="ada")
WHY = Letter(error="Broken", happened="AWS refused CreateBucket")


def _progress(state: State, rows: Iterable[Row], questions: tuple[Address, ...] = ()) -> Progress:
    return Progress(
        run="shop-1",
        stack="shop",
        operation=Operation.up,
        state=state,
        identity=ADA,
        rows=tuple(rows),
        questions=questions,
        cause=WHY,
    )


def test_a_question_stands_above_the_rows() -> None:
    """Whoever opens a paused run of a thousand resources sees what it asks without scrolling."""
    rows = [Row(address=NET, verb=Verb.create, fate=Fate.done), Row(address=PAGES, verb=Verb.create, fate=Fate.failed)]
    lines = markdown(_progress(State.paused, rows, (PAGES,))).splitlines()
    asked = lines.index(f"> asks: `holdfast resolve {PAGES} retry|skip|rollback --run shop-1`")
    assert lines.index("> AWS refused CreateBucket") < asked < lines.index(f"- ✓ `+ {NET}` done")
    assert lines[asked - 1] == ""  # else Markdown makes one paragraph of the cause and the question


def test_what_is_owed_says_how_it_is_settled() -> None:
    """A run that ended with something stuck names the command; what is only kept follows by itself."""
    rows = [Row(address=PAGES, verb=Verb.create, fate=Fate.stuck), Row(address=NET, verb=Verb.create, fate=Fate.kept)]
    written = markdown(_progress(State.owed, rows))
    assert f"> owed: `holdfast resolve {PAGES} retry|skip|rollback`" in written
    assert f"resolve {NET}" not in written


def test_a_run_that_ended_well_shows_no_cause() -> None:
    """A failure that an operator has answered does not read as one afterwards."""
    rows = [Row(address=NET, verb=Verb.create, fate=Fate.done)]
    assert "refused" not in markdown(_progress(State.done, rows))
    report = Report(run="shop-1", stack="shop", operation=Operation.up, state=State.done, identity=ADA, cause=WHY)
    assert "because" not in report_text(report)
    assert "because" in report_text(report.model_copy(update={"state": State.undone}))


def test_a_cause_names_its_resource() -> None:
    """Why a run failed is said with the address that it failed at: in the report, in a status and in the Web UI."""
    cause = WHY.model_copy(update={"address": PAGES})
    told = f"{PAGES}: AWS refused CreateBucket"
    report = Report(run="shop-1", stack="shop", operation=Operation.up, state=State.undone, identity=ADA, cause=cause)
    assert f"because:\n  {told}" in report_text(report)
    progress = _progress(State.undoing, []).model_copy(update={"cause": cause})
    assert f"  because: {told}" in _words(Board(stack="shop", current="shop-1", ledger=pack(Ledger())), progress)
    assert f"> {told}" in markdown(progress)


def test_a_cut_letter_says_that_it_was_cut() -> None:
    """A long letter beside an address ends in an ellipsis; a short one is whole."""
    row = Row(address=NET, verb=Verb.create, fate=Fate.failed, letter=Letter(error="Broken", happened="x" * 500))
    assert words(row) == f"failed · {'x' * LETTER} …"
    assert words(row.model_copy(update={"letter": WHY})) == "failed · AWS refused CreateBucket"


def test_what_is_not_known_yet_is_shown_as_it_is_written() -> None:
    """A plan shows a path, and not the form in which history keeps it, however deep it lies."""
    tags = freeze({"network": Unknown("${net.id}"), "more": [Unknown("${net.arn}"), 1]})
    assert _value(tags) == '{"network": "${net.id}", "more": ["${net.arn}", 1]}'


def test_the_web_ui_promises_no_time_left() -> None:
    """Its text stays as it was written until something moves; only who asks anew is told how long it may take."""
    rows = [Row(address=NET, verb=Verb.create, fate=Fate.settling)]
    progress = _progress(State.walking, rows).model_copy(update={"total": 1, "left": timedelta(seconds=40)})
    assert headline(progress) == "shop-1 up: walking, 0 of 1, about 40 s left"
    assert markdown(progress).splitlines()[0] == "**shop-1 up: walking, 0 of 1**"


def test_status_says_why_and_what_waits() -> None:
    """Whoever looks at a terminal is told as much of a run as whoever looks at the Web UI."""
    rows = [
        Row(address=NET, verb=Verb.create, fate=Fate.done, remote_id="vpc-1"),
        Row(address=PAGES, verb=Verb.create, fate=Fate.waiting),
    ]
    board = Board(stack="shop", current="shop-1", ledger=pack(Ledger()))
    written = _words(board, _progress(State.walking, rows)).splitlines()
    assert "  because: AWS refused CreateBucket" in written
    assert "  · 1 waiting" in written
    assert "shop: 1 resource" in written
    assert _row(board, _progress(State.walking, rows))["resources"] == 1

"""The frame around every command: options that they share, and the way from an answer or an error to an exit code.

A traceback shows only when HOLDFAST_LOG is `debug`.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError  # typer's own copy of click

from holdfast.contract import Exit
from starter.cli.help import Command
from starter.cli.writing import paint, say, write_json

if TYPE_CHECKING:
    from holdfast.errors import Letter
    from holdfast.run import Report

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])

START, WRITE, RUN, LOOK = "Begin", "The document", "Runs", "What stands, and what happened"


class Format(StrEnum):
    """What stands on stdout."""

    text = "text"
    json = "json"


class _Shared:
    """What a command line asked for, for whoever has to say how it ended."""

    output: str = "text"


shared: Final = _Shared()


def choose(value: Any) -> Any:
    """Remember the format, so that a refusal is said in it too."""
    shared.output = str(value)
    return value


Output = Annotated[
    Format, typer.Option("--output", "-o", callback=choose, help="json: one JSON document on stdout, nothing else.")
]
Params = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter's value; may be repeated.")
]
ParamFiles = Annotated[
    list[str] | None, typer.Option("--param-file", metavar="F", help="A YAML file of parameters; may be repeated.")
]
Targets = Annotated[
    list[str] | None, typer.Option("--target", metavar="ADDRESS", help="Only this resource, and what it stands on.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, not even about what holds data.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return when the run is queued.")]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="SPAN", help="Stop waiting after, say, 90s or 20m. The run goes on.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="WHY", help="Why, for the audit log.")]
TicketNo = Annotated[str, typer.Option("--ticket", metavar="NO", help="A ticket's number, for the audit log.")]


class Leave(Exception):
    """End the command with a code and words, and no letter."""

    def __init__(self, code: Exit, words: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(words)
        self.code, self.facts = code, facts or {}


def command(app: typer.Typer, panel: str | None, *examples: str, name: str | None = None) -> Callable[[C], C]:
    """Register a command with its panel and its examples."""
    shown = "\n".join(f"  {example}" for example in examples)
    return app.command(name, cls=Command, rich_help_panel=panel, epilog=f"Example:\n{shown}", no_args_is_help=False)


def awaited(work: Coroutine[Any, Any, T]) -> T:
    """Run the asynchronous part of a command."""
    import asyncio

    return asyncio.run(work)


def carry_out(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Carry out a command line. Returns its exit code; what went wrong has then been said on stderr."""
    shared.output = "text"
    try:
        code = typer.main.get_command(app).main(args=list(arguments), prog_name="holdfast", standalone_mode=False)
        sys.stdout.flush()
    except Leave as leaving:
        say(str(leaving))
        _tell({**leaving.facts, "exit": int(leaving.code)})
        return leaving.code
    except NoArgsIsHelpError as asked:
        asked.show()
        return Exit.usage
    except ClickException as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        say("stopped; nothing more was asked for")
        return Exit.cancelled
    except BrokenPipeError:
        # Whoever read us has gone, as `head` does. Nothing may be flushed to it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.done
    except Exception as error:  # noqa: BLE001  the last door: whatever it is becomes a letter
        return _failed(error)
    return int(code) if isinstance(code, int) else Exit.done


def exit_of(report: Report) -> Exit:
    """The exit code of a run that has ended."""
    from holdfast.contract import State

    match report.state:
        case State.done | State.unchanged:
            return Exit.done
        case State.undone:
            return Exit.undone
        case State.cancelled:
            return Exit.cancelled
        case State.owed:
            return Exit.owed
        case State.refused:
            return exit_of_letter(report.cause) if report.cause else Exit.not_allowed
        case _:
            return Exit.timed_out


def exit_of_letter(letter: Letter) -> Exit:
    """The exit code of a refusal, by the class of its error."""
    # What the world refused before anything was touched counts as failed and undone: nothing of it stands.
    return {
        "InvalidInput": Exit.input,
        "InvalidDocument": Exit.input,
        "PlanStale": Exit.input,
        "Refused": Exit.not_allowed,
        "NotAllowed": Exit.not_allowed,
        "NoAccount": Exit.not_allowed,
        "Protected": Exit.not_allowed,
        "NotFound": Exit.not_found,
        "Unavailable": Exit.unavailable,
        "Throttled": Exit.unavailable,
        "Pending": Exit.unavailable,
        "Blocked": Exit.unavailable,
        "Broken": Exit.internal,
    }.get(letter.error, Exit.undone)


def write_letter(letter: Letter) -> None:
    """A letter on stderr, its first line in red on a terminal."""
    first, *rest = str(letter).splitlines()
    say("\n".join([paint(first, "red"), *rest]))


def _misused(error: ClickException) -> int:
    usage = error.ctx.get_usage() if isinstance(error, UsageError) and error.ctx else ""
    say(f"{error.format_message()}\n{usage}\nNext: add --help for the options and an example".replace("\n\n", "\n"))
    _tell({"error": {"error": "Usage", "happened": error.format_message()}, "exit": int(Exit.usage)})
    return Exit.usage


def _failed(error: Exception) -> int:
    from holdfast.document.problems import InvalidDocument
    from holdfast.errors import Broken, HoldfastError, InvalidInput

    if os.environ.get("HOLDFAST_LOG", "").lower() == "debug":
        traceback.print_exc()
    told = error
    if isinstance(error, OSError) and error.filename:
        told = InvalidInput(
            f"cannot use {error.filename}: {error.strerror}",
            next="see that it is there, and that it may be read and written",
        )
    elif not isinstance(error, HoldfastError):
        told = Broken(
            f"something nobody foresaw: {type(error).__name__}: {error}",
            next="the same command with HOLDFAST_LOG=debug shows where; please report it",
        )
    assert isinstance(told, HoldfastError)  # noqa: S101  one of the three
    code = exit_of_letter(told.letter)
    write_letter(told.letter)
    facts: dict[str, Any] = {"error": told.letter.model_dump(mode="json"), "exit": int(code)}
    if isinstance(told, InvalidDocument):
        facts["problems"] = [
            {
                "file": p.where.file,
                "line": p.where.line,
                "column": p.where.column,
                "path": p.path,
                "message": p.message,
                "seen": p.seen,
                "nearest": p.nearest,
            }
            for p in told.problems
        ]
    _tell(facts)
    return code


def _tell(facts: dict[str, Any]) -> None:
    if shared.output == Format.json:
        write_json(facts)

"""`local`, `demo` and `worker`: the processes that everything else talks to."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.contract import Exit
from starter.cli.frame import START, Format, Output, awaited, command
from starter.cli.help import Group
from starter.cli.writing import say, table, terminal, write, write_json

if TYPE_CHECKING:
    from starter.local.state import State

Directory = Annotated[
    Path | None,
    typer.Option("--dir", metavar="D", help="Where it keeps its files; .holdfast here unless said."),
]


class Cloud(StrEnum):
    """The local clouds."""

    aws = "aws"
    gcp = "gcp"
    azure = "azure"
    all = "all"


def add(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, START, "holdfast demo", "holdfast demo --cloud aws")(demo)
    local = typer.Typer(
        help="The embedded environment: Temporal, its Web UI, local clouds and workers on this machine.",
        cls=Group,
        rich_markup_mode=None,
        epilog="Example:\n  holdfast local start --detach",
        no_args_is_help=True,
    )
    command(local, None, "holdfast local start", "holdfast local start --cloud all --detach")(start)
    command(local, None, "holdfast local stop")(stop)
    command(local, None, "holdfast local status", "holdfast local status -o json")(status)
    command(local, None, 'eval "$(holdfast local env)"')(env)
    app.add_typer(local, name="local", rich_help_panel=START)
    command(app, START, "holdfast worker", "holdfast worker --queues control,aws")(worker)


def demo(
    cloud: Annotated[Cloud, typer.Option("--cloud", help="Which local cloud plays.")] = Cloud.aws,
    directory: Directory = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards.")] = False,
) -> int:
    """The guided first evening: build a stack, kill a worker in the middle, see it finish, take one back."""
    from starter.demo import demo as play

    return int(awaited(play(directory, clouds=_named([cloud]), keep=keep)))


def start(
    directory: Directory = None,
    cloud: Annotated[
        list[Cloud] | None,
        typer.Option("--cloud", help="A local cloud to start, beside those it had; aws unless said. May be repeated."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when it is healthy; it runs on.")] = False,
    output: Output = Format.text,
) -> int:
    """Start it, or go on with what an earlier start left, runs in progress included."""
    from starter.local import environment

    state = environment.start(_home(directory), detach=detach, say=say, clouds=_named(cloud or []))
    if output is Format.json:
        write_json(_facts(state))
    return Exit.done


def stop(directory: Directory = None) -> int:
    """End everything, in order. Runs in progress go on at the next start."""
    from starter.local import environment

    environment.stop(_home(directory), say)
    return Exit.done


def status(directory: Directory = None, output: Output = Format.text) -> int:
    """What runs, and where. Exits 69 when it does not."""
    from starter.local import environment

    state = environment.status(_home(directory))
    if output is Format.json:
        write_json(_facts(state))
    else:
        write(_words(state))
    return Exit.done if state.running else Exit.unavailable


def env(directory: Directory = None, output: Output = Format.text) -> int:
    """The variables by which a shell, or an SDK, reaches it."""
    from starter.local import environment

    variables = environment.env(_home(directory))
    if not environment.status(_home(directory)).running:
        say("nothing runs there now; these hold again after `holdfast local start`")
    if output is Format.json:
        write_json(variables)
        return Exit.done
    if terminal():
        say('# eval "$(holdfast local env)"')
    for name, value in variables.items():
        write(f"export {name}={shlex.quote(value)}")
    return Exit.done


def worker(
    queues: Annotated[
        str, typer.Option("--queues", metavar="Q,Q", help="What it serves: control, aws, gcp, azure.")
    ] = "control,aws",
) -> None:
    """Run a worker until it is told to stop; then it finishes what is under way, and leaves."""
    from workers.main import run

    run([queue.strip() for queue in queues.split(",") if queue.strip()])


def _named(clouds: Sequence[Cloud]) -> list[str]:
    """The clouds that are meant, in the order in which `Cloud` has them."""
    return [c.value for c in Cloud if c is not Cloud.all and (c in clouds or Cloud.all in clouds)]


def _home(directory: Path | None) -> Path:
    from starter.local.environment import DEFAULT

    return directory or DEFAULT


def _facts(state: State) -> dict[str, Any]:
    return {
        "directory": str(state.directory),
        "running": state.running,
        "healthy": state.healthy,
        "failure": state.failure,
        "temporal": state.address,
        "ui": state.ui,
        "clouds": state.clouds,
        "processes": [{"name": p.name, "pid": p.pid, "port": p.port, "healthy": p.healthy} for p in state.processes],
    }


def _words(state: State) -> str:
    if not state.running:
        why = f": {state.failure}" if state.failure else ""
        return f"nothing runs for {state.directory}{why}\nNext: `holdfast local start`"
    rows = [
        (p.name, str(p.pid or "-"), str(p.port or "-"), "healthy" if p.healthy else "not healthy")
        for p in state.processes
    ]
    return f"Temporal {state.address} · Web UI {state.ui}\n" + table(("PROCESS", "PID", "PORT", ""), rows)

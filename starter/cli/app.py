"""The commands, in the panels in which `holdfast --help` shows them."""

from __future__ import annotations

from typing import Annotated

import typer

from starter.cli import answering, auditing, documents, house, looking, running
from starter.cli.help import Group
from starter.cli.writing import write

app = typer.Typer(
    name="holdfast",
    help="Bring stacks of cloud resources to their documents, by runs that finish or take back what they did.",
    epilog="First evening: holdfast demo\n\n"
    "Exit codes: 0 done · 1 internal · 2 changes · 3 not allowed · 4 failed and undone · 6 not found\n"
    "            7 work owed · 8 cancelled · 9 waited too long · 10 waits for you · 64 usage · 65 input\n"
    "            69 unavailable",
    rich_markup_mode=None,
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        write(f"holdfast {version('holdfast')}")
        raise typer.Exit


@app.callback()
def holdfast(
    asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which Holdfast this is, and leave.")
    ] = False,
) -> None:
    """What stands before every command."""


# In the order of the panels: a first evening, the document, runs, what stands, and what happened.
house.add(app)
documents.add(app)
running.add(app)
answering.add(app)
looking.add(app)
auditing.add(app)

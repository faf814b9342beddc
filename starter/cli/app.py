"""The commands, in the panels in which `holdfast --help` shows them."""

from __future__ import annotations

import typer

from starter.cli import answering, auditing, documents, house, looking, running
from starter.cli.help import Group

app = typer.Typer(
    name="holdfast",
    help="Bring stacks of cloud resources to their documents, by runs that finish or take back what they did.",
    epilog="First evening: holdfast demo\n\n"
    "Exit codes: 0 done · 2 changes · 4 failed and undone · 6 not found · 7 work owed · 8 cancelled\n"
    "            9 waited too long · 10 waits for you · 64 usage · 65 input · 69 unavailable",
    rich_markup_mode=None,
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order of the panels: a first evening, the document, runs, what stands, and what happened.
house.add(app)
documents.add(app)
running.add(app)
answering.add(app)
looking.add(app)
auditing.add(app)

"""How the demo shows things: on a terminal in colour and drawn in place, elsewhere as plain lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from holdfast.contract import State
from holdfast.plan import Plan
from holdfast.progress import Progress, Row
from holdfast.run import Fate
from holdfast.tree import ICONS, headline, words

COLOURS = {
    Fate.done: "green",
    Fate.unchanged: "green",
    Fate.acting: "yellow",
    Fate.settling: "yellow",
    Fate.failed: "red",
    Fate.stuck: "red",
    Fate.lost: "red",
    Fate.undoing: "magenta",
    Fate.undone: "cyan",
}

Draw = Callable[[Progress], None]


class Stage:
    """Where the evening is shown. With `say`, plain lines go there instead of to standard output."""

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._say = say
        self._drawn = say is None and self._console.is_terminal
        self._scenes = 0

    def title(self, text: str) -> None:
        self._put(text, "bold")

    def scene(self, text: str) -> None:
        """What comes next, numbered."""
        self._scenes += 1
        self._put("")
        self._put(f"{self._scenes}. {text}", "bold cyan")

    def line(self, text: str) -> None:
        self._put(text)

    def good(self, text: str) -> None:
        """A promise, kept."""
        self._put(f"✓ {text}", "bold green")

    def blow(self, text: str) -> None:
        """Something bad that we did on purpose."""
        self._put(f"⚡ {text}", "bold red")

    def document(self, text: str) -> None:
        for line in text.splitlines():
            self._put(f"  {line}", "dim")

    def plan(self, plan: Plan) -> None:
        """One line an act, and how well each can be taken back."""
        width = max((len(str(a.address)) for a in plan.actions), default=0)
        for action in plan.actions:
            self._put(f"  {action.verb.sign} {action.address!s:<{width}}  undo: {action.undo.label}", "green")
        if plan.point_of_no_return is None:
            self._put("All of it can be taken back.")

    @contextmanager
    def drawing(self, *, quiet: bool = False) -> Iterator[Draw]:
        """Draw a run while it goes on. `quiet`: not at all."""
        if quiet:
            yield lambda _: None
        elif self._drawn:
            with Live(console=self._console, refresh_per_second=8, transient=False) as live:
                yield lambda progress: live.update(picture(progress))
        else:
            yield _Changes(self._put).draw

    def _put(self, text: str, style: str = "") -> None:
        if self._say is not None:
            for line in text.split("\n"):
                self._say(line)
        else:
            self._console.print(Text(text, style=style))


class _Changes:
    """What has changed since the last look, a line each."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._put = put
        self._seen: dict[str, Fate] = {}
        self._state: State | None = None

    def draw(self, progress: Progress) -> None:
        for row in progress.rows:
            key = f"{row.verb.sign} {row.address}"
            before, self._seen[key] = self._seen.get(key, Fate.waiting), row.fate
            # Settling is over in a moment, and a row that only waits has nothing to say.
            if row.fate is not before and row.fate is not Fate.settling:
                self._put(f"  {line(row)}")
        if progress.state is not self._state:
            self._state = progress.state
            self._put(f"  {headline(progress)}")


def line(row: Row) -> str:
    """`✓ + shop/aws.vpc/net  done · vpc-0a1b`."""
    return f"{ICONS[row.fate]} {row.verb.sign} {row.address}  {words(row)}"


def picture(progress: Progress) -> Text:
    """A run as it is, in colour."""
    text = Text(f"  {headline(progress)}\n", style="bold")
    for row in progress.rows:
        text.append(f"  {line(row)}\n", style=f"not bold {COLOURS.get(row.fate, 'dim')}")
    return text

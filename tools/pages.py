"""Write the pages that follow from the code: one for each kind, and one for the command line.

    make pages          # python -m tools.pages

A test compares what is committed with what this would write, so a kind and its page cannot drift apart.
"""

from __future__ import annotations

from pathlib import Path

from starter.cli.app import app
from tools import cli_page, kind_page
from workers.catalog import catalog

ROOT = Path(__file__).resolve().parent.parent
KINDS, CLI = Path("docs/kinds"), Path("docs/reference/cli.md")


def pages() -> dict[Path, str]:
    """Every generated page, by its path from the root of the project."""
    known = catalog()
    written = {KINDS / f"{kind.kind}.md": kind_page.of_kind(kind) for kind in known}
    written |= {KINDS / f"{name}.md": kind_page.of_data(known.data(name)) for name in known.data_kinds}
    return {**written, KINDS / "README.md": kind_page.index(known), CLI: cli_page.page(app)}


def stale() -> list[Path]:
    """Pages of kinds that are no more."""
    wanted = pages()
    return [there for there in sorted((ROOT / KINDS).glob("*.md")) if there.relative_to(ROOT) not in wanted]


def main() -> None:
    """Write them all, and remove those of kinds that are no more."""
    for file in stale():
        file.unlink()
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Read a page that can be carried out: its `console` blocks in order, and the files that its `yaml` blocks make.

A command begins with `$ `; the lines below it are what it answers. A `yaml` block whose first line is `# NAME` is that
file; `# NAME, at the end` is added to it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (?P<name>[a-z]+\.yaml)(?P<more>, at the end)?\n")
ANY = "…"


@dataclass(slots=True)
class Step:
    """One command, or one file, and what the page shows of its answer."""

    command: str
    shown: list[str] = field(default_factory=list)
    line: int = 0


def steps(page: Path) -> list[Step]:
    """What a page asks its reader to do, in order."""
    text = page.read_text()
    return [step for block in BLOCK.finditer(text) for step in _of(block, text[: block.start()].count("\n") + 2)]


def script(found: list[Step], answers: Path) -> str:
    """A shell's script that carries them out in one shell. Answers go to `N.out`, exit codes to `N.code`."""
    lines = ["code=0"]
    for n, step in enumerate(found):
        out, code = shlex.quote(str(answers / f"{n}.out")), shlex.quote(str(answers / f"{n}.code"))
        # In braces, not brackets: what it sets stays set. `$?` is what the command before it left.
        lines += [f"{{ (exit $code); {step.command}\n}} > {out} 2>&1", f"code=$?; echo $code > {code}"]
    return "\n".join(lines) + "\n"


def missing(shown: list[str], answered: str) -> list[str]:
    """The lines that are shown and were not answered, in this order; other lines may stand between them."""
    answers = iter(answered.splitlines())
    return [line for line in shown if not any(_like(line).fullmatch(_plain(answer)) for answer in answers)]


def _of(block: re.Match[str], first: int) -> Iterator[Step]:
    language, body = block.groups()
    if language == "yaml":
        if head := FILE.match(body):
            sign = ">>" if head["more"] else ">"
            yield Step(f"cat {sign} {head['name']} <<'END_OF_BLOCK'\n{body[head.end() :]}END_OF_BLOCK", line=first)
        return
    step: Step | None = None
    for n, line in enumerate(body.splitlines()):
        if line.startswith("$ "):
            if step is not None:
                yield step
            step = Step(line[2:], line=first + n)
        elif step is None:
            raise AssertionError(f"line {first + n}: an answer before its command")
        else:
            step.shown.append(line)
    if step is not None:
        yield step


def _like(line: str) -> re.Pattern[str]:
    # Columns are as wide as their longest word, which may be an id; so spaces count as one.
    return re.compile(" ?.*? ?".join(re.escape(part.strip()) for part in _plain(line).split(ANY)))


def _plain(line: str) -> str:
    return " ".join(line.split())

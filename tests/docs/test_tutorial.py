"""The pages that tell a reader to type something: each is typed, in a real environment, and the answers compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from starter.local import environment
from tests.cloud import ROOT
from tests.docs.page import Step, missing, script, steps
from tests.starter.strays import all_gone

LONGEST = 400.0  # seconds for a whole page, on a machine that has much else to do


@pytest.mark.slow  # more than a minute: a rollback that looks for late hands, and a worker missed by its heartbeat
@pytest.mark.kill
@pytest.mark.timeout(LONGEST + 60)
@pytest.mark.parametrize("name", ["tutorial.md", "how-to/recover-a-stuck-run.md", "how-to/play-your-own-document.md"])
def test_what_a_page_says_happens(name: str, tmp_path: Path) -> None:
    """Whoever types what the page says, in order, sees what it shows, and nothing is left running."""
    here, answers = tmp_path / "here", tmp_path / "answers"
    here.mkdir()
    answers.mkdir()
    found = steps(ROOT / "docs" / name)
    try:
        _typed(found, here, answers)
    finally:
        if environment.status(here / ".holdfast").running:
            environment.stop(here / ".holdfast", say=print)
    all_gone(here / ".holdfast")
    wrong = [text for n, step in enumerate(found) for text in _judged(step, answers, n, found[n + 1 : n + 2])]
    assert not wrong, "\n\n".join(wrong)


def _typed(found: list[Step], here: Path, answers: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "HOLDFAST_", "TEMPORAL_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    shell = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-c", script(found, answers)],
        cwd=here,
        env={**clean, "PATH": path, "HOLDFAST_LOCAL_PORTS": "any", "HOLDFAST_REQUESTER": "ada"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        shell.wait(LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, 9)  # a session of its own: only what the page itself has started and waits for
        shell.wait()


def _judged(step: Step, answers: Path, n: int, following: list[Step]) -> list[str]:
    """What is wrong with an answer. A command succeeds, unless the page asks for its exit code next."""
    out, code = answers / f"{n}.out", answers / f"{n}.code"
    where = f"line {step.line}: $ {step.command}"
    if not code.exists():
        return [f"{where}\nhas not ended: {out.read_text() if out.exists() else 'it never began'}"]
    answered, wrong = out.read_text(), missing(step.shown, out.read_text())
    asked_for = bool(following) and following[0].command == "echo $?"
    if code.read_text().strip() != "0" and not asked_for and "holdfast plan" not in step.command:
        wrong.append(f"(exit code 0, and not {code.read_text().strip()})")
    return [f"{where}\nwanted: {'; '.join(wrong)}\nanswered:\n{answered}"] if wrong else []


class TestReading:
    def test_shown_lines_are_found_in_order(self) -> None:
        """A line matches up to what differs each time, and lines that are not shown may stand between."""
        answered = "shop-1 up: done after 2 s\nid    vpc-1\nthe end"
        assert missing(["shop-1 up: done after …", "id  vpc-…", "the end"], answered) == []
        assert missing(["the end", "id  vpc-…"], answered) == ["id  vpc-…"]
        assert missing(["shop-2 up: done after …"], answered) == ["shop-2 up: done after …"]

    def test_a_shell_keeps_what_a_command_set(self, tmp_path: Path) -> None:
        """Variables set by one command are there for the next, and `$?` is the command's before."""
        found = [Step("a=1"), Step('echo "$a"'), Step("(exit 7)"), Step("echo $?")]
        subprocess.run(["bash", "-c", script(found, tmp_path)], check=True)
        assert [(tmp_path / f"{n}.out").read_text() for n in range(4)] == ["", "1\n", "", "7\n"]

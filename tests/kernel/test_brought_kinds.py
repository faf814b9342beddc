"""Kinds that an installed package brings: found, or refused in a letter that names the package."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from holdfast.errors import Broken
from workers.catalog import catalog

KIND = """
    from holdfast.testing.sim import SimThing


    class Golden(SimThing):
        kind = "sim.golden"
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No test knows what an earlier one had installed, nor anybody after it."""
    catalog.cache_clear()
    yield
    catalog.cache_clear()
    for name in [name for name in sys.modules if name.startswith("golden_")]:
        del sys.modules[name]


def install(root: Path, module: str, text: str | None, names: str = "") -> Path:
    """A distribution `golden-kinds` whose entry point names a module; returns what has to be on the path."""
    about = root / "golden_kinds-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: golden-kinds\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[holdfast.kinds]\ngolden = {module}{names}\n")
    if text is not None:
        (root / f"{module}.py").write_text(dedent(text))
    return root


def test_what_a_package_brings_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package's kinds stand beside ours."""
    monkeypatch.syspath_prepend(install(tmp_path, "golden_good", KIND))
    assert "sim.golden" in catalog()
    assert "aws.vpc" in catalog()


@pytest.mark.parametrize(
    "module, text, names, why",
    [
        ("golden_boom", "raise RuntimeError('boom')", "", "cannot be read: RuntimeError: boom"),
        ("golden_exit", "raise SystemExit(3)", "", "cannot be read: SystemExit: 3"),
        ("golden_none", None, "", "cannot be read: ModuleNotFoundError: No module named 'golden_none'"),
        ("golden_attr", KIND, ":Nobody", "cannot be read: AttributeError: module 'golden_attr'"),
        ("golden_class", KIND, ":Golden", "is no module"),
        ("golden_bare", "from holdfast.testing.sim import SimThing", "", "declares no kind"),
        (
            "golden_init",
            KIND + "\n\n        def __init__(self):\n            raise ValueError('no')\n",
            "",
            "has a kind that cannot be made: ValueError: no",
        ),
    ],
)
def test_what_cannot_be_used_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, text: str | None, names: str, why: str
) -> None:
    """The letter says which package is at fault, where, why, and how to be rid of it."""
    monkeypatch.syspath_prepend(install(tmp_path, module, text, names))
    with pytest.raises(Broken) as refused:
        catalog()
    letter = refused.value.letter
    named = f"{module}{names}, which golden-kinds 1.2 names as `golden` in holdfast.kinds, "
    assert letter.happened.startswith(named + why)
    assert letter.next == "mend or uninstall golden-kinds"


def test_a_command_prints_that_letter(tmp_path: Path) -> None:
    """On the command line it is a letter, and not something nobody foresaw."""
    root = install(tmp_path, "golden_boom", "raise RuntimeError('boom')")
    ran = subprocess.run(
        [sys.executable, "-c", "from starter.cli import main; main()", "kinds"],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert "golden-kinds 1.2" in ran.stderr
    assert "Next: mend or uninstall golden-kinds" in ran.stderr
    assert "foresaw" not in ran.stderr

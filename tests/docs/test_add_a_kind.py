"""The page that says how a kind is added: what it shows is made into a package, found, and held to the laws.

Its author has Holdfast's wheel and no checkout. So has the package here: it is installed beside the wheel, in an
environment of its own from which nothing of this directory can be imported.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cloud import ROOT

BLOCK = re.compile(r"^```(?:python|toml)\n# (?P<name>[a-z_.]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LED_ASTRAY = ("PYTHONPATH", "PYTEST_")  # what would bring our own directory, or our own runner's workers


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever follows the page: a directory with its files, and an environment with what was installed."""

    package: Path
    python: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(LED_ASTRAY)}
        return subprocess.run(
            [self.python, *command],
            cwd=self.package,
            env={**environment, "COLUMNS": "120"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def holdfast(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("-c", "from starter.cli import main; main()", *words)


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    """As the page's commands leave them, except that what others wrote comes from where it is installed for us."""
    package, environment = tmp_path_factory.mktemp("golden-kinds"), tmp_path_factory.mktemp("environment")
    page = (ROOT / "docs" / "how-to" / "add-a-kind.md").read_text()
    for block in BLOCK.finditer(page):
        (package / block["name"]).write_text(block["text"])
    venv.create(environment, symlinks=True)
    where = {"base": str(environment), "platbase": str(environment)}
    installed = Path(sysconfig.get_path("purelib", "venv", where))
    for project in (ROOT, package):
        with zipfile.ZipFile(_wheel(project, tmp_path_factory.mktemp("wheel"))) as wheel:
            wheel.extractall(installed)
    # A directory that is named so is searched, but its own `.pth` files are not read: by one our checkout is installed.
    (installed / "others.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    return Author(package, Path(sysconfig.get_path("scripts", "venv", where)) / "python")


def _wheel(project: Path, to: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(to)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (wheel,) = to.iterdir()
    return wheel


def test_its_author_has_no_checkout(author: Author) -> None:
    """What is imported is what the wheel brings, and our tests are not in it."""
    asked = "import importlib.util as u; print(*(u.find_spec(name) is not None for name in ('tests', 'tools')))"
    assert author.run("-c", asked).stdout.split() == ["False", "False"]
    found = author.run("-c", "import starter.testing, golden_image; print(starter.__file__, golden_image.__file__)")
    ours, theirs = map(Path, found.stdout.split())
    assert ours.is_relative_to(author.python.parents[1])
    assert theirs.is_relative_to(author.package)


def test_a_package_brings_a_kind(author: Author, tmp_path: Path) -> None:
    """It is listed, described and checked as any other."""
    listed = author.holdfast("kinds")
    assert re.search(r"^gcp\.golden_image +GCP +build +An image of a disk", listed.stdout, re.MULTILINE), listed
    shown = author.holdfast("kinds", "gcp.golden_image")
    assert "source_disk" in shown.stdout
    file = tmp_path / "golden.yaml"
    file.write_text(
        "version: 1\nstack: golden\nowner: tests\nenvironment: dev\n"
        "scopes: {main: {cloud: gcp, account: golden-dev, region: us-central1}}\ndefaults: {scope: main}\nresources:\n"
        "  disk: {kind: gcp.disk, spec: {name: golden, zone: us-central1-a, size_gb: 20}}\n"
        '  image: {kind: gcp.golden_image, spec: {name: golden, source_disk: "${disk.self_link}"}}\n'
    )
    checked = author.holdfast("check", str(file))
    assert checked.returncode == 0, checked
    assert "2 resources of 2 kinds" in checked.stdout


def test_its_author_can_play_a_law(author: Author) -> None:
    """The page's test starts a local cloud by itself, and the kind is judged on it."""
    ran = author.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "creating_twice_makes_one")
    assert re.search(r"^1 passed", ran.stdout, re.MULTILINE), ran.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_keeps_the_laws_and_survives_the_losses(author: Author) -> None:
    """As the page's last command says."""
    ran = author.run("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert re.search(r"\d\d passed", ran.stdout)

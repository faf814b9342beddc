"""The page that says how a kind is added: what it shows is made into a package, found, and held to the laws."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(?:python|toml)\n# (?P<name>[a-z_.]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The page's package as an installer would leave it: its module, and what it says of itself."""
    page = (ROOT / "docs" / "how-to" / "add-a-kind.md").read_text()
    files = {block["name"]: block["text"] for block in BLOCK.finditer(page)}
    (tmp_path / "golden_image.py").write_text(files["golden_image.py"])
    project = tomllib.loads(files["pyproject.toml"])["project"]
    about = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    entries = [
        f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in modules.items())
        for group, modules in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n".join(entries))
    return tmp_path


def _run(package: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(package), "COLUMNS": "120"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def test_a_package_brings_a_kind(package: Path, tmp_path: Path) -> None:
    """It is listed, described and checked as any other."""
    command = ("-c", "from starter.cli import main; main()")
    listed = _run(package, *command, "kinds")
    assert re.search(r"^gcp\.golden_image +GCP +build +An image of a disk", listed.stdout, re.MULTILINE), listed
    shown = _run(package, *command, "kinds", "gcp.golden_image")
    assert "source_disk" in shown.stdout
    file = tmp_path / "golden.yaml"
    file.write_text(
        "version: 1\nstack: golden\nowner: tests\nenvironment: dev\n"
        "scopes: {main: {cloud: gcp, account: golden-dev, region: us-central1}}\ndefaults: {scope: main}\nresources:\n"
        "  disk: {kind: gcp.disk, spec: {name: golden, zone: us-central1-a, size_gb: 20}}\n"
        '  image: {kind: gcp.golden_image, spec: {name: golden, source_disk: "${disk.self_link}"}}\n'
    )
    checked = _run(package, *command, "check", str(file))
    assert checked.returncode == 0, checked
    assert "2 resources of 2 kinds" in checked.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_keeps_the_laws_and_survives_the_losses(package: Path) -> None:
    """As the page's last command says, without the runner's own workers."""
    ran = _run(
        package,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/kinds/test_google_laws.py",
        "-k",
        "gcp.golden_image",
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert re.search(r"\d\d passed", ran.stdout)

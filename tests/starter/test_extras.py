"""A worker needs the SDK of the cloud it serves, and of no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.contract import Exit

ROOT = Path(__file__).parents[2]
SDK = {"aws": ("boto3", "botocore"), "gcp": ("google.auth", "google.cloud"), "azure": ("azure",)}
# What serves a queue, up to the moment at which it would speak to Temporal.
SERVING = """
import sys
missing, queues = sys.argv[1].split(), sys.argv[2].split()
class Missing:
    def find_spec(self, name, path=None, target=None):
        if any(name == m or name.startswith(m + ".") for m in missing):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import workers.composition as composition
from holdfast.errors import HoldfastError
from workers.settings import Settings
try:
    served = composition.served(queues, None, Settings(store="file:/nowhere"))
except HoldfastError as error:
    sys.exit(str(error))
print(*(one.queue for one in served), *sorted(m for m in sys.modules if m in {"boto3", "google.auth", "azure.core"}))
"""


def _serve(missing: str, queues: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SERVING, missing, queues]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("cloud", SDK)
def test_a_cloud_is_served_without_the_sdks_of_others(cloud: str) -> None:
    others = " ".join(name for other, names in SDK.items() if other != cloud for name in names)
    ran = _serve(others, f"control {cloud}")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split()[:2] == ["holdfast-control", f"holdfast-{cloud}"]
    mine = {"aws": "boto3", "gcp": "google.auth", "azure": "azure.core"}[cloud]
    assert set(ran.stdout.split()[2:]) <= {mine}


@pytest.mark.parametrize("cloud", SDK)
def test_a_missing_extra_is_named(cloud: str) -> None:
    ran = _serve(" ".join(SDK[cloud]), cloud)
    assert ran.returncode == 1
    assert f"this worker cannot serve {cloud}" in ran.stderr
    assert f"pip install 'holdfast[{cloud}]'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_planning_needs_no_sdk_at_all() -> None:
    ran = _serve(" ".join(name for names in SDK.values() for name in names), "control")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["holdfast-control"]


def test_a_worker_with_a_faulty_credentials_file_does_not_begin(tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text("- scope: aws/123456789012/*\n  profle: prod\n")
    environment = {"HOLDFAST_CREDENTIALS": str(file), "PATH": "", "HOLDFAST_STORE": f"file:{tmp_path / 'store'}"}
    ran = subprocess.run(
        [sys.executable, "-m", "workers", "aws"],
        cwd=ROOT,
        env={**environment, "TEMPORAL_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode in {Exit.input, Exit.unavailable}
    assert _serve("", "aws", **environment).returncode == 1
    said = _serve("", "aws", **environment).stderr
    assert f"{file}:2" in said or f"{file}, line 2" in said
    assert "profle" in said
    assert _serve("", "control", **environment).returncode == 0

"""A worker needs the SDK of the cloud it serves, and of no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.contract import Exit

ROOT = Path(__file__).parents[2]
SDK = {"aws": ("boto3", "botocore"), "gcp": ("google.auth", "google.cloud"), "azure": ("azure",)}
HIDING = """
import sys
missing, queues = sys.argv[1].split(), sys.argv[2].replace(",", " ").split()
class Missing:
    def find_spec(self, name, path=None, target=None):
        if any(name == m or name.startswith(m + ".") for m in missing):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""
# What serves a queue, up to the moment at which it would speak to Temporal.
SERVING = """
import workers.composition as composition
from holdfast.errors import HoldfastError
from workers.settings import Settings
try:
    served = composition.served(queues, None, Settings(store="file:/nowhere"))
except HoldfastError as error:
    sys.exit(str(error))
print(*(one.queue for one in served), *sorted(m for m in sys.modules if m in {"boto3", "google.auth", "azure.core"}))
"""
# Then opens every service of a cloud, as an act does while a workflow runs: the sandbox has put another thing in the
# place of `sys.modules`, which for this thread is still the same.
OPENING = """
import importlib
from temporalio.worker.workflow_sandbox import _importer
from holdfast.errors import Unavailable
from holdfast.model import Scope
sys.modules = _importer._thread_local_sys_modules
try:
    visit = composition.open_cloud(cloud := queues[-1])(Scope(cloud, account := sys.argv[3], "here-1"))
    for service in sys.argv[4].split():
        visit.client(service)
except Unavailable:
    pass  # AWS is asked whose the credentials are, and nobody is there
for sdk in composition.SDKS[cloud]:
    importlib.import_module(sdk)
"""
SERVICES = {
    "aws": ("123456789012", "ec2 s3 sqs iam resourcegroupstaggingapi"),
    "gcp": ("a-project", "instances networks zone_operations projects folders iam storage"),
    "azure": (
        "00000000-0000-0000-0000-000000000001",
        "authorization compute keyvault msi network resource storage",
    ),
}
BEGINNING = """
from workers.main import run
run(queues)
"""


def _serve(missing: str, queues: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HIDING + SERVING, missing, queues]
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
def test_an_sdk_is_whole_before_a_workflow_runs(cloud: str) -> None:
    """Where a worker runs workflows as well, no act has to import a module that the sandbox would break."""
    account, services = SERVICES[cloud]
    command = [sys.executable, "-c", HIDING + SERVING + OPENING, "", f"control {cloud}", account, services]
    known = {
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": "http://127.0.0.1:1",
        "HOLDFAST_AZURE_ENDPOINT": "http://127.0.0.1:1",
    }
    ran = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


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


DEMONSTRATING = """
from starter.cli import run
sys.exit(run(["demo", "--cloud", *queues]))
"""


@pytest.mark.parametrize(
    "missing, cloud, extras",
    [
        ("boto3 botocore moto", "aws", "aws,local"),
        ("moto", "aws", "local"),
        ("google.auth google.cloud azure cheroot", "all", "gcp,azure,local"),
    ],
)
def test_a_demo_names_all_that_it_lacks_at_once(missing: str, cloud: str, extras: str) -> None:
    """Before it says anything else, and so that one command installs it."""
    command = [sys.executable, "-c", HIDING + DEMONSTRATING, missing, cloud]
    ran = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == Exit.input, ran.stderr
    assert f"pip install 'holdfast[{extras}]'" in ran.stderr
    assert ran.stdout == ""
    assert "Nothing runs" not in ran.stderr


def _begin(missing: str, queues: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A worker's whole process, where no Temporal answers."""
    begins = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "HOLDFAST_STORE": "file:/nowhere", **environment}
    command = [sys.executable, "-c", HIDING + BEGINNING, missing, queues]
    return subprocess.run(command, cwd=ROOT, env=begins, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "missing, queues, store, said",
    [
        ("google.auth", "gcp", "file:/nowhere", "pip install 'holdfast[gcp]'"),
        ("", "control,awz", "file:/nowhere", "there is no queue 'awz'"),
        ("boto3 botocore", "gcp", "s3://bucket/prefix", "pip install 'holdfast[aws]'"),
    ],
)
def test_a_worker_that_cannot_begin_says_so(missing: str, queues: str, store: str, said: str) -> None:
    """What is wrong with a worker itself is said before Temporal is asked, and with the exit code for it."""
    ran = _begin(missing, queues, HOLDFAST_STORE=store)
    assert ran.returncode == Exit.input, ran.stderr
    assert said in ran.stderr
    assert "Temporal" not in ran.stderr


def test_a_worker_that_could_begin_asks_temporal() -> None:
    """One that lacks nothing gets as far as to Temporal; a bucket takes no more than its SDK."""
    ran = _begin("", "control", HOLDFAST_STORE="s3://bucket/prefix")
    assert ran.returncode == Exit.unavailable, ran.stderr
    assert "Temporal" in ran.stderr


def test_a_worker_with_a_faulty_credentials_file_does_not_begin(tmp_path: Path) -> None:
    """A cloud's worker whose credentials file is wrong says where, and does not begin; planning needs none."""
    file = tmp_path / "credentials.yaml"
    file.write_text("- scope: aws/123456789012/*\n  profle: prod\n")
    ran = _begin("", "aws", HOLDFAST_CREDENTIALS=str(file))
    assert ran.returncode == Exit.input, ran.stderr
    assert f"{file}:2" in ran.stderr
    assert "profle" in ran.stderr
    assert _serve("", "control", HOLDFAST_CREDENTIALS=str(file)).returncode == 0

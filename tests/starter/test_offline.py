"""What the command line does without a server: help, the document, and letters with their exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from activities.secrets import read_secret
from holdfast.contract import Exit
from holdfast.errors import InvalidInput
from holdfast.secret import Secret
from starter.cli import run
from starter.cli.frame import exit_of_letter
from starter.local import environment
from starter.local.state import State, write
from tests.cloud import ROOT
from tests.starter.conftest import NET, Place
from workers.settings import Settings

COMMANDS = (
    "demo", "worker", "kinds", "schema", "check", "plan", "up", "down", "watch", "cancel", "resolve", "status",
    "stacks", "runs", "report", "local start", "local stop", "local status", "local env", "audit log",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A person who asks a command for help is shown a line to type."""
    assert run([*command.split(), "--help"]) == Exit.done
    said = capsys.readouterr().out
    assert "Example:" in said
    assert f"holdfast {command}" in said
    assert not re.search(r"\[\[|\{|<str>|<int", said), "what is to be typed is named as in the pages"


def test_help_tells_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever code a command may leave with, a script's author finds it in the help."""
    sources = [*(ROOT / "starter").rglob("*.py"), ROOT / "workers/main.py"]
    given = {name for file in sources for name in re.findall(r"\bExit\.([a-z_]+)", file.read_text())}
    assert run(["--help"]) == Exit.done
    told = capsys.readouterr().out.partition("Exit codes: ")[2]
    assert {int(code) for code in re.findall(r"(\d+) [a-z]", told)} == {Exit[name] for name in given}


def test_a_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reports something can say of which Holdfast."""
    assert run(["--version"]) == Exit.done
    assert re.fullmatch(r"holdfast \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("asked, words", [("--help", "Begin"), ("--version", "holdfast ")])
def test_help_imports_nothing_heavy(asked: str, words: str) -> None:
    """Asking for help, or for the version, loads no cloud SDK, no Temporal and no model."""
    code = f"import sys; from starter.cli import run; run(['{asked}']); print(*sys.modules, file=sys.stderr)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    tops = {name.partition(".")[0] for name in said.stderr.split()}
    heavy = {"temporalio", "pydantic", "boto3", "botocore", "google", "azure", "moto", "ruamel", "structlog", "rich"}
    assert not tops & heavy
    assert words in said.stdout


def test_check_says_what_a_document_holds(alone: Place) -> None:
    """A right document is said to be right, with no server and no cloud."""
    said = alone.ask("check", alone.document(), "-o", "json")
    assert (said.code, said.err) == (Exit.done, "")
    assert said.json["resources"] == [f"{alone.stack}/aws.vpc/net"]


def test_check_names_every_fault_with_its_line(alone: Place) -> None:
    """A document with faults is refused with all of them, each with its place, for people and for programs."""
    file = alone.document(
        "  net: {kind: aws.vcp, spec: {cidr: 10.0.0.0/16}}\n  box: {kind: aws.vpc, spec: {cdir: 1}}\n"
    )
    said = alone.ask("check", file, "-o", "json")
    assert said.code == Exit.input
    assert f"{file}:9:" in said.err
    assert "did you mean aws.vpc?" in said.err
    assert "Next:" in said.err
    assert {p["line"] for p in said.json["problems"]} == {9, 10}
    assert said.json["exit"] == Exit.input
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["check", "/nowhere.yaml"], Exit.input, "cannot read /nowhere.yaml"),
        (["check", "/"], Exit.input, "cannot read /: Is a directory"),
        (["check", sys.executable], Exit.input, "is not UTF-8 text"),
        (["up", "README.md", "--plan", "/nowhere.plan"], Exit.input, "cannot read /nowhere.plan"),
        (["kinds", "aws.vcp"], Exit.input, "did you mean aws.vpc?"),
        (["watch", "nonsense"], Exit.unavailable, "no Temporal server"),
        (["status", "shop"], Exit.unavailable, "no Temporal server answers at 127.0.0.1:1"),
        (["up"], Exit.usage, "FILE"),
        (["nix"], Exit.usage, "nix"),
        (["watch", "shop-1", "--timeout", "soon"], Exit.input, "soon"),
        (["audit", "log", "--since", "soon"], Exit.input, "soon"),
        (["resolve", "shop", "retry"], Exit.input, "not an address"),
        (["worker", "--queues", "control"], Exit.unavailable, "no Temporal server answers at 127.0.0.1:1\nStanding:"),
        (["local", "env", "--dir", "/nowhere"], Exit.not_found, "local start"),
        (["local", "start", "--detach", "--dir", "/dev/null/x"], Exit.input, "cannot use /dev/null/x"),
    ],
)
def test_a_refusal_is_a_letter_with_its_code(alone: Place, arguments: list[str], code: Exit, words: str) -> None:
    """Whatever is refused is refused in words that lead on, with the exit code that scripts know, and no traceback."""
    said = alone.ask(*arguments)
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert "\nNext: " in said.err
    assert "Traceback" not in said.err


def test_a_level_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a variable says is taken or refused, never passed over: by a worker, and before an environment starts."""
    monkeypatch.setenv("HOLDFAST_LOG", "loud")
    for read in (Settings.read, lambda: environment.start(tmp_path, detach=True, say=print)):
        with pytest.raises(InvalidInput, match=r"HOLDFAST_LOG is 'loud'\nNext: .*warning"):
            read()
    assert Settings.read({"HOLDFAST_LOG": "WARNING"}).log == "warning"


@pytest.mark.parametrize("reference", ["env:NOBODY_SET_THIS", "file:/nowhere"])
def test_a_secret_that_a_worker_lacks(reference: str) -> None:
    """It is an input that is wrong, as its exit code says; nothing was looked for that is not there."""
    with pytest.raises(InvalidInput) as refused:
        read_secret(Secret(reference))
    assert exit_of_letter(refused.value.letter) is Exit.input


def test_variables_of_what_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A shell may have them; whoever asks is told that nobody answers there."""
    write(State(tmp_path, running=False, ports={"temporal": 7233, "ui": 8233}))
    assert run(["local", "env", "--dir", str(tmp_path)]) == Exit.done
    said = capsys.readouterr()
    assert "export TEMPORAL_ADDRESS=127.0.0.1:7233\n" in said.out
    assert "nothing runs there now" in said.err


@pytest.mark.parametrize(
    "resources, words",
    [
        (NET, "1 resource of 1 kind in aws/"),
        (NET + NET.replace("net", "dmz"), "2 resources of 1 kind in aws/"),
        ("  {}\n", "no resources"),
    ],
)
def test_one_is_not_many(alone: Place, resources: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence agrees with the number in it."""
    file = alone.document(resources)
    assert run(["check", file]) == Exit.done
    assert capsys.readouterr().out.startswith(f"{file} is right: {alone.stack}, {words}")


def test_a_traceback_shows_only_on_demand(alone: Place) -> None:
    """Debugging shows where an error came from."""
    said = alone.ask("check", "/nowhere.yaml", HOLDFAST_LOG="debug")
    assert "Traceback" in said.err


def test_schema_and_kinds_answer_programs(alone: Place) -> None:
    """What can be written is said as JSON."""
    assert alone.ask("schema").json["title"] == "A Holdfast document"
    assert alone.ask("schema", "aws.vpc").json["title"] == "aws.vpc"
    assert "aws.vpc" in {k["kind"] for k in alone.ask("kinds", "-o", "json").json}
    clouds = {k["kind"].partition(".")[0] for k in alone.ask("kinds", "gcp", "-o", "json").json}
    assert clouds == {"gcp"}
    assert "gcp.image" in alone.ask("kinds", "gcp").out  # a look-up
    kind = alone.ask("kinds", "aws.s3_bucket")
    assert "holdfast" not in kind.err
    assert "PERMISSIONS" in kind.out


def test_parameters_come_from_files_and_flags(alone: Place, tmp_path: Path) -> None:
    """A flag wins over a file."""
    (tmp_path / "dev.yaml").write_text("cidr: nonsense\n")
    text = Path(alone.document()).read_text().replace("10.0.0.0/16", '"${parameters.cidr}"')
    file = tmp_path / "with.yaml"
    file.write_text(text.replace("resources:", "parameters: {cidr: {type: string}}\nresources:"))
    assert alone.ask("check", str(file)).code == Exit.input
    wrong = alone.ask("check", str(file), "--param-file", str(tmp_path / "dev.yaml"))
    assert wrong.code == Exit.input
    right = alone.ask("check", str(file), "--param-file", str(tmp_path / "dev.yaml"), "--param", "cidr=10.1.0.0/16")
    assert right.code == Exit.done, right.err
    assert NET in Path(alone.document()).read_text()


def test_json_errors_are_one_document(alone: Place) -> None:
    """With -o json a refusal is JSON on stdout as well as a letter on stderr."""
    said = alone.ask("stacks", "-o", "json")
    assert said.code == Exit.unavailable
    assert json.loads(said.out)["error"]["error"] == "Unavailable"


def test_check_knows_whose_marks_must_find_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The installation's own name stands among the marks that share a description with a person's words."""
    spec = f"{{account_id: shop-robot, description: {'x' * 120}}}"
    file = tmp_path / "shop.yaml"
    file.write_text(
        "version: 1\nstack: shop\nowner: ada\nenvironment: dev\n"
        "scopes: {here: {cloud: gcp, account: a-project, region: europe-west3}}\ndefaults: {scope: here}\n"
        f"resources:\n  robot: {{kind: gcp.service_account, spec: {spec}}}\n"
    )
    monkeypatch.delenv("HOLDFAST_INSTALLATION", raising=False)
    assert run(["check", str(file)]) == Exit.done
    monkeypatch.setenv("HOLDFAST_INSTALLATION", "an-installation-of-a-long-name")
    assert run(["check", str(file)]) == Exit.input
    assert "with Holdfast's marks the description has" in capsys.readouterr().err

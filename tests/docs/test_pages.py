"""The pages that follow from the code are what the code says now, and no page points at nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from holdfast.document import bind_text
from holdfast.model import Spec
from holdfast.resource import Carrier, ResourceType
from starter.cli.app import app
from tests.cloud import ROOT
from tools import pages
from tools.cli_page import commands
from workers.catalog import catalog

AGAIN = "run `make pages`, look at the difference, and commit it"
LINK = re.compile(r"!?\[[^\]]*\]\((?P<to>[^)#\s]+)?(?:#(?P<part>[^)\s]+))?\)")
HEAD = """\
version: 1
stack: s
owner: o
environment: dev
scopes: {m: SCOPE}
defaults: {scope: m}
"""
SCOPES = {
    "aws": '{cloud: aws, account: "123456789012", region: eu-central-1}',
    "gcp": "{cloud: gcp, account: a-project, region: us-central1}",
    "azure": "{cloud: azure, account: 00000000-0000-0000-0000-000000000001, region: westeurope}",
}
SPECS = [*(k.spec for k in catalog()), *(catalog().data(name).filter for name in catalog().data_kinds)]
WRITTEN = sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("path", sorted(pages.pages()), ids=str)
def test_a_page_is_what_the_code_says_now(path: Path) -> None:
    """A kind or a command and its page cannot drift apart."""
    file = ROOT / path
    assert file.exists(), f"{path} is missing: {AGAIN}"
    assert file.read_text() == pages.pages()[path], f"{path} is not what the code says now: {AGAIN}"


def test_no_page_is_left_of_a_kind_that_is_no_more() -> None:
    """A kind that went away took its page along."""
    assert not pages.stale(), AGAIN


@pytest.mark.parametrize("kind", catalog().kinds)
def test_a_pages_example_is_a_right_document(kind: str) -> None:
    """What stands under *Example* may be pasted into a document."""
    text = (ROOT / pages.KINDS / f"{kind}.md").read_text()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    head = HEAD.replace("SCOPE", SCOPES[kind.partition(".")[0]])
    goal = bind_text(head + example, "page.yaml", catalog(), {})
    assert kind in {r.address.kind for r in goal.resources}


@pytest.mark.parametrize("kind", catalog().kinds)
def test_a_page_says_of_a_delete_what_a_plan_says(kind: str) -> None:
    """Where only some come back whole, the page and the list of kinds name the others."""
    page, index = ((ROOT / pages.KINDS / f"{name}.md").read_text() for name in (kind, "README"))
    undo = next(line for line in page.splitlines() if line.startswith("| delete | `"))
    row = next(line for line in index.splitlines() if line.startswith(f"| [{kind}]"))
    depends = type(catalog()[kind]).delete_label is not ResourceType.delete_label
    assert ("`lossy` for " in undo) is depends
    assert ("lossy for " in row) is depends


@pytest.mark.parametrize("kind", [k.kind for k in catalog() if k.carrier is Carrier.parent])
def test_a_page_speaks_of_no_marks_where_there_are_none(kind: str) -> None:
    """What bears no marks is not said to be taken for ours by them."""
    text = (ROOT / pages.KINDS / f"{kind}.md").read_text()
    assert "The cloud has no place for a mark on it" in text
    assert "when it carries our marks" not in text


@pytest.mark.parametrize("kind", [name for name in catalog().kinds if name.startswith("aws.")])
def test_a_pages_policy_allows_what_the_kind_asks_for(kind: str) -> None:
    """The policy on the page holds each permission of the kind, and nothing that it does not name."""
    text = (ROOT / pages.KINDS / f"{kind}.md").read_text()
    policy = json.loads(text.partition("```json\n")[2].partition("```")[0])
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert allowed == {p for of_verb in catalog()[kind].permissions.values() for p in of_verb}
    assert not any("*" in action for action in allowed)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.__name__)
def test_a_page_says_what_every_field_is(spec: type[Spec]) -> None:
    """Every field of a kind or a filter, and of what stands in it, is described."""
    schema = spec.model_json_schema()
    shapes = {"": schema, **{f"{name}.": shape for name, shape in schema.get("$defs", {}).items()}}
    fields = ((at + name, field) for at, shape in shapes.items() for name, field in shape.get("properties", {}).items())
    assert not [name for name, field in fields if not field.get("description")]


@pytest.mark.parametrize("name", [name for name, _ in commands(app)])
def test_a_command_is_documented(name: str) -> None:
    """Every command has a section with words, an example, and a word on each of its options."""
    section = (ROOT / pages.CLI).read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert section, f"{name}: {AGAIN}"
    assert "For example:" in section, f"{name} has no example"
    silent = [line for line in section.splitlines() if re.fullmatch(r"\| `-[^|]*\|\s*\|", line)]
    assert not silent, f"{name} does not say what these do: {silent}"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_no_page_points_at_nothing(page: Path) -> None:
    """Every link inside the project leads to a file, and to a heading where it names one."""
    for link in LINK.finditer(_without_code(page.read_text())):
        to, part = link["to"] or "", link["part"]
        if to.startswith(("http:", "https:")):
            continue
        target = (page.parent / to).resolve() if to else page
        assert target.exists(), f"{link[0]} leads nowhere"
        if part and target.suffix == ".md":
            assert part in _headings(target.read_text()), f"{link[0]}: there is no such heading"


@pytest.mark.parametrize("page", [p for p in WRITTEN if p.name != "README.md"], ids=lambda p: p.stem)
def test_every_page_is_found_from_the_index(page: Path) -> None:
    """Whoever begins at docs/README.md finds every page, by way of the lists it leads to."""
    lists = [ROOT / "docs" / "README.md", ROOT / "docs" / "kinds" / "README.md"]
    found = {(one.parent / m["to"]).resolve() for one in lists for m in LINK.finditer(one.read_text()) if m["to"]}
    assert page in found


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def _headings(text: str) -> set[str]:
    plain = (re.sub(r"[^\w\s-]", "", line.lstrip("#")).strip().lower() for line in text.splitlines() if line[:1] == "#")
    return {re.sub(r"\s", "-", line) for line in plain}

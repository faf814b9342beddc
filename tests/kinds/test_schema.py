"""The schema of every kind: an editor is content with what `check` accepts."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from holdfast.document import json_schema
from holdfast.document.nodes import plain
from holdfast.document.problems import Problems
from holdfast.document.text import compose
from workers.catalog import catalog

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
HEAD = """\
version: 1
stack: shop
owner: team-shop
environment: dev
scopes: {main: {cloud: aws, account: "123456789012", region: eu-west-1}}
"""


def read(text: str) -> Any:
    tree = compose(text, "the example", Problems())
    assert tree is not None
    return plain(tree)


@cache
def editor(kind: str | None = None) -> Any:
    return jsonschema.Draft202012Validator(json_schema(catalog(), kind))


def underlined(document: Any, kind: str | None = None) -> list[str]:
    """What an editor underlines, and the innermost reason."""
    found = []
    for error in editor(kind).iter_errors(document):
        best = jsonschema.exceptions.best_match([error])
        found.append(f"{best.json_path}: {best.message}")
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_editor_is_content_with_the_examples(path: Path) -> None:
    """Nothing is underlined in the documents that people begin with."""
    assert underlined(read(path.read_text())) == []


@pytest.mark.parametrize("kind", catalog().kinds)
def test_an_editor_is_content_with_a_kinds_example(kind: str) -> None:
    """Nothing is underlined in a kind's example, and none of its trials is."""
    document = read(HEAD + "resources:\n" + textwrap.indent(textwrap.dedent(catalog()[kind].example).strip(), "  "))
    assert underlined(document) == []
    spec = list(document["resources"].values())[-1].get("spec", {})
    for field, value in catalog()[kind].trials.items():
        assert underlined({**spec, field: value}, kind) == []


@pytest.mark.parametrize("kind", [name for name in catalog().data_kinds if catalog().data(name).example])
def test_an_editor_is_content_with_a_look_ups_example(kind: str) -> None:
    """Nothing is underlined in the example of a look-up."""
    example = textwrap.indent(textwrap.dedent(catalog().data(kind).example).strip(), "  ")
    assert underlined(read(f"{HEAD}data:\n{example}\n")) == []

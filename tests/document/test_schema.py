"""The schema: what an editor accepts, completes and underlines."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from holdfast.catalog import Catalog
from holdfast.document import json_schema
from holdfast.document.nodes import plain
from holdfast.document.problems import Problems
from holdfast.document.text import compose
from holdfast.errors import InvalidInput
from tests.document.kinds import CATALOG, SHOP


def shop() -> Any:
    tree = compose(SHOP, "shop.yaml", Problems())
    assert tree is not None
    return plain(tree)


def accepts(document: Any) -> bool:
    """Whether an editor would be content."""
    return bool(jsonschema.Draft202012Validator(json_schema(CATALOG)).is_valid(document))


def test_the_schema_is_a_schema() -> None:
    """It is valid JSON Schema 2020-12, with kinds and without."""
    for schema in (json_schema(CATALOG), json_schema(Catalog()), json_schema(CATALOG, "aws.instance")):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_an_editor_is_content_with_the_example() -> None:
    """What `bind` accepts, an editor does not underline."""
    assert accepts(shop())


@pytest.mark.parametrize(
    "path,value,fine",
    [
        (["resources", "net", "spec", "cidr"], 3, False),
        (["resources", "net", "spec", "cdir"], "x", False),
        (["resources", "net", "spec", "zones"], "${parameters.zones}", True),
        (["resources", "net", "spec", "zones"], "a", False),
        (["resources", "net", "kind"], "aws.vcp", False),
        (["resources", "net", "protct"], True, False),
        (["resources", "net", "protect"], "${parameters.careful}", True),
        (["resources", "web", "spec", "type"], "t3.huge", False),
        (["resources", "web", "spec", "type"], "${parameters.size}", True),
        (["resources", "web", "spec", "count"], "${parameters.count}", True),
        (["resources", "web", "spec", "count"], "3", False),
        (["resources", "web", "spec", "public"], "${parameters.public}", True),
        (["resources", "web", "spec", "rules"], [{"port": "${parameters.port}", "sources": ["${net.id}"]}], True),
        (["resources", "web", "spec", "rules"], [{"prot": 1, "sources": ["a"]}], False),
        (["resources", "web", "spec", "volume"], "${net.id}", True),
        (["resources", "web", "timeouts", "create"], "soon", False),
        (["resources", "web", "timeouts", "create"], "1h30m", True),
        (["resources", "app", "for_each"], ["a", "b"], True),
        (["resources", "app", "for_each"], "${parameters.zones}", True),
        (["resources", "app", "for_each"], "a", False),
        (["scopes", "main", "account"], 123456789012, False),
        (["scopes", "main", "account"], "${parameters.account}", True),
        (["scopes", "main", "cloud"], "asw", False),
        (["data", "linux", "filter", "nme"], "x", False),
        (["data", "linux", "filter", "latest"], "${parameters.latest}", True),
        (["parameters", "size", "type"], "strng", False),
        (["version"], 2, False),
        (["stack"], "Shop", False),
        (["resorces"], {}, False),
    ],
)
def test_an_editor_sees_what_bind_sees(path: list[str], value: Any, *, fine: bool) -> None:
    """A path passes wherever a value is expected; a wrong field or value is underlined."""
    document = copy.deepcopy(shop())
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert accepts(document) is fine


def test_a_kind_explains_itself() -> None:
    """What its author wrote about a kind and its fields is what an editor shows."""
    schema = json_schema(CATALOG, "aws.vpc")
    assert schema["title"] == "aws.vpc"
    assert schema["description"] == "A private network."
    assert schema["properties"]["cidr"] == {"description": "The addresses of the network.", "type": "string"}
    assert schema["required"] == ["cidr"]
    assert "$defs" not in schema
    assert json_schema(CATALOG, "aws.image")["description"] == "A machine image."
    kinds = json_schema(CATALOG)["$defs"]["resource"]["properties"]["kind"]["anyOf"]
    assert {"const": "aws.vpc", "description": "A private network."} in kinds


def test_a_kind_that_is_not_there_is_refused_with_the_nearest() -> None:
    """A mistyped kind says which one was meant."""
    with pytest.raises(InvalidInput, match=r"did you mean aws\.vpc\?"):
        json_schema(CATALOG, "aws.vcp")

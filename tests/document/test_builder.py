"""The same document, built in Python."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

import holdfast
from holdfast.document import InvalidDocument, bind, load
from holdfast.errors import InvalidInput
from holdfast.plan import Verb
from tests.document.kinds import CATALOG, SHOP


def shop() -> holdfast.Stack:
    s = holdfast.Stack("shop", owner="team-shop", environment="dev")
    size = s.parameter("size", type="string", default="t3.small", enum=["t3.small", "t3.large"])
    main = s.scope("main", cloud="aws", account="123456789012", region="eu-west-1")
    s.defaults(scope=main, tags={"cost-center": "42"})
    linux = s.data("linux", "aws.image", name="al2023-*", latest=True)
    net = s.resource("net", "aws.vpc", cidr="10.0.0.0/16")
    app = s.resource(
        "app",
        "aws.subnet",
        for_each={"a": "10.0.1.0/24", "b": "10.0.2.0/24"},
        vpc=net.id,
        cidr="${each.value}",
        zone="${each.key}",
    )
    web = s.resource(
        "web",
        "aws.instance",
        depends_on=[net],
        protect=True,
        on_remove="delete",
        ignore_changes=["tags"],
        timeouts={"create": timedelta(minutes=20)},
        image=linux.id,
        type=size,
        subnet=app["a"].id,
    )
    s.moved("old_name", web)
    s.output("address", web.private_ip)
    s.output("shared", s.of("network").vpc)
    return s


def test_python_says_what_yaml_says() -> None:
    """The example of the contract, built in Python, is the same document and asks for the same things."""
    built, written = shop().document(), load(SHOP, "shop.yaml")
    assert built == written
    ours, theirs = bind(built, CATALOG), bind(written, CATALOG)
    assert [(r.address, r.spec, r.depends_on) for r in ours.resources] == [
        (r.address, r.spec, r.depends_on) for r in theirs.resources
    ]
    assert ours.outputs == theirs.outputs


def test_what_python_built_can_be_written_down() -> None:
    """The text of a stack loads back to the same document."""
    s = shop()
    assert load(s.to_yaml(), "shop.yaml") == s.document()
    assert s.to_yaml().startswith("version: 1\nstack: shop\nowner: team-shop\nenvironment: dev\n")


def test_a_handle_gives_paths() -> None:
    """An output of a handle is the text that a document would have."""
    s = holdfast.Stack("shop", owner="o", environment="dev")
    net = s.resource("net", "aws.vpc", cidr="x")
    assert net.id == "${net.id}"
    assert net["a"].id == "${net[a].id}"
    assert f"{net.id}/16" == "${net.id}/16"
    assert str(net["a"]) == "net[a]"
    assert s.data("linux", "aws.image").id == "${data.linux.id}"
    assert s.parameter("size") == "${parameters.size}"


def test_a_field_named_like_an_option_goes_into_spec() -> None:
    """A kind whose spec has a field `scope` can still be built."""
    s = holdfast.Stack("shop", owner="o", environment="dev")
    s.resource("x", "aws.thing", scope="main", spec={"scope": "global"}, other=1)
    resource = s.document().resources["x"]
    assert (resource.scope, resource.spec) == ("main", {"scope": "global", "other": 1})
    s.resource("y", "aws.thing", timeouts={"delete": "5m"})
    assert s.document().resources["y"].timeouts == {Verb.delete: timedelta(minutes=5)}


def test_a_mistake_names_the_line_of_python() -> None:
    """The letter points to the call that made the mistake, in the file where it stands."""
    s = holdfast.Stack("shop", owner="o", environment="dev")
    s.scope("main", cloud="aws", account="123456789012", region="eu-west-1")
    line = sys._getframe().f_lineno + 1
    s.resource("net", "aws.vpc", scope="main", cdir="10.0.0.0/16")
    with pytest.raises(InvalidDocument) as caught:
        bind(s.document(), CATALOG)
    assert {(p.where.file, p.where.line) for p in caught.value.problems} == {(__file__, line)}
    assert {p.nearest for p in caught.value.problems} == {"cidr", None}


@pytest.mark.parametrize(
    "value,letter",
    [
        (object(), "a document cannot hold a object"),
        (b"bytes", "a document cannot hold a bytes"),
        (float("nan"), "infinity and not-a-number are no values here"),
        (10**18, "a number of more than 18 digits: make it text"),
        ("bell \a", "a control or bidi character"),
        ({1: "a"}, "this cannot be a key: a key is text"),
        ({"<<": "a"}, "this cannot be a key: a key is text"),
    ],
)
def test_what_no_document_can_hold_is_refused(value: Any, letter: str) -> None:
    """A value that would not come back from the text is refused with its path."""
    s = holdfast.Stack("shop", owner="o", environment="dev")
    s.output("deep", {"a": [value]})
    with pytest.raises(InvalidDocument) as caught:
        s.to_yaml()
    (problem,) = caught.value.problems
    assert problem.path == "outputs.deep.a[0]"
    assert problem.message == letter


def test_a_handle_is_no_value() -> None:
    """Forgetting the output of a handle is told as that."""
    s = holdfast.Stack("shop", owner="o", environment="dev")
    s.output("net", s.resource("net", "aws.vpc", cidr="x"))
    with pytest.raises(InvalidDocument, match=r"name an output of it, as in net\.id"):
        s.document()


def test_a_name_is_given_once() -> None:
    """A second resource of a name is refused at once, by the line of the first."""
    s = holdfast.Stack("shop", owner="o", environment="dev")
    s.resource("net", "aws.vpc", cidr="x")
    with pytest.raises(InvalidInput, match=r"resources\.net is there already, from line \d+"):
        s.resource("net", "aws.vpc", cidr="y")


def test_importing_holdfast_is_light() -> None:
    """Workflows import the package; it brings neither a parser nor pydantic with it."""
    code = "import sys, holdfast; print(sorted({'ruamel', 'pydantic'} & {m.partition('.')[0] for m in sys.modules}))"
    # Not -I: the editable install would still be found, but so would this directory, and the claim is about `import`.
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    """`holdfast.Stak` fails as any module's missing name does."""
    with pytest.raises(AttributeError, match="Stak"):
        _ = holdfast.Stak

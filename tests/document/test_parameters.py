"""Values from outside: given before default, typed, and secrets as references only."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from holdfast.document import InvalidDocument, bind_text, parse_duration, parse_param, write_duration
from holdfast.errors import InvalidInput
from holdfast.model import Spec
from holdfast.secret import HIDDEN, Secret, is_reference, reveal
from holdfast.values import freeze, thaw
from tests.document.kinds import CATALOG, HEAD


def output(declared: str, **given: Any) -> Any:
    """What a parameter `p` comes to."""
    text = f'{HEAD}parameters: {{p: {declared}}}\noutputs: {{o: "${{parameters.p}}"}}\n'
    return bind_text(text, "shop.yaml", CATALOG, given).outputs["o"]


def refusal(declared: str, **given: Any) -> str:
    with pytest.raises(InvalidDocument) as caught:
        output(declared, **given)
    (problem,) = caught.value.problems
    return str(problem).partition(": ")[2]


@pytest.mark.parametrize(
    "declared,given,meant",
    [
        ("{default: a}", {}, "a"),
        ("{default: a}", {"p": "b"}, "b"),
        ("{}", {"p": "3"}, "3"),
        ("{}", {"p": "${net.id}"}, "${net.id}"),
        ("{default: '$${x}'}", {}, "${x}"),
        ("{type: number}", {"p": "3"}, 3),
        ("{type: number}", {"p": "1.5"}, 1.5),
        ("{type: number}", {"p": 3}, 3),
        ("{type: boolean}", {"p": "true"}, True),
        ("{type: list}", {"p": "[a, 2]"}, ["a", 2]),
        ("{type: map}", {"p": "{a: 1}"}, {"a": 1}),
        ("{type: map, default: {}}", {}, {}),
        ("{type: number, enum: [1, 2]}", {"p": "2"}, 2),
    ],
)
def test_a_value_has_the_type_of_its_parameter(declared: str, given: dict[str, Any], meant: object) -> None:
    """Text from the command line is read by the declared type; a value is never looked into for paths."""
    assert output(declared, **given) == meant


@pytest.mark.parametrize(
    "declared,given,letter",
    [
        ("{}", {"p": 3}, 'parameters.p: a string is expected: quote it (seen: 3); did you mean "3"?'),
        ("{type: number}", {"p": "many"}, "parameters.p: a number is expected (seen: many)"),
        ("{type: number}", {"p": True}, "parameters.p: a number is expected (seen: true)"),
        ("{type: boolean}", {"p": "yes"}, "parameters.p: a boolean is expected (seen: yes)"),
        ("{type: list}", {"p": "{a: 1}"}, 'parameters.p: a list is expected (seen: {"a": 1})'),
        ("{type: number, default: a}", {"p": 1}, "parameters.p.default: a number is expected (seen: a)"),
        ("{enum: [dev, prod]}", {"p": "prd"}, "parameters.p: one of dev, prod is expected (seen: prd); did you mean"),
        ("{type: map}", {"p": {"$unknown": "x"}}, "parameters.p: this key is Holdfast's own (seen: $unknown)"),
        ("{default: '${net.id}'}", {}, "parameters.p.default: a default is a value of its own, without paths"),
        ("{default: a}", {"q": 1}, "parameters: a value is given for a parameter that is not declared (seen: q)"),
        ("{}", {}, "parameters.p: this parameter has no default and was given no value: `--param p=…`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(declared: str, given: dict[str, Any], letter: str) -> None:
    """The letter names the parameter, the value, and what would do."""
    assert refusal(declared, **given).startswith(letter)


def test_a_sensitive_value_is_a_reference() -> None:
    """A secret reaches a plan only as the place where it lies."""
    assert output("{sensitive: true}", p="env:DB_PASSWORD") == Secret("env:DB_PASSWORD")
    assert output("{sensitive: true, default: 'file:/run/secrets/db'}") == Secret("file:/run/secrets/db")
    assert refusal("{sensitive: true}") == (
        "parameters.p: this parameter has no default and was given no value: `--param p=env:NAME`"
    )


@pytest.mark.parametrize(
    "declared,given",
    [
        ("{sensitive: true}", {"p": "hunter2"}),
        ("{sensitive: true}", {"p": "${hunter2}"}),
        ("{sensitive: true, default: hunter2}", {}),
        ("{sensitive: true, default: '${hunter2'}", {}),
        ("{sensitive: true, type: number, default: hunter2}", {"p": "env:X"}),
        ("{sensitive: true, enum: [hunter2]}", {"p": "env:X"}),
    ],
)
def test_a_secret_written_out_is_refused_and_not_repeated(declared: str, given: dict[str, Any]) -> None:
    """Whoever writes a secret into a document is told how to refer to it, and the letter does not spread it."""
    with pytest.raises(InvalidDocument) as caught:
        output(declared, **given)
    assert "sensitive parameter" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_goes_where_text_goes() -> None:
    """A field that takes text takes a secret; one that takes a number refuses it before anything is touched."""
    body = """\
parameters: {key: {sensitive: true, default: "env:KEY"}}
resources:
  m:
    kind: aws.instance
    spec: {image: i, subnet: s, password: "${parameters.key}", groups: ["${parameters.key}", b]}
"""
    spec = bind_text(HEAD + body, "f", CATALOG).resources[0].spec
    assert spec["password"] == Secret("env:KEY")
    assert freeze(spec)["password"] == {"$secret": "env:KEY"}  # type: ignore[index,call-overload]  # it is a map
    for field in ("count", "rules"):
        with pytest.raises(InvalidDocument, match="a secret is text, and this field does not take text") as caught:
            bind_text(HEAD + body.replace("password:", f"{field}:"), "f", CATALOG)
        assert caught.value.problems[0].seen == "${parameters.key}"


def test_a_secret_is_no_part_of_a_longer_text() -> None:
    """A text with a secret inside would be the secret; the document says so before it is one."""
    body = (
        "parameters: {key: {sensitive: true, default: 'env:KEY'}}\noutputs: {o: 'postgres://u:${parameters.key}@h'}\n"
    )
    with pytest.raises(InvalidDocument, match="a secret cannot be part of a text"):
        bind_text(HEAD + body, "f", CATALOG)


def test_a_secret_prints_as_dots() -> None:
    """Neither print, nor repr, nor a format shows even where it lies."""
    secret = Secret("env:KEY")
    assert f"{secret} {secret!r}" == f"{HIDDEN} Secret({HIDDEN})"
    assert thaw(freeze({"a": [secret]})) == {"a": [secret]}
    assert (secret.scheme, secret.name) == ("env", "KEY")
    assert reveal({"a": [secret, 1]}, lambda s: s.name.lower()) == {"a": ["key", 1]}


def test_only_a_reference_is_a_secret() -> None:
    """What is no reference is refused without being repeated."""
    assert is_reference("file:/run/secrets/x")
    assert not any(map(is_reference, ["hunter2", "env:", "env:a b", "file:x", "file:/a\nb", 3, None]))
    with pytest.raises(ValueError, match="env:NAME or file:/path") as caught:
        Secret("hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_spec_writes_a_secret_as_its_mark() -> None:
    """A spec with a secret survives JSON, and its values compare by place."""

    class Database(Spec):
        password: str
        ports: list[int] = Field(default_factory=list)

    spec = Database.model_validate({"password": Secret("env:P")})
    assert spec.plain() == {"password": Secret("env:P"), "ports": []}
    assert Database.model_validate(thaw(freeze(spec.plain()))) == spec


def test_a_parameter_on_the_command_line_is_name_and_value() -> None:
    """Only the first equals sign divides; what is no parameter is refused without its value."""
    assert parse_param("size=a=b") == ("size", "a=b")
    assert parse_param("empty=") == ("empty", "")
    for wrong in ("hunter2", "=hunter2", "a b=hunter2"):
        with pytest.raises(InvalidInput, match="name=value") as caught:
            parse_param(wrong)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["20m", "1h30m", "45s", "2d", "1d2h3m4s"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    """Days, hours, minutes and seconds, the largest first."""
    assert write_duration(parse_duration(text)) == text


@pytest.mark.parametrize("text", ["", "0m", "5", "m", "-5m", "30m1h", "1.5h", "5 m", "99999999999s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A bare number has no unit, and nothing lasts no time."""
    with pytest.raises(ValueError, match="20m, 1h30m or 2d"):
        parse_duration(text)

"""The loader: what YAML 1.2 says, less everything that two readers could take for two things."""

from __future__ import annotations

import pytest

from holdfast.desired import Where
from holdfast.document import InvalidDocument, load, read_parameters
from holdfast.document.nodes import plain
from holdfast.document.problems import Problems
from holdfast.document.text import DEEPEST, ENOUGH, LONGEST, compose


def values(text: str) -> object:
    problems = Problems()
    tree = compose(text, "f.yaml", problems)
    if tree is None or problems:
        raise problems.error()
    return plain(tree)


def complaint(text: str) -> tuple[int, int, str]:
    with pytest.raises(InvalidDocument) as caught:
        values(text)
    (problem,) = caught.value.problems
    return problem.where.line, problem.where.column, problem.message


@pytest.mark.parametrize(
    "written,meant",
    [
        ("no", "no"),
        ("on", "on"),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        ("2026-11-23", "2026-11-23"),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("~", None),
        ("", None),
        ("TRUE", True),
        ("'012'", "012"),
        ('"a\\tb"', "a\tb"),
        ("10.0.0.0/16", "10.0.0.0/16"),
        ("t3.small", "t3.small"),
        ("-", None),
    ],
)
def test_a_plain_word_means_what_yaml_1_2_says(written: str, meant: object) -> None:
    """`no` is a word, `22:22` is no number of minutes, and a date is text."""
    if written == "-":
        assert values("a:\n  -\n") == {"a": [None]}
    else:
        assert values(f"a: {written}\n") == {"a": meant}


@pytest.mark.parametrize(
    "text,line,column,message",
    [
        ("a: 012\n", 1, 4, "a number with a leading zero: quote it to mean text"),
        ("a: 1234567890123456789\n", 1, 4, "a number of more than 18 digits: quote it to mean text"),
        ("a: .inf\n", 1, 4, "infinity and not-a-number are no values here"),
        ("a: 1e999\n", 1, 4, "a number this large is infinite"),
        ("a: !secret b\n", 1, 4, "tags are not taken"),
        ("a: ! b\n", 1, 4, "tags are not taken"),
        ("a: &x b\n", 1, 4, "anchors are not taken"),
        ("a: b\n<<: {c: d}\n", 2, 1, "merge keys are not taken: write the fields out"),
        ("a: b\nb: c\na: d\n", 3, 1, "this key is there already, in line 1"),
        ("a: {b: 1,\n    b: 2}\n", 2, 5, "this key is there already, in line 1"),
        ("1: b\n", 1, 1, "a key is text: quote it"),
        ("true: b\n", 1, 1, "a key is text: quote it"),
        ("? [a]\n: b\n", 1, 3, "a key is text: quote it"),
        ("a: b\n---\nc: d\n", 2, 1, "a second document begins here; one file holds one"),
        ("%YAML 1.1\n---\na: b\n", 2, 1, "directives are not taken; the text is read as YAML 1.2"),
        ("a: b\nc: d\x07\n", 2, 5, "a control or bidi character; write it as an escape, or leave it out"),
        ("a: b # \u202e\n", 1, 8, "a control or bidi character; write it as an escape, or leave it out"),
        ('a: "\\u202e"\n', 1, 4, "a control or bidi character behind an escape"),
        ("", 1, 1, "the document is empty"),
        ("# nothing\n", 1, 1, "the document is empty"),
    ],
)
def test_what_could_be_taken_for_two_things_is_refused(text: str, line: int, column: int, message: str) -> None:
    """Each is refused where it stands, in words that say what to write instead."""
    assert complaint(text) == (line, column, message)


def test_aliases_are_refused_with_their_anchors() -> None:
    """An anchor and each of its aliases are told together, so a billion laughs end before the first."""
    with pytest.raises(InvalidDocument) as caught:
        values("a: &x b\nc: *x\nd: *x\n")
    assert [p.where.line for p in caught.value.problems] == [1, 2, 3]


def test_broken_yaml_is_refused_where_it_breaks() -> None:
    """What is no YAML at all has one problem, at the place where reading stopped."""
    line, column, message = complaint("a: [1, 2\nb: 3\n")
    assert (line, column) == (2, 2)
    assert message.startswith("not YAML: expected ',' or ']'")


def test_a_document_is_bounded() -> None:
    """Neither a very long nor a very deep document reaches what comes after the loader."""
    assert "too long" in complaint("a: " + "b" * LONGEST)[2]
    assert complaint("[" * 1000)[2] == f"nested more than {DEEPEST} deep"
    assert complaint("a: " + "[" * DEEPEST + "]" * DEEPEST)[2] == f"nested more than {DEEPEST} deep"
    assert values("a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))


def test_a_binary_file_does_not_fill_the_letter() -> None:
    """Forbidden characters are named one by one, but not all thousand of them."""
    with pytest.raises(InvalidDocument) as caught:
        values("\x00" * 1000)
    assert len(caught.value.problems) == ENOUGH


def test_a_long_mistake_makes_a_short_letter() -> None:
    """What is quoted from a document is cut, whatever the document holds."""
    for text in ("a: !" + "t" * 10_000 + " b\n", "a: " + "9" * 10_000 + "\n", "a: {" + "k" * 250 + ": !x b}\n"):
        with pytest.raises(InvalidDocument) as caught:
            values(text)
        assert len(str(caught.value)) < 1_000


def test_every_value_knows_its_place() -> None:
    """Keys and values are found again by line and column, in block and in flow style, whatever the line ends."""
    problems = Problems()
    tree = compose("\ufeffa:\r\n  - b\r\n  - {c: d}\r\n", "f.yaml", problems)
    assert tree is not None
    second = tree.member("a").child(1)
    assert second is not None
    assert second.member("c").where == Where("f.yaml", 3, 9)
    assert second.member("c").key == Where("f.yaml", 3, 6)
    assert tree.member("a").key == Where("f.yaml", 1, 1)


def test_a_document_is_a_map() -> None:
    """A document that is no map is refused like any other mistake."""
    with pytest.raises(InvalidDocument, match="a map is expected here, not a list"):
        load("- a\n", "f.yaml")


def test_a_parameter_file_is_one_strict_map() -> None:
    """A parameter file is read as strictly as a document, and gives plain values."""
    assert read_parameters("size: t3.large\nzones: [a, b]\n", "dev.yaml") == {"size": "t3.large", "zones": ["a", "b"]}
    with pytest.raises(InvalidDocument, match=r"dev.yaml:2:1: this key is there already"):
        read_parameters("a: 1\na: 2\n", "dev.yaml")
    with pytest.raises(InvalidDocument, match="a parameter file is a map"):
        read_parameters("[a]", "dev.yaml")

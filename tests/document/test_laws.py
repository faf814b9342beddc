"""Laws of the document: no text surprises the loader, and what is written is read back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

import holdfast
from holdfast.document import InvalidDocument, bind, bind_text, load
from holdfast.document.cycles import cycles
from holdfast.document.nodes import plain
from holdfast.document.problems import Problem, Problems
from holdfast.document.references import Malformed, Path, parse, split
from holdfast.document.text import FORBIDDEN, compose
from holdfast.document.writing import write
from tests.document.kinds import CATALOG, HEAD, SHOP

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(max_size=30).filter(lambda text: FORBIDDEN.search(text) is None)
WORDS = st.sampled_from(["yes", "NO", "null", "~", "012", "1e3", "0x1", "-", "- a", "a: b", "#", " a ", "<<", "a\nb"])
NUMBERS = st.integers(-(10**18) + 1, 10**18 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | WORDS
KEYS = (TEXT | WORDS).filter(lambda key: key != "<<")
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)
MAPS = st.dictionaries(KEYS, VALUES, max_size=5)

PIECES = st.sampled_from(
    [*SHOP.split(), *SHOP.splitlines(), "${", "}", "$${", "&a", "*a", "!t", "---", "...", "%YAML 1.1", "? ", "|", ">"]
)
YAMLISH = st.lists(PIECES | st.sampled_from(["\n", " ", "  ", "\t", ": ", ", ", "- "]), max_size=40).map("".join)


def refusals(read: Callable[[], object]) -> tuple[Problem, ...] | None:
    """The problems that a document is refused with; None where it is not."""
    try:
        read()
    except InvalidDocument as refused:
        return refused.problems
    return None


@QUICK
@given(st.text(max_size=200) | YAMLISH)
def test_no_text_surprises_the_loader(text: str) -> None:
    """Whatever a file holds, it loads, or it is refused with at least one problem in it."""
    for problems in (refusals(lambda: load(text, "f.yaml")), refusals(lambda: bind_text(text, "f.yaml", CATALOG))):
        assert problems is None or problems
        assert all(p.where.file == "f.yaml" and p.where.line > 0 and p.where.column > 0 for p in problems or ())


@QUICK
@given(st.data())
def test_no_slip_of_the_hand_surprises_bind(data: st.DataObject) -> None:
    """A good document with a piece missing, doubled or moved binds, or is refused with its problems."""
    lines = SHOP.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = data.draw(st.integers(0, len(line)))
        lines[at] = data.draw(st.sampled_from(["", line + line, line[:cut], line[:cut] + "x" + line[cut:], f" {line}"]))
    problems = refusals(lambda: bind_text("".join(lines), "f.yaml", CATALOG))
    assert problems is None or problems


@QUICK
@given(MAPS)
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    """Every value that a document can hold survives its text, to the type."""
    problems = Problems()
    tree = compose(write(value), "f", problems)
    assert not problems, problems.error()
    assert tree is not None
    assert plain(tree) == value
    assert repr(plain(tree)) == repr(value)


@QUICK
@given(
    st.dictionaries(NAMES, st.tuples(MAPS, st.none() | st.lists(NAMES, max_size=3, unique=True)), max_size=4),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.dictionaries(KEYS.filter(bool), TEXT, max_size=3),
)
def test_a_stack_survives_its_text(
    resources: dict[str, tuple[dict[str, Any], list[str] | None]], outputs: dict[str, Any], tags: dict[str, str]
) -> None:
    """Whatever is built in Python loads back from its YAML as the equal document."""
    s = holdfast.Stack("shop", owner="o", environment="dev")
    s.scope("main", cloud="aws", account="1", region="r")
    s.defaults(scope="main", tags=tags)
    for name, (spec, keys) in resources.items():
        if name not in {"each", "parameters", "data", "stack"}:
            s.resource(name, "aws.vpc", for_each=keys, spec=spec)
    for name, value in outputs.items():
        s.output(name, value)
    assert load(s.to_yaml(), "f") == s.document()


@QUICK
@given(st.lists(TEXT | st.from_regex(r"[a-z]{1,5}(\[[a-z.]{1,3}\])?(\.[a-z0-9]{1,4}){0,3}", fullmatch=True).map(parse)))
def test_a_text_is_split_into_its_pieces(pieces: list[str | Path]) -> None:
    """Literals are escaped, paths are braced, and the text splits back into both."""
    text = "".join(p.replace("${", "$${") if isinstance(p, str) else f"${{{p}}}" for p in pieces)
    literal = "".join(p if isinstance(p, str) else "\0" for p in pieces)
    if "$\0" in literal:  # a dollar before a path reads as the escape, as it would to a person
        return
    assert "".join(p if isinstance(p, str) else "\0" for p in split(text)) == literal
    assert [p for p in split(text) if isinstance(p, Path)] == [p for p in pieces if isinstance(p, Path)]


@pytest.mark.parametrize("inside", ["", ".", "a..b", "a.", "a[", "a[]", "a[b", "a b", "a-b()", "1a", "a['b']", "a|b"])
def test_what_is_no_path_is_refused(inside: str) -> None:
    """Only names, one key and dots; nothing that could be evaluated."""
    with pytest.raises(Malformed):
        parse(inside)


@QUICK
@given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 9), max_size=3)))
def test_a_cycle_is_one_and_none_is_missed(edges: dict[int, list[int]]) -> None:
    """Every cycle that is named goes round, and a graph without one has an order."""
    found = cycles(edges)
    for cycle in found:
        assert all(b in edges[a] for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        assert len(set(cycle)) == len(cycle)
    left = dict(edges)
    while free := [n for n, after in left.items() if not any(a in left for a in after)]:
        for node in free:
            del left[node]
    assert bool(left) == bool(found)


@pytest.mark.bench
def test_ten_thousand_resources_bind_in_linear_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten times the resources take about ten times as long; a slow machine is not a failure, so we only print."""

    def text(count: int) -> str:
        return f"{HEAD}resources:\n  net: {{kind: aws.vpc, spec: {{cidr: x}}}}\n" + "".join(
            f'  r{n}:\n    kind: aws.subnet\n    spec:\n      vpc: "${{{f"r{n - 1}" if n % 50 else "net"}.id}}"\n'
            f"      cidr: 10.0.{n}.0/24\n      tags: {{n: x}}\n"
            for n in range(count)
        )

    with capsys.disabled():
        for count in (1_000, 10_000):
            started = time.perf_counter()
            document = load(text(count), "f")
            loaded = time.perf_counter()
            goal = bind(document, CATALOG)
            bound = time.perf_counter()
            took = f"load {loaded - started:.2f} s, bind {bound - loaded:.2f} s"
            sys.stderr.write(f"\n{count:>6} resources: {took}\n")
            assert len(goal.resources) == count + 1
    keys = ", ".join(f"k{n}" for n in range(10_000))
    body = f"resources: {{app: {{kind: aws.vpc, for_each: [{keys}], spec: {{cidr: '${{each.key}}'}}}}}}\n"
    assert len(bind_text(HEAD + body, "f", CATALOG).resources) == 10_000

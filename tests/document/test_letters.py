"""Every mistake is told with its place, what was seen, and the nearest valid name."""

from __future__ import annotations

import pytest

from holdfast.document import InvalidDocument, Problem, bind_text
from holdfast.errors import InvalidInput, from_letter, tree
from tests.document.kinds import CATALOG, HEAD, LINES


def problems(body: str, head: str = HEAD, **parameters: object) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        bind_text(head + body, "shop.yaml", CATALOG, parameters)  # type: ignore[arg-type]  # what a person may give
    return list(caught.value.problems)


def told(problem: Problem) -> str:
    """A problem as it is printed, with the lines counted after the head."""
    where = problem.where
    return str(problem).replace(f"{where.file}:{where.line}:", f"{where.line - LINES}:", 1)


@pytest.mark.parametrize(
    "body,expected",
    [
        (
            "resorces: {}\n",
            "1:1: resorces: there is no such field (seen: resorces); did you mean resources?",
        ),
        (
            "resources:\n  net: {kind: aws.vcp, spec: {cidr: x}}\n",
            "2:15: resources.net.kind: there is no such kind (seen: aws.vcp); did you mean aws.vpc?",
        ),
        (
            "resources:\n  linux: {kind: aws.image, spec: {name: x}}\n",
            "2:17: resources.linux.kind: aws.image is looked up: write it under `data:`",
        ),
        (
            "data:\n  net: {kind: aws.vpc, filter: {name: x}}\n",
            "2:15: data.net.kind: aws.vpc is built: write it under `resources:`",
        ),
        (
            "resources:\n  net:\n    kind: aws.vpc\n    spec: {cdir: x, cidr: y}\n",
            "4:12: resources.net.spec.cdir: there is no such field (seen: cdir); did you mean cidr?",
        ),
        (
            "resources:\n  net:\n    kind: aws.vpc\n    spec: {}\n",
            "4:5: resources.net.spec: `cidr` is missing",
        ),
        (
            "resources:\n  net: {kind: aws.vpc}\n",
            "2:3: resources.net.spec: `cidr` is missing",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, spec: {cidr: 10}}\n",
            '2:37: resources.net.spec.cidr: text is expected: quote it (seen: 10); did you mean "10"?',
        ),
        (
            "resources:\n  net: {kind: aws.vpc, spec: [cidr]}\n",
            '2:30: resources.net.spec: a map is expected here, not a list (seen: ["cidr"])',
        ),
        (
            "resources:\n  net: {kind: aws.vpc, protct: true, spec: {cidr: x}}\n",
            "2:24: resources.net.protct: there is no such field (seen: protct); did you mean protect?",
        ),
        (
            "resources:\n  m: {kind: aws.instance, spec: {image: i, subnet: s, type: t3.smal}}\n",
            "2:61: resources.m.spec.type: expected 't3.small' or 't3.large' (seen: t3.smal); did you mean t3.small?",
        ),
        (
            "resources:\n  m: {kind: aws.instance, spec: {image: i, subnet: s, count: many}}\n",
            "2:62: resources.m.spec.count: expected a valid integer, unable to parse string as an integer (seen: many)",
        ),
        (
            (
                "resources:\n  m:\n    kind: aws.instance\n    spec:\n      image: i\n      subnet: s\n      rules:\n"
                "        - {port: 1, sources: [a]}\n        - {prot: 2, port: 2, sources: [a]}\n"
            ),
            "9:12: resources.m.spec.rules[1].prot: there is no such field (seen: prot); did you mean port?",
        ),
        (
            "resources:\n  a: {kind: aws.vpc, spec: {cidr: '${nett.id}'}}\n  net: {kind: aws.vpc, spec: {cidr: x}}\n",
            "2:35: resources.a.spec.cidr: there is no such resource (seen: nett); did you mean net?",
        ),
        (
            "resources:\n  a: {kind: aws.vpc, spec: {cidr: '${net.ids}'}}\n  net: {kind: aws.vpc, spec: {cidr: x}}\n",
            "2:35: resources.a.spec.cidr: aws.vpc has no such output (seen: ids); did you mean id?",
        ),
        (
            "resources:\n  a: {kind: aws.vpc, spec: {cidr: '${net}'}}\n  net: {kind: aws.vpc, spec: {cidr: x}}\n",
            "2:35: resources.a.spec.cidr: name an output of net: arn, endpoint, id (seen: ${net})",
        ),
        (
            "resources:\n  a: {kind: aws.vpc, spec: {cidr: '${ net.id }'}}\n  net: {kind: aws.vpc, spec: {cidr: x}}\n",
            (
                "2:35: resources.a.spec.cidr: only a path may stand here, as net.id or parameters.size, never an "
                "expression (seen: ${ net.id }); did you mean ${net.id}?"
            ),
        ),
        (
            "resources:\n  a: {kind: aws.vpc, spec: {cidr: '${1 + 1}'}}\n",
            (
                "2:35: resources.a.spec.cidr: only a path may stand here, as net.id or parameters.size, never an "
                "expression (seen: ${1 + 1})"
            ),
        ),
        (
            "resources:\n  a: {kind: aws.vpc, spec: {cidr: 'x${net.id'}}\n",
            "2:35: resources.a.spec.cidr: `${` is not closed; `$${` writes the characters themselves (seen: ${net.id)",
        ),
        (
            "resources:\n  app: {kind: aws.vpc, for_each: {a: 1, b: 2}, spec: {cidr: x}}\noutputs: {o: '${app.id}'}\n",
            "3:14: outputs.o: app has for_each: name one of app[a], app[b] (seen: ${app.id})",
        ),
        (
            "resources:\n  a: {kind: aws.vpc, for_each: {east: 1}, spec: {cidr: x}}\noutputs: {o: '${a[eats].id}'}\n",
            "3:14: outputs.o: a has no such key (seen: a[eats]); did you mean a[east]?",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, spec: {cidr: x}}\noutputs: {o: '${net[a].id}'}\n",
            "3:14: outputs.o: net has no for_each, so it has no keys (seen: net[a]); did you mean net?",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, spec: {cidr: '${each.value}'}}\n",
            "2:37: resources.net.spec.cidr: `each` has a meaning only beside for_each (seen: ${each.value})",
        ),
        (
            "resources:\n  app: {kind: aws.vpc, for_each: [a, b, a], spec: {cidr: x}}\n",
            "2:41: resources.app.for_each: this key is there already (seen: a)",
        ),
        (
            "resources:\n  app: {kind: aws.vpc, for_each: {a b: 1}, spec: {cidr: x}}\n",
            "2:35: resources.app.for_each: a key is made of at most 64 letters, digits, _, - and . (seen: a b)",
        ),
        (
            "resources:\n  app: {kind: aws.vpc, for_each: [1], spec: {cidr: x}}\n",
            "2:35: resources.app.for_each: a key is text: quote it (seen: 1)",
        ),
        (
            (
                "resources:\n  app: {kind: aws.vpc, for_each: '${net.zones}', spec: {cidr: x}}\n"
                "  net: {kind: aws.vpc, spec: {cidr: x}}\n"
            ),
            (
                "2:34: resources.app.for_each: what a resource gives cannot be used here: it is not known "
                "before planning (seen: ${net.zones})"
            ),
        ),
        (
            "resources:\n  net: {kind: aws.vpc, depends_on: [nett], spec: {cidr: x}}\n",
            "2:37: resources.net.depends_on: there is no such resource (seen: nett); did you mean net?",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, ignore_changes: [tag], spec: {cidr: x}}\n",
            "2:41: resources.net.ignore_changes: aws.vpc has no such field (seen: tag); did you mean tags?",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, timeouts: {create: soon}, spec: {cidr: x}}\n",
            "2:43: resources.net.timeouts.create: a duration is written as 20m, 1h30m or 2d (seen: soon)",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, timeouts: {crate: 5m}, spec: {cidr: x}}\n",
            "2:35: resources.net.timeouts.crate: there is no such field (seen: crate); did you mean create?",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, on_remove: keeep, spec: {cidr: x}}\n",
            "2:35: resources.net.on_remove: one of delete, keep is expected here (seen: keeep); did you mean keep?",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, protect: yes, spec: {cidr: x}}\n",
            "2:33: resources.net.protect: true or false is expected here (seen: yes)",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, scope: mian, spec: {cidr: x}}\n",
            "2:31: resources.net.scope: there is no such scope (seen: mian); did you mean main?",
        ),
        (
            "resources:\n  b: {kind: gcp.bucket, spec: {name: x}}\n",
            "2:13: resources.b.scope: gcp.bucket cannot stand in main, which is a scope of aws; did you mean other?",
        ),
        (
            "resources:\n  9b: {kind: aws.vpc, spec: {cidr: x}}\n",
            "2:3: resources: a name of letters, digits, - and _, beginning with a letter is expected here (seen: 9b)",
        ),
        (
            "resources:\n  data: {kind: aws.vpc, spec: {cidr: x}}\n",
            "2:3: resources.data: `data` begins another sort of path; choose another name",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, spec: {cidr: x, tags: {holdfast-owner: me}}}\n",
            "2:47: resources.net.spec.tags: tags that begin with holdfast- are Holdfast's own (seen: holdfast-owner)",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, spec: {cidr: {$unknown: x}}}\n",
            "2:38: resources.net.spec.cidr: this key is Holdfast's own (seen: $unknown)",
        ),
        (
            "resources:\n  net: {kind: aws.vpc, spec: {cidr: x}}\nmoved: {old: nett}\n",
            "3:14: moved.old: there is no such resource (seen: nett); did you mean net?",
        ),
        (
            "resources:\n  n: {kind: aws.vpc, spec: {cidr: x}}\n  a: {kind: aws.vpc, spec: {cidr: x}}\nmoved: {a: n}\n",
            "4:9: moved.a: the old name is still the name of a resource (seen: a)",
        ),
        (
            "data:\n  linux: {kind: aws.imag, filter: {name: x}}\n",
            "2:17: data.linux.kind: nothing of this kind can be looked up (seen: aws.imag); did you mean aws.image?",
        ),
        (
            "data:\n  linux: {kind: aws.image, filter: {nme: x, name: y}}\n",
            "2:37: data.linux.filter.nme: there is no such field (seen: nme); did you mean name?",
        ),
        (
            "outputs: {o: '${data.linx.id}'}\ndata:\n  linux: {kind: aws.image, filter: {name: x}}\n",
            "1:14: outputs.o: there is no such look-up under `data` (seen: linx); did you mean linux?",
        ),
        (
            "outputs: {o: '${stack.network.vpc}'}\n",
            (
                "1:14: outputs.o: name an output of another stack: ${stack.network.outputs.vpc} "
                "(seen: ${stack.network.vpc})"
            ),
        ),
        (
            "outputs: {o: '${stack.shop.outputs.vpc}'}\n",
            "1:14: outputs.o: a stack cannot wait for its own outputs (seen: ${stack.shop.outputs.vpc})",
        ),
        (
            "outputs: {o: '${parameters.sice}'}\nparameters: {size: {default: a}}\n",
            "1:14: outputs.o: there is no such parameter (seen: sice); did you mean size?",
        ),
        (
            "parameters:\n  size: {type: strng, default: a}\n",
            (
                "2:16: parameters.size.type: one of string, number, boolean, list, map is expected here (seen: strng); "
                "did you mean string?"
            ),
        ),
        (
            "parameters:\n  size: {default: t3.smal, enum: [t3.small]}\n",
            "2:19: parameters.size.default: one of t3.small is expected (seen: t3.smal); did you mean t3.small?",
        ),
        (
            "parameters:\n  size: {type: number}\n",
            "2:3: parameters.size: this parameter has no default and was given no value: `--param size=…`",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(body: str, expected: str) -> None:
    """One mistake is one line, with the place to put the cursor."""
    assert [told(p) for p in problems(body)] == [expected]


@pytest.mark.parametrize(
    "field,expected",
    [
        (
            "account: 123456789012",
            '1:38: scopes.main.account: text is expected: quote it (seen: 123456789012); did you mean "123456789012"?',
        ),
        (
            "account: 012345678901",
            (
                "1:38: scopes.main.account: a number with a leading zero: quote it to mean text (seen: 012345678901); "
                'did you mean "012345678901"?'
            ),
        ),
        ("acount: '1'", "1:29: scopes.main.acount: there is no such field (seen: acount); did you mean account?"),
    ],
)
def test_an_account_id_is_text(field: str, expected: str) -> None:
    """An account id that YAML would read as a number is refused as it was written, zeros and all."""
    head = "version: 1\nstack: s\nowner: o\nenvironment: dev\n"
    found = [str(p) for p in problems(f"scopes: {{main: {{cloud: aws, {field}, region: r}}}}\n", head)]
    assert expected in [line.replace("shop.yaml:5:", "1:") for line in found]


PROJECT = "an account of Google's is the id of a project: 6 to 30 lower case letters, digits and -"
SUBSCRIPTION = "an account of Azure is the id of a subscription, as in 00000000-0000-0000-0000-000000000001"
REGION = "a region is named in lower case letters, digits and -"


@pytest.mark.parametrize(
    "scope, field, words",
    [
        (
            "{cloud: aws, account: '1234', region: eu-west-1}",
            "account",
            "an account of AWS is twelve digits, in quotes",
        ),
        ("{cloud: aws, account: '123456789012', region: EU-West-1}", "region", REGION),
        ("{cloud: gcp, account: Market_Dev, region: europe-west3}", "account", PROJECT),
        ("{cloud: gcp, account: short, region: europe-west3}", "account", PROJECT),
        ("{cloud: gcp, account: ends-with-, region: europe-west3}", "account", PROJECT),
        ("{cloud: gcp, account: '123456789012', region: europe-west3}", "account", PROJECT),
        ("{cloud: gcp, account: market-dev, region: Europe-West3}", "region", REGION),
        ("{cloud: azure, account: not-a-guid, region: westeurope}", "account", SUBSCRIPTION),
        ("{cloud: azure, account: 00000000-0000-0000-0000-000000000001, region: West.Europe}", "region", REGION),
    ],
)
def test_a_scope_that_no_cloud_has_is_refused(scope: str, field: str, words: str) -> None:
    """An account or a region that cannot be one is refused at its place, written outright or by a parameter."""
    head = "version: 1\nstack: s\nowner: o\nenvironment: dev\n"
    found = problems(f"scopes:\n  main: {scope}\n", head)
    assert [(p.where.line, p.path, p.message) for p in found if p.path != "scopes.main.cloud"] == [
        (6, f"scopes.main.{field}", words)
    ]
    seen = found[-1].seen
    assert seen is not None
    by_parameter = scope.replace(f"'{seen}'", seen).replace(seen, '"${parameters.it}"')
    body = f"parameters: {{it: {{type: string}}}}\nscopes:\n  main: {by_parameter}\n"
    assert (f"scopes.main.{field}", words, seen) in [(p.path, p.message, p.seen) for p in problems(body, head, it=seen)]


@pytest.mark.parametrize("account", ["market-dev", "a23456", "a" + "b" * 29, "example.com:market-dev"])
def test_a_project_as_google_names_it_is_taken(account: str) -> None:
    """The ids of projects, also of those that belong to a domain."""
    head = "version: 1\nstack: s\nowner: o\nenvironment: dev\n"
    body = f"scopes: {{main: {{cloud: gcp, account: '{account}', region: europe-west3}}}}\nresources: {{}}\n"
    assert bind_text(head + body, "shop.yaml", CATALOG, {}).resources == ()


def test_a_cloud_that_no_kind_knows_is_refused() -> None:
    """A mistyped cloud is found in the scope, not in everything that lands there."""
    head = "version: 1\nstack: s\nowner: o\nenvironment: dev\ndefaults: {scope: main}\n"
    body = "scopes: {main: {cloud: asw, account: '1', region: r}}\nresources: {n: {kind: aws.vpc, spec: {cidr: x}}}\n"
    (problem,) = problems(body, head)
    assert str(problem) == (
        "shop.yaml:6:24: scopes.main.cloud: no kind of this cloud is known (seen: asw); did you mean aws?"
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    """Structure, kinds, references and cycles are told together, so that a person corrects a document once."""
    body = """\
resources:
  a: {kind: aws.vpc, protct: true, spec: {cidr: "${b.id}", zones: 3}}
  a: {kind: aws.vpc}
  b: {kind: aws.vpc, depends_on: [a], spec: {cidr: x}}
  c: {kind: aws.vcp, spec: {cidr: "${nothing.id}"}}
outputs: {o: "${parameters.none}"}
outptus: {}
"""
    found = problems(body)
    assert [p.where.line - LINES for p in found] == sorted(p.where.line - LINES for p in found)
    assert [(p.where.line - LINES, p.message) for p in found] == [
        (2, "these wait for each other: a -> b -> a"),
        (2, "there is no such field"),
        (2, "expected a valid list"),
        (3, "this key is there already, in line 10"),
        (5, "there is no such kind"),
        (5, "there is no such resource"),
        (6, "there is no such parameter"),
        (7, "there is no such field"),
    ]


def test_the_letter_says_what_to_do() -> None:
    """The error is a letter: every problem on its line, that nothing was touched, and the next step."""
    with pytest.raises(InvalidInput) as caught:
        bind_text("version: 2\n", "shop.yaml", CATALOG)
    assert str(caught.value) == (
        "the document has 4 problems:\n"
        "shop.yaml:1:1: `stack` is missing\n"
        "shop.yaml:1:1: `owner` is missing\n"
        "shop.yaml:1:1: `environment` is missing\n"
        "shop.yaml:1:10: version: this Holdfast reads version 1 (seen: 2)\n"
        "Standing: nothing was touched\n"
        "Next: correct the document, then give the same command again"
    )


def test_the_error_comes_back_from_the_wire() -> None:
    """The class is part of the tree by its name, and its letter survives the way through history."""
    assert tree()["InvalidDocument"] is InvalidDocument
    with pytest.raises(InvalidDocument) as caught:
        bind_text("version: 2\n", "shop.yaml", CATALOG)
    again = from_letter(caught.value.letter)
    assert isinstance(again, InvalidDocument)
    assert str(again) == str(caught.value)


def test_a_mistake_is_told_once_for_all_keys() -> None:
    """A mistake in an entry of a thousand keys is one problem."""
    keys = ", ".join(f"k{n}" for n in range(1000))
    (problem,) = problems(f"resources: {{app: {{kind: aws.vpc, for_each: [{keys}], spec: {{cidr: 1}}}}}}\n")
    assert problem.path == "resources.app[k0].spec.cidr"


def test_a_letter_of_thousands_of_mistakes_is_bounded() -> None:
    """The letter travels in history; a hundred lines of it are enough to begin with."""
    entries = "\n".join(f"  r{n}: {{kind: aws.none{n}}}" for n in range(3000))
    with pytest.raises(InvalidDocument) as caught:
        bind_text(f"{HEAD}resources:\n{entries}\n", "shop.yaml", CATALOG)
    assert len(caught.value.problems) == 3000
    assert str(caught.value).count("\n") == 103
    assert "… and 2900 more" in str(caught.value)


@pytest.mark.parametrize(
    "edges,expected",
    [
        ({"a": ["a"]}, ["it waits for itself"]),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, ["these wait for each other: a -> b -> c -> a"]),
        (
            {"a": ["b"], "b": ["a"], "c": ["a"], "d": ["e"], "e": ["d"]},
            ["these wait for each other: a -> b -> a", "these wait for each other: d -> e -> d"],
        ),
        ({"a": ["b", "c"], "b": ["d"], "d": ["c"], "c": ["a"]}, ["these wait for each other: a -> c -> a"]),
        ({"a": [], "b": ["a"], "c": ["a", "b"]}, []),
    ],
)
def test_a_cycle_is_named(edges: dict[str, list[str]], expected: list[str]) -> None:
    """Each knot is told once, by the shortest way round it; what merely leads into one is not blamed."""
    entries = "\n".join(
        f"  {name}: {{kind: aws.vpc, depends_on: [{', '.join(needs)}], spec: {{cidr: x}}}}"
        for name, needs in edges.items()
    )
    text = f"{HEAD}resources:\n{entries}\n"
    if not expected:
        assert len(bind_text(text, "shop.yaml", CATALOG).resources) == len(edges)
        return
    with pytest.raises(InvalidDocument) as caught:
        bind_text(text, "shop.yaml", CATALOG)
    assert [p.message for p in caught.value.problems] == expected

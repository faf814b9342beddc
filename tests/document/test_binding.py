"""What a document asks for: names, keys, references, scopes, tags, renames and outputs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import JsonValue

from holdfast.desired import Desired, Goal, OnRemove, Where
from holdfast.document import InvalidDocument, bind, bind_text, load
from holdfast.model import Address, Scope
from holdfast.plan import Verb
from holdfast.values import Unknown, freeze, thaw
from tests.document.kinds import CATALOG, HEAD, SHOP


def bound(body: str, **parameters: Any) -> Goal:
    return bind_text(HEAD + body, "shop.yaml", CATALOG, parameters)


def spec(body: str, **parameters: Any) -> dict[str, Any]:
    """The spec of the first resource."""
    return bound(body, **parameters).resources[0].spec


def one(goal: Goal, name: str) -> Desired:
    (found,) = (r for r in goal.resources if r.address.name == name)
    return found


def test_the_document_of_the_contract_binds() -> None:
    """The example that people start from says exactly this."""
    goal = bind(load(SHOP, "shop.yaml"), CATALOG)
    main = Scope("aws", "123456789012", "eu-west-1")
    net, web = Address("shop", "aws.vpc", "net"), Address("shop", "aws.instance", "web")
    a = Address("shop", "aws.subnet", "app[a]")
    assert (goal.stack, goal.owner, goal.environment) == ("shop", "team-shop", "dev")
    assert [r.address.name for r in goal.resources] == ["net", "app[a]", "app[b]", "web"]
    assert {r.scope for r in goal.resources} == {main}
    assert one(goal, "app[b]").spec == {
        "vpc": Unknown("${shop/aws.vpc/net#id}"),
        "cidr": "10.0.2.0/24",
        "zone": "b",
        "tags": {"cost-center": "42"},
    }
    found = one(goal, "web")
    assert found.spec["image"] == Unknown("${data.linux#id}")
    assert found.spec["subnet"] == Unknown("${shop/aws.subnet/app[a]#id}")
    assert found.spec["type"] == "t3.small"
    assert found.depends_on == (net, a)
    assert found.protect
    assert found.on_remove is OnRemove.delete
    assert found.ignore_changes == ("tags",)
    assert found.timeouts == {Verb.create: timedelta(minutes=20)}
    assert found.where == Where("shop.yaml", 19, 3)
    assert goal.moved == {Address("shop", "aws.instance", "old_name"): web}
    assert goal.outputs == {"address": Unknown.of(web, "private_ip"), "shared": Unknown("${stack.network#vpc}")}
    assert goal.uses == ("network",)
    assert goal.sensitive_outputs == ()
    (linux,) = goal.data
    assert (linux.name, linux.kind, linux.scope) == ("linux", "aws.image", main)
    assert linux.filter == {"name": "al2023-*", "latest": True}


def test_a_bound_spec_survives_json() -> None:
    """What the planner stores is what it reads back."""
    for resource in bind_text(SHOP, "shop.yaml", CATALOG).resources:
        assert thaw(freeze(resource.spec)) == resource.spec


@pytest.mark.parametrize(
    "written,meant",
    [
        ('"${net.id}"', Unknown("${shop/aws.vpc/net#id}")),
        ('"x-${net.id}-y"', Unknown("x-${shop/aws.vpc/net#id}-y")),
        ('"${net.id}${net.arn}"', Unknown("${shop/aws.vpc/net#id}${shop/aws.vpc/net#arn}")),
        ('"${net.endpoint.host.0}"', Unknown("${shop/aws.vpc/net#endpoint.host.0}")),
        ('"$${net.id}"', "${net.id}"),
        ('"$$${parameters.n}"', "$${parameters.n}"),
        ('"a$b$"', "a$b$"),
        ('"${parameters.m.k}"', "deep"),
        ('"${parameters.l.1}"', "two"),
        ('"n is ${parameters.n}, b is ${parameters.b}"', "n is 3, b is true"),
        ('"${stack.network.outputs.vpc.id}"', Unknown("${stack.network#vpc.id}")),
    ],
)
def test_a_path_stands_for_its_value(written: str, meant: object) -> None:
    """A path alone keeps the type of its value; inside a text it is written out; `$${` is a plain `${`."""
    body = f"""\
parameters:
  n: {{type: number, default: 3}}
  b: {{type: boolean, default: true}}
  m: {{type: map, default: {{k: deep}}}}
  l: {{type: list, default: [one, two]}}
resources:
  a: {{kind: aws.vpc, spec: {{cidr: {written}}}}}
  net: {{kind: aws.vpc, spec: {{cidr: x}}}}
"""
    assert spec(body)["cidr"] == meant


def test_an_unknown_deeper_in_an_output_resolves() -> None:
    """`${net.endpoint.host}` waits for the output `endpoint` and takes its field `host`."""
    waiting = Unknown("${a/aws.vpc/net#endpoint.host.0}")
    known: dict[str, JsonValue] = {"a/aws.vpc/net#endpoint": {"host": ["db.local"]}}
    assert waiting.resolve(known) == "db.local"
    assert Unknown("http://${a/aws.vpc/net#endpoint.host.0}/").resolve(known) == "http://db.local/"
    assert waiting.resolve({"a/aws.vpc/net#endpoint": {}}) == waiting


def test_text_that_looks_like_a_pointer_is_refused_beside_a_path() -> None:
    """Nobody can smuggle a pointer to another resource into a text that will be resolved."""
    body = 'resources:\n  a: {kind: aws.vpc, spec: {cidr: "$${b#id} ${n.id}"}}\n  n: {kind: aws.vpc, spec: {cidr: x}}\n'
    with pytest.raises(InvalidDocument, match="text that looks like a pointer"):
        bound(body)
    assert spec('resources: {a: {kind: aws.vpc, spec: {cidr: "$${b#id}"}}}\n')["cidr"] == "${b#id}"


def test_keys_are_unfolded_in_the_documents_order() -> None:
    """A list gives keys that are their own values; a map gives both; a parameter may bring either."""
    body = """\
parameters: {zones: {type: map}}
resources:
  l: {kind: aws.vpc, for_each: [b, a], spec: {cidr: "${each.key}-${each.value}"}}
  m: {kind: aws.vpc, for_each: "${parameters.zones}", spec: {cidr: "${each.value.cidr}"}}
  none: {kind: aws.vpc, for_each: {}, spec: {cidr: x}}
"""
    goal = bound(body, zones={"z": {"cidr": "1"}, "y": {"cidr": "2"}})
    assert [(r.address.name, r.spec["cidr"]) for r in goal.resources] == [
        ("l[b]", "b-b"),
        ("l[a]", "a-a"),
        ("m[z]", "1"),
        ("m[y]", "2"),
    ]


def test_keyed_resources_find_their_own_kind() -> None:
    """`app[each.key]` is the neighbour with the same key, in references and in depends_on."""
    body = """\
resources:
  net: {kind: aws.vpc, for_each: [a, b], spec: {cidr: x}}
  app: {kind: aws.subnet, for_each: [a, b], spec: {vpc: "${net[each.key].id}", cidr: x}}
  dep: {kind: aws.vpc, for_each: {x: b}, depends_on: ["app[each.value]"], spec: {cidr: x}}
"""
    goal = bound(body)
    assert one(goal, "app[b]").spec["vpc"] == Unknown("${shop/aws.vpc/net[b]#id}")
    assert [str(a) for a in one(goal, "dep[x]").depends_on] == ["shop/aws.subnet/app[b]"]


def test_depends_on_a_name_means_all_its_keys() -> None:
    """A resource that depends on `app` waits for every `app[…]`, each once, whatever it also refers to."""
    body = """\
resources:
  last: {kind: aws.subnet, depends_on: [app, "app[b]"], spec: {vpc: "${app[a].id}", cidr: x}}
  app: {kind: aws.vpc, for_each: [a, b], spec: {cidr: x}}
"""
    assert [a.name for a in one(bound(body), "last").depends_on] == ["app[a]", "app[b]"]


def test_default_tags_go_where_there_are_tags() -> None:
    """Tags of the defaults are merged below a resource's own; a kind without tags is left alone."""
    body = """\
parameters: {team: {default: blue}}
resources:
  a: {kind: aws.vpc, spec: {cidr: x, tags: {own: "1", both: own}}}
  b: {kind: gcp.bucket, scope: other, spec: {name: x}}
  c: {kind: aws.vpc, spec: {cidr: x}}
"""
    head = HEAD.replace("{scope: main}", '{scope: main, tags: {both: default, team: "${parameters.team}"}}')
    goal = bind_text(head + body, "f", CATALOG)
    assert one(goal, "a").spec["tags"] == {"both": "own", "team": "blue", "own": "1"}
    assert one(goal, "b").spec == {"name": "x"}
    assert one(goal, "c").spec["tags"] == {"both": "default", "team": "blue"}


def test_one_document_serves_many_places() -> None:
    """Accounts, environments, scopes and protection may come from parameters; a scope may come from a key."""
    text = """\
version: 1
stack: shop
owner: team-shop
environment: "${parameters.env}"
parameters: {env: {enum: [dev, prod]}, account: {}, careful: {type: boolean}}
scopes:
  west: {cloud: aws, account: "${parameters.account}", region: eu-west-1}
  east: {cloud: aws, account: "${parameters.account}", region: eu-east-1}
resources:
  net: {kind: aws.vpc, for_each: [west, east], scope: "${each.key}", protect: "${parameters.careful}", spec: {cidr: x}}
"""
    goal = bind_text(text, "f", CATALOG, {"env": "prod", "account": "123456789012", "careful": "true"})
    assert goal.environment == "prod"
    assert [str(r.scope) for r in goal.resources] == ["aws/123456789012/eu-west-1", "aws/123456789012/eu-east-1"]
    assert all(r.protect for r in goal.resources)
    with pytest.raises(InvalidDocument, match=r"a name of letters, digits, - and \. is expected here"):
        bind_text(text, "f", CATALOG, {"env": "prod", "account": "12/34", "careful": "true"})


def test_a_rename_covers_every_key() -> None:
    """Moving a resource with keys moves all of them; a single one may become one of several."""
    body = """\
resources:
  app: {kind: aws.vpc, for_each: [a, b], spec: {cidr: x}}
  one: {kind: aws.vpc, for_each: [a], spec: {cidr: x}}
moved: {apps: app, single: "one[a]"}
"""
    assert {str(old): str(new) for old, new in bound(body).moved.items()} == {
        "shop/aws.vpc/apps[a]": "shop/aws.vpc/app[a]",
        "shop/aws.vpc/apps[b]": "shop/aws.vpc/app[b]",
        "shop/aws.vpc/single": "shop/aws.vpc/one[a]",
    }


def test_a_single_resource_may_become_one_of_several_of_its_own_name() -> None:
    """Giving a resource keys keeps it, when `moved` says which key it becomes."""
    body = 'resources: {app: {kind: aws.vpc, for_each: [a], spec: {cidr: x}}}\nmoved: {app: "app[a]"}\n'
    assert {o.name: n.name for o, n in bound(body).moved.items()} == {"app": "app[a]"}


def test_what_is_not_known_yet_is_checked_later() -> None:
    """A list with members that will come counts them, and complains only about the members it can see."""
    ok = """\
resources:
  m:
    kind: aws.instance
    spec:
      image: i
      subnet: s
      groups: ["${net.id}"]
      labels: {k: ["${net.id}", plain]}
      rules: [{port: 1, sources: ["${net.id}"]}]
  net: {kind: aws.vpc, spec: {cidr: x}}
"""
    net = Unknown("${shop/aws.vpc/net#id}")
    found = spec(ok)
    assert found["groups"] == [net]
    assert found["labels"] == {"k": [net, "plain"]}
    assert found["rules"] == [{"port": 1, "sources": [net]}]


def test_a_complaint_beside_an_unknown_has_the_right_index() -> None:
    """The third member of a list is called the third, also when the first two are not known yet."""
    body = """\
resources:
  m:
    kind: aws.instance
    spec:
      image: i
      subnet: s
      groups: ["${net.id}", "${net.arn}", 3, "${net.id}", 4]
      rules: ["${net.endpoint}", {port: 1, sources: ["${net.id}", 5]}]
  net: {kind: aws.vpc, spec: {cidr: x}}
"""
    with pytest.raises(InvalidDocument) as caught:
        bound(body)
    assert [(p.path, p.seen, p.where.column) for p in caught.value.problems] == [
        ("resources.m.spec.groups[2]", "3", 43),
        ("resources.m.spec.groups[4]", "4", 59),
        ("resources.m.spec.rules[1].sources[1]", "5", 67),
    ]


def test_a_complaint_about_what_a_path_brought_names_the_path() -> None:
    """A value that came through a path is shown, at the place where the path stands."""
    body = """\
parameters: {rules: {type: list}}
resources:
  m:
    kind: aws.instance
    spec: {image: i, subnet: s, rules: "${parameters.rules}"}
"""
    with pytest.raises(InvalidDocument) as caught:
        bound(body, rules=[{"port": "many", "sources": ["a"]}])
    (problem,) = caught.value.problems
    assert (problem.path, problem.seen) == ("resources.m.spec.rules[0].port", "many")
    assert (problem.where.line, problem.where.column) == (13, 40)


def test_a_path_in_a_field_of_another_shape_is_shown_as_it_was_written() -> None:
    """Not as we write down what is not known yet."""
    body = """\
resources:
  n: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
  m: {kind: aws.instance, spec: {image: [i, "${n.id}"], subnet: {on: "in ${n.id}"}}}
"""
    with pytest.raises(InvalidDocument) as caught:
        bound(body)
    assert [(p.path, p.seen) for p in caught.value.problems] == [
        ("resources.m.spec.image", '["i", "${n.id}"]'),
        ("resources.m.spec.subnet", '{"on": "in ${n.id}"}'),
    ]


def test_the_spec_is_in_canonical_form() -> None:
    """What order does not mean anything for is sorted by the kind before anything is compared."""
    body = "resources: {m: {kind: aws.instance, spec: {image: i, subnet: s, groups: [b, a]}}}\n"
    assert spec(body)["groups"] == ["a", "b"]


def test_outputs_that_show_a_secret_are_marked() -> None:
    """What touches a sensitive output or parameter is hidden, whole, wherever it is shown."""
    body = """\
parameters: {key: {sensitive: true}}
resources:
  m: {kind: aws.instance, spec: {image: i, subnet: s}}
outputs:
  open: "${m.private_ip}"
  made: "${m.password}"
  given: {inside: ["${parameters.key}"]}
  joined: "postgres://${m.password}@${m.private_ip}"
"""
    goal = bound(body, key="env:KEY")
    assert goal.sensitive_outputs == ("made", "given", "joined")


def test_a_missing_scope_names_one_that_would_do() -> None:
    """Without a default every resource says where it lands."""
    text = HEAD.replace("defaults: {scope: main}\n", "") + "resources: {b: {kind: gcp.bucket, spec: {name: x}}}\n"
    with pytest.raises(InvalidDocument) as caught:
        bind_text(text, "f", CATALOG)
    (problem,) = caught.value.problems
    assert problem.message == "`scope` is missing, and there is no defaults.scope"
    assert problem.nearest == "other"


def test_a_filter_may_read_another_stack_and_no_resource() -> None:
    """A look-up happens while planning: other stacks have answered then, and nothing has been made."""
    goal = bound('data: {i: {kind: aws.image, filter: {name: "${stack.base.outputs.image}"}}}\n')
    assert goal.data[0].filter["name"] == Unknown("${stack.base#image}")
    assert goal.uses == ("base",)
    body = 'data: {i: {kind: aws.image, filter: {name: "${n.id}"}}}\nresources: {n: {kind: aws.vpc, spec: {cidr: x}}}\n'
    with pytest.raises(InvalidDocument, match="what a resource gives cannot be used here"):
        bound(body)


def test_the_scopes_of_a_goal_are_those_it_touches() -> None:
    """A scope that nothing lands in is not among those that planning looks at."""
    goal = bound("resources: {n: {kind: aws.vpc, spec: {cidr: x}}}\n")
    assert [s.cloud for s in goal.scopes] == ["aws"]


def test_an_empty_document_asks_for_nothing() -> None:
    """A document without resources is the way to take a stack down by hand."""
    goal = bind_text(HEAD + "resources:\n", "f", CATALOG)
    assert goal.resources == ()

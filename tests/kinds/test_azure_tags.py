"""Marks as tags, and ids: within what Azure takes, and read back whatever case it gives them back in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.providers.azure import ids, tags, versions
from holdfast.errors import Broken, InvalidInput
from holdfast.model import KEY, NAME, STACK, Address, Owner, Scope
from holdfast.plan import FieldChange
from holdfast.resource import Call, Search

KIND = r"azure\.[a-z][a-z0-9_]{0,40}"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SCOPE = Scope("azure", SUBSCRIPTION, "westeurope")
FORBIDDEN = re.compile(r"[<>%&\\?/]")  # in a tag's name
owners = st.builds(Owner, st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True), st.from_regex(STACK, fullmatch=True))
strangers = st.dictionaries(st.text(min_size=1, max_size=20).filter(lambda k: not tags.ours(k)), st.text(max_size=20))


def nobody(service: str) -> Any:
    raise AssertionError(f"{service} is asked")


@st.composite
def calls(draw: st.DrawFn) -> Call[Any]:
    owner = draw(owners)
    name = draw(st.from_regex(rf"{NAME}(\[[A-Za-z0-9_.-]{{1,60}}\])?", fullmatch=True))
    address = Address(owner.stack, draw(st.from_regex(KIND, fullmatch=True)), name)
    return Call(address, SCOPE, owner, client=nobody, token=str(draw(st.uuids())))


# --- tags --------------------------------------------------------------------------------------------------------


@given(calls(), strangers, st.sampled_from([str, str.upper, str.title]))
def test_what_is_written_is_read(call: Call[Any], theirs: dict[str, str], spelled: Any) -> None:
    """Marks fit a tag of anything's, and are read back beside other tags in whatever case a service answers."""
    marks = tags.marks(call)
    assert all(len(name) <= 128 and not FORBIDDEN.search(name) for name in marks)
    assert all(0 < len(value) <= 256 for value in marks.values())
    answered = {**theirs, **{spelled(name): value for name, value in marks.items()}}
    assert tags.seen(answered) == {"owner": str(call.owner), "address": str(call.address), "token": call.token}
    assert tags.own(answered) == theirs


@given(strangers)
def test_a_strangers_tags_are_not_ours(theirs: dict[str, str]) -> None:
    """Nothing that another wrote reads as owned by us."""
    assert tags.seen(theirs) == {"owner": None, "address": None, "token": None}
    assert tags.removing(theirs)["properties"]["tags"] == {}


def test_an_empty_mark_says_nothing() -> None:
    """A mark without a value, as a portal may leave it, is nobody's."""
    assert tags.seen({"holdfast-owner": ""})["owner"] is None
    assert tags.seen(None)["owner"] is None


@given(calls(), calls())
def test_a_search_finds_its_own(one: Call[Any], other: Call[Any]) -> None:
    """What a search describes matches its own marks, and another's only where they are the same."""
    search = Search(SCOPE, one.client, one.owner, one.address, one.token)
    assert tags.matches(search, tags.marks(one))
    alike = (one.owner, one.address, one.token) == (other.owner, other.address, other.token)
    assert tags.matches(search, tags.marks(other)) == alike
    assert tags.matches(Search(SCOPE, nobody), {})


def test_a_filter_is_by_the_rarest_mark() -> None:
    """ARM filters by one tag: the token before the address, the address before the owner."""
    owner, address = Owner("prod", "shop"), Address("shop", "azure.disk", "data[a]")
    by = [
        tags.filtering(Search(SCOPE, nobody, owner, address, "o'clock")),
        tags.filtering(Search(SCOPE, nobody, owner, address)),
        tags.filtering(Search(SCOPE, nobody, owner)),
        tags.filtering(Search(SCOPE, nobody)),
    ]
    assert by == [
        "tagName eq 'holdfast-token' and tagValue eq 'o''clock'",
        "tagName eq 'holdfast-address' and tagValue eq 'shop/azure.disk/data[a]'",
        "tagName eq 'holdfast-owner' and tagValue eq 'prod/shop'",
        "",
    ]


def test_an_address_that_is_too_long() -> None:
    """A key of any length may stand in an address, and one that fits no tag is refused before anything is made."""
    call: Call[Any] = Call(
        Address("shop", "azure.disk", f"a[{'x' * 250}]"), SCOPE, Owner("prod", "shop"), nobody, token="t"
    )
    with pytest.raises(InvalidInput, match="holds 256"):
        tags.marked(call)
    assert re.fullmatch(KEY, "x" * 250)


def test_what_an_update_changes() -> None:
    """Tags to write and tags to remove are told apart, and other fields are none."""
    changes = (
        FieldChange(path="tags.team", before=None, after="shop"),
        FieldChange(path="tags.old", before="x", after=None),
        FieldChange(path="size", before=1, after=2),
    )
    assert tags.changed(changes) == ({"team": "shop"}, ["old"])


# --- ids ---------------------------------------------------------------------------------------------------------

names = st.from_regex(r"[A-Za-z0-9_().-]{0,20}[A-Za-z0-9_]", fullmatch=True).filter(lambda n: n not in {".", ".."})
types = st.sampled_from([
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.Compute/virtualMachines/extensions",
    "Microsoft.Authorization/roleAssignments",
])  # fmt: skip


@st.composite
def resources(draw: st.DrawFn) -> str:
    scope = draw(st.sampled_from([ids.subscription(SUBSCRIPTION), ids.group(SUBSCRIPTION, "Shop"), ""]))
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(types)
        scope = ids.inside(scope, kind, *(draw(names) for _ in range(kind.count("/"))))
    return scope


@given(resources())
def test_an_id_is_taken_apart_and_put_together(one: str) -> None:
    """What is built is parsed, and written as it was; its parts are inside it."""
    read = ids.parse(one)
    assert str(read) == one
    assert ids.inside(read.scope, read.type, *read.names) == one
    assert one.endswith(f"/{read.name}")
    assert ids.within(one, read.parent) or read.parent == ""
    assert ids.parse(one.upper()).name == read.name.upper()


@given(resources(), resources())
def test_ids_are_the_same_in_any_case(one: str, other: str) -> None:
    """However ARM spells an id, it has one canonical form, and two things never share it."""
    for spelled in (one.lower(), one.upper(), one + "/", ids.canonical(one)):
        assert ids.same(one, spelled)
        assert ids.canonical(spelled) == ids.canonical(one)
    assert ids.same(one, other) == (one.lower() == other.lower())


@given(resources(), names)
def test_a_child_and_its_parent(one: str, name: str) -> None:
    """What is inside something has it for a parent."""
    child = ids.parse(one).child("things", name)
    assert child.parent == one
    assert ids.within(str(child), one)
    assert not ids.within(one, str(child))


def test_what_an_id_says() -> None:
    """A subnet's id says its subscription, group, type, name and network."""
    group = ids.group(SUBSCRIPTION, "Shop")
    read = ids.parse(ids.inside(group, "Microsoft.Network/virtualNetworks/subnets", "net", "app"))
    assert (read.subscription, read.group, read.name) == (SUBSCRIPTION, "Shop", "app")
    assert read.type == "Microsoft.Network/virtualNetworks/subnets"
    assert read.parent == ids.inside(group, "Microsoft.Network/virtualNetworks", "net")
    assert ids.parse(read.parent).parent == group
    assert ids.parse(group).parent == ids.subscription(SUBSCRIPTION)
    assert ids.parse(ids.subscription(SUBSCRIPTION)).parent == ""
    assert not ids.within(f"{group}2", group)
    assert not ids.same(None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "shop",
        "subscriptions/x",
        "/subscriptions",
        "/subscriptions/x/resourceGroups",
        "/subscriptions/x/y/z",
        "/subscriptions/x//resourceGroups/y",
        "/subscriptions/x/providers/Microsoft.Compute",
        "/subscriptions/x/providers/Microsoft.Compute/disks",
        "/nowhere/providers/Microsoft.Compute/disks/a",
    ],
)
def test_what_is_no_id(text: str) -> None:
    """What is no id is refused, with how one is written."""
    with pytest.raises(InvalidInput, match="not an id"):
        ids.parse(text)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a?b", "a#b", "a%2Fb", "a\\b", "a\nb"])
def test_a_name_that_climbs_out(name: str) -> None:
    """No name leads out of its place in an id."""
    with pytest.raises(InvalidInput):
        ids.inside(ids.group(SUBSCRIPTION, "shop"), "Microsoft.Compute/disks", name)
    with pytest.raises(InvalidInput):
        ids.group(SUBSCRIPTION, name)


def test_names_for_a_type() -> None:
    """An id has as many names as its type, and a list one fewer."""
    group = ids.group(SUBSCRIPTION, "shop")
    with pytest.raises(InvalidInput):
        ids.inside(group, "Microsoft.Network/virtualNetworks/subnets", "net")
    with pytest.raises(InvalidInput):
        ids.collection(group, "Microsoft.Network/virtualNetworks/subnets")
    listed = ids.collection(group, "Microsoft.Network/virtualNetworks/subnets", "net")
    assert listed == f"{ids.inside(group, 'Microsoft.Network/virtualNetworks', 'net')}/subnets"


def test_a_provider_that_nobody_knows() -> None:
    """A type whose version is not known is a bug of ours, said by name."""
    with pytest.raises(Broken, match=r"Microsoft\.Quantum"):
        versions.of(ids.inside(ids.group(SUBSCRIPTION, "shop"), "Microsoft.Quantum/workspaces", "w"))

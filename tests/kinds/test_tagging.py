"""Tags and labels in a document: where the defaults' go, and what `check` does not let pass, with its line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from activities.testing import hands
from holdfast.catalog import Catalog
from holdfast.document import InvalidDocument, bind_text
from holdfast.resource import Call, Observation
from holdfast.testing.laws import Bench, broken
from holdfast.testing.laws.memory import MemoryGround
from holdfast.testing.sim import SimKind, SimThing
from workers.catalog import catalog

HEAD = """\
version: 1
stack: shop
owner: team-shop
environment: dev
scopes:
  aws: {cloud: aws, account: "123456789012", region: eu-west-1}
  gcp: {cloud: gcp, account: shop-dev, region: us-central1}
  azure: {cloud: azure, account: 00000000-0000-0000-0000-000000000001, region: westeurope}
defaults: {tags: {team: shop}}
resources:
"""
LINES = HEAD.count("\n")
DISK = "  store: {kind: gcp.disk, scope: gcp, spec: {name: data, zone: us-central1-a, size_gb: 10, labels: %s}}\n"
QUEUE = "  jobs: {kind: aws.sqs_queue, scope: aws, spec: {name: jobs, tags: %s}}\n"
BUCKET = "  files: {kind: aws.s3_bucket, scope: aws, spec: {name: shop-files, tags: %s}}\n"
GROUP = "  rg: {kind: azure.resource_group, scope: azure, spec: {name: rg, tags: %s}}\n"
STORE = """\
  rg: {kind: azure.resource_group, scope: azure, spec: {name: rg}}
  box:
    kind: azure.storage_account
    scope: azure
    spec: {name: shopbox7f3a, resource_group: "${rg.name}", tags: %s}
"""
VOLUME = "  disk: {kind: aws.volume, scope: aws, spec: {zone: %s, size: 8}}\n"
SUBNET = """\
  net: {kind: aws.vpc, scope: aws, spec: {cidr: 10.0.0.0/16}}
  app: {kind: aws.subnet, scope: aws, spec: {vpc: "${net.id}", cidr: 10.0.1.0/24, zone: %s}}
"""
FILES = """\
  files: {kind: azure.disk, scope: azure, spec: {name: f, resource_group: "${rg.name}", disk_size_gb: 8, zone: %s}}
"""
ROLE = """\
  reads:
    kind: azure.role_assignment
    scope: azure
    spec:
      scope: /subscriptions/SUBSCRIPTION/resourceGroups/shop
      role_definition_id: acdd72a7-3385-48ef-bd42-f606fba81ae7
      principal_id: 00000000-0000-0000-0000-0000000000aa
"""


def many(count: int) -> str:
    """So many tags."""
    return f"{{{', '.join(f'k{n}: v' for n in range(count))}}}"


def bound(body: str, head: str = HEAD) -> dict[str, dict[str, Any]]:
    """The specs of a document's resources."""
    return {d.address.name: d.spec for d in bind_text(head + body, "f", catalog()).resources}


def refusals(body: str, head: str = HEAD) -> list[str]:
    """What `check` says."""
    with pytest.raises(InvalidDocument) as refused:
        bind_text(head + body, "f", catalog())
    return [str(problem) for problem in refused.value.problems]


def test_default_tags_go_into_labels_and_never_into_a_list() -> None:
    """A machine of Google's has a list called `tags`, for its firewall; the tags of the defaults are its labels."""
    body = """\
  net: {kind: gcp.network, scope: gcp, spec: {name: net}}
  vm:
    kind: gcp.instance
    scope: gcp
    spec:
      name: vm
      zone: us-central1-a
      machine_type: e2-small
      image: projects/debian-cloud/global/images/debian-12
      network: ${net.id}
      tags: [web]
      labels: {app: front}
  bare: {kind: gcp.disk, scope: gcp, spec: {name: bare, zone: us-central1-a, size_gb: 10}}
  rg: {kind: azure.resource_group, scope: azure, spec: {name: rg, tags: {app: front}}}
"""
    specs = bound(body)
    assert (specs["vm"]["tags"], specs["vm"]["labels"]) == (["web"], {"team": "shop", "app": "front"})
    assert specs["bare"]["labels"] == {"team": "shop"}
    assert specs["rg"]["tags"] == {"team": "shop", "app": "front"}
    assert "tags" not in specs["net"]
    assert "labels" not in specs["net"]


def test_a_default_that_a_cloud_does_not_take_is_refused_where_it_stands() -> None:
    """The letter leads to the line of `defaults`, once, however many resources it is refused for."""
    head = HEAD.replace("{team: shop}", '{Team: "The Shop"}')
    body = DISK % "{}" + (DISK % "{}").replace("store", "more") + QUEUE % "{}"
    said = refusals(body, head)
    assert [one.split(" ")[0] for one in said] == ["f:9:19:", "f:9:25:"], said
    assert said[0].endswith("(seen: Team)")
    assert bound(QUEUE % "{}", head)["jobs"]["tags"] == {"Team": "The Shop"}


@pytest.mark.parametrize("key", ["holdfast-stack", "holdfast-owner", "holdfast-name-2"])
def test_a_label_does_not_give_a_resource_away(key: str) -> None:
    """A label by a name of ours would make the resource another stack's, which then deletes it with its data."""
    assert any("are Holdfast's own" in one for one in refusals(DISK % f"{{{key}: thief}}"))


@pytest.mark.parametrize("key", ["holdfast-owner", "Holdfast-Owner", "HOLDFAST-ADDRESS"])
def test_a_tag_does_either_in_no_case(key: str) -> None:
    """Azure does not tell case in the names of tags."""
    assert any("are Holdfast's own" in one for one in refusals(GROUP % f"{{{key}: thief}}"))


@pytest.mark.parametrize(
    "resource, given, said",
    [
        (DISK, "{Team: shop}", "key begins with a lower-case letter"),
        (DISK, "{1team: shop}", "key begins with a lower-case letter"),
        (DISK, '{"": shop}', "key begins with a lower-case letter"),
        (DISK, f"{{{'k' * 64}: shop}}", "key begins with a lower-case letter"),
        (DISK, '{team: "The Shop"}', "value is of lower-case letters"),
        (DISK, f"{{team: {'v' * 64}}}", "value is of lower-case letters"),
        (DISK, f"{{team: {'é' * 63}x}}", "value is of lower-case letters"),
        (DISK, "{goog-x: y}", "Google's own"),
        (DISK, many(57), "labels; Google lets a resource have 64"),
        (QUEUE, "{aws:x: y}", "AWS's own"),
        (QUEUE, f"{{{'k' * 129}: y}}", "1 to 128 characters"),
        (QUEUE, f"{{k: {'v' * 257}}}", "at most 256 characters"),
        (QUEUE, many(47), "at most 47 items"),
        (BUCKET, '{k: "a,b"}', "and no ,"),
        (BUCKET, '{"a&b": v}', "and no &"),
        (BUCKET, "{aws:x: y}", "AWS's own"),
        (GROUP, '{"a/b": y}', "holds none of"),
        (GROUP, '{" ": y}', "more than blanks"),
        (GROUP, "{Team: a}", "are one tag"),
        (GROUP, f"{{k: {'v' * 257}}}", "at most 256 characters"),
        (STORE, f"{{{'k' * 129}: y}}", "at most 128 characters"),
    ],
)
def test_what_a_cloud_would_refuse_check_refuses(resource: str, given: str, said: str) -> None:
    """Nothing is begun for a tag or label that its cloud does not take, or that it takes and hides."""
    found = refusals(resource % given)
    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    "resource, given",
    [
        (DISK, '{größe: "", k_1: a-b_9, 日本: 東京}'),
        (DISK, f"{{{'k' * 63}: {'v' * 63}}}"),
        (QUEUE, '{"Cost Center": "42 / a+b@c:d", Team: "The Shop"}'),
        (BUCKET, '{"Größe +-=._:/@": "The Shop", leer: ""}'),
        (GROUP, '{"Cost Center": "<42>", "hidden-link:/subscriptions/s": y}'),
    ],
)
def test_what_a_cloud_takes_check_takes(resource: str, given: str) -> None:
    """International letters, empty values, and whatever else is allowed."""
    assert bound(resource % given)


def test_a_description_does_not_give_a_resource_away() -> None:
    """Where marks stand in a description, words that read as marks are refused: they would be all that is left there
    once the resource is let go of.
    """
    words = "x [holdfast-owner=holdfast/thief holdfast-address=thief/gcp.network/net holdfast-token=]"
    said = refusals(f"  net: {{kind: gcp.network, scope: gcp, spec: {{name: net, description: '{words}'}}}}\n")
    assert len(said) == 1
    assert said[0].startswith(f"f:{LINES + 1}:")


ROBOT = "  robot: {kind: gcp.service_account, scope: gcp, spec: {account_id: shop-robot, description: %s}}\n"
MARKS = len(
    " [holdfast-owner=holdfast/shop holdfast-address=shop/gcp.service_account/robot "
    "holdfast-token=00000000-0000-0000-0000-000000000000]"
)


@pytest.mark.parametrize("letter, bytes_each", [("w", 1), ("ü", 2)])
def test_marks_need_room_beside_a_description(letter: str, bytes_each: int) -> None:
    """A description that IAM would not take with Holdfast's marks is refused at its line, and one byte less is not."""
    most = 256 - MARKS
    assert bound(ROBOT % (letter * (most // bytes_each)))
    [said] = refusals(ROBOT % (letter * (most // bytes_each + 1)))
    size = 256 - most % bytes_each + bytes_each
    assert said.startswith(f"f:{LINES + 1}:")
    assert "resources.robot.spec.description: with Holdfast's marks" in said
    assert f"the description has {size} bytes, and IAM takes 256" in said


def test_the_room_depends_on_the_installation() -> None:
    """Its name is part of the marks; the default one's is thought of where nobody says which it is."""
    text = HEAD + ROBOT % ("w" * (256 - MARKS))
    assert bind_text(text, "f", catalog(), installation="night").resources
    with pytest.raises(InvalidDocument, match="has 257 bytes"):
        bind_text(text, "f", catalog(), installation="holdfasts")


def test_a_name_leaves_no_room_for_words() -> None:
    """Marks that are too long alone are refused at the resource, where nothing is written of a description."""
    body = ROBOT.replace("robot:", f"{'r' * 63}:").replace(", description: %s", "")
    text = (HEAD + body).replace("stack: shop", f"stack: {'s' * 40}")
    with pytest.raises(InvalidDocument) as refused:
        bind_text(text, "f", catalog())
    assert "IAM takes 256" in str(refused.value)


def test_a_description_that_is_not_known_yet_is_not_measured() -> None:
    """What another resource gives is measured when it is known."""
    assert bound("  net: {kind: gcp.network, scope: gcp, spec: {name: net}}\n" + ROBOT % '"${net.self_link}"')


# --- places -----------------------------------------------------------------------------------------------------


def test_a_zone_of_another_region_is_refused_at_its_line() -> None:
    """What would be made in a zone where no list of its scope shows it is refused before anything is read."""
    said = refusals((DISK % "{}").replace("us-central1-a", "europe-west1-b"))
    assert len(said) == 1
    assert said[0].startswith(f"f:{LINES + 1}:64: resources.store.spec.zone: the zone europe-west1-b is not in ")
    loop = DISK.replace("scope: gcp", "scope: gcp, for_each: [us-central1-a, europe-west1-b]") % "{}"
    said = refusals(loop.replace("zone: us-central1-a", "zone: '${each.key}'"))
    assert len(said) == 1
    assert "resources.store[europe-west1-b].spec.zone" in said[0]


@pytest.mark.parametrize("zone", ["eu-west-1a", "eu-west-1-bos-1a", "eu-west-1-wl1-bos-wlz-1"])
@pytest.mark.parametrize("resource", [VOLUME, SUBNET])
def test_a_zone_of_the_region_is_taken(resource: str, zone: str) -> None:
    """Also a Local or a Wavelength Zone, which is named after its region."""
    assert bound(resource % zone)


@pytest.mark.parametrize(
    "zone", ["eu-west-2a", "eu-west-1", "eu-west-10a", "us-east-1-bos-1a", "EU-WEST-1A", "euw1-az1"]
)
@pytest.mark.parametrize("resource", [VOLUME, SUBNET])
def test_a_zone_of_no_such_region_is_refused_at_its_line(resource: str, zone: str) -> None:
    """EC2 would refuse it, after what stands before it in the plan was made."""
    said = refusals(resource % zone)
    assert len(said) == 1
    at, name = f"f:{HEAD.count(chr(10)) + resource.count(chr(10))}:", "disk" if resource == VOLUME else "app"
    assert said[0].startswith(at)
    assert f"resources.{name}.spec.zone: the zone {zone} is not in eu-west-1, the region of the scope" in said[0]


@pytest.mark.parametrize(
    "zone, taken", [('"1"', True), ('"3"', True), ('"4"', False), ("westeurope-1", False), ("1", False)]
)
def test_a_zone_of_azures_is_a_number_as_text(zone: str, taken: bool) -> None:
    """Of a region's three; which of them a region has, Azure says."""
    body = GROUP % "{}" + FILES % zone
    if taken:
        assert bound(body)
        return
    [said] = refusals(body)
    assert said.startswith(f"f:{LINES + 2}:")
    assert "resources.files.spec.zone" in said


@pytest.mark.parametrize("given, taken", [("1", True), ("2", False)])
def test_a_role_is_given_inside_the_scopes_subscription(given: str, taken: bool) -> None:
    """What is given in another is not found again by any list of the scope."""
    body = ROLE.replace("SUBSCRIPTION", f"00000000-0000-0000-0000-00000000000{given}")
    if taken:
        assert bound(body)
        return
    [said] = refusals(body)
    assert said.startswith(f"f:{LINES + 5}:14: resources.reads.spec.scope: /subscriptions/")
    assert "is not in /subscriptions/00000000-0000-0000-0000-000000000001, the subscription of the scope" in said


# --- the laws bite ------------------------------------------------------------------------------------------------


class Giving(SimThing):
    """Its create marks what it makes with the tags of the spec."""

    def create(self, call: Call[Any]) -> Observation:
        made = super().create(call)
        call.client("sim").mark(made.remote_id, {**call.wanted.tags})
        return made


class Regiving(SimThing):
    """Its update does."""

    def update(self, call: Call[Any]) -> Observation:
        call.client("sim").mark(call.id, {c.path.partition(".")[2]: c.after for c in call.changes if "." in c.path})
        return super().update(replace(call, changes=()))


@pytest.mark.parametrize("kind, said", [(Giving, "its create wrote"), (Regiving, "its update wrote")])
def test_a_kind_that_gives_itself_away_is_caught(kind: type[SimKind], said: str) -> None:
    """The law of marks finds what writes one from a spec, and nothing in a kind that does not."""
    law = "marks_are_not_a_documents"
    assert any(said in str(v) for v in broken(_bench(kind), law))
    assert broken(_bench(SimThing), law) == []


def _bench(kind: type[SimKind]) -> Bench:
    made = kind()
    return Bench(made, Catalog([made]), MemoryGround(), hands)

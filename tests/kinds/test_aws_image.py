"""`aws.image` on the local AWS: one image is found, or a letter says why not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.providers.aws.door import AwsVisit
from activities.providers.aws.kinds.image import Image, ImageFilter
from holdfast.errors import Ambiguous, NotFound
from holdfast.model import Scope
from tests.cloud import ACCOUNT, LocalAws
from tests.kinds.aws_calls import SCOPE
from tests.localcloud.aws_parts import AT_ONCE, launch, network

KIND = Image()
REGIONS = ("eu-central-1", "us-west-2")
DEBIAN, STRANGER = "136693071363", "666677778888"


def look(scope: Scope = SCOPE, **wanted: Any) -> dict[str, Any]:
    return KIND.look_up(scope, AwsVisit(scope).client, ImageFilter.model_validate(wanted))


def published(aws: LocalAws, name: str) -> str:
    """An image of one's own."""
    aws.control.settings(**AT_ONCE)
    one = launch(aws, network(aws))["InstanceId"]
    return str(aws.client("ec2").create_image(InstanceId=one, Name=name)["ImageId"])


def test_the_latest(aws: LocalAws) -> None:
    """Of several images the one that was made last is found, with all that is declared of it."""
    found = look(name="al2023-ami-2023.*", latest=True)
    assert found["name"] == "al2023-ami-2023.12.20260930.0-kernel-6.1-x86_64"
    assert set(found) == set(KIND.outputs)
    assert (found["owner"], found["root_device"]) == ("137112412989", "/dev/xvda")
    assert found["id"] != look(Scope("aws", ACCOUNT, "eu-west-1"), name="al2023-ami-2023.*", latest=True)["id"]


def test_a_short_pattern(aws: LocalAws) -> None:
    """A short document's pattern finds the image that was made last of all that it matches."""
    assert look(name="al2023-*", latest=True)["name"] == "al2023-ami-2023.12.20260930.0-kernel-6.1-x86_64"


def test_what_runs_on_what(aws: LocalAws) -> None:
    """Only images for the architecture that is wanted are looked at."""
    assert look(name="al2023-ami-2023.*", latest=True, architecture="arm64")["architecture"] == "arm64"


def test_none(aws: LocalAws) -> None:
    """No image is a letter that says what was looked for, where and among whose."""
    with pytest.raises(NotFound, match=r"x86_64 image named 'al2023' of amazon in aws/123456789012/eu-central-1"):
        look(name="al2023")


def test_several(aws: LocalAws) -> None:
    """Several images are a letter that names them, and the way to one."""
    with pytest.raises(Ambiguous, match=r"there are 3 .*2023\.12\..*ami-.*2023\.10\.") as refused:
        look(name="al2023-ami-2023.*")
    assert "latest: true" in refused.value.letter.next


def test_an_image_under_a_strangers_name(aws: LocalAws) -> None:
    """An image that a stranger has published under Amazon's name, and later, is never found in Amazon's place."""
    everybodys = aws.client("ec2").describe_images(Filters=[{"Name": "name", "Values": ["al2023-ami-2023.*"]}])
    strangers = max(everybodys["Images"], key=lambda image: str(image["CreationDate"]))
    assert strangers["OwnerId"] == STRANGER
    assert look(name="al2023-ami-2023.*", latest=True)["id"] != strangers["ImageId"]
    with pytest.raises(NotFound):
        look(name=strangers["Name"])
    assert look(name=strangers["Name"], owner=STRANGER)["id"] == strangers["ImageId"]


def test_ones_own(aws: LocalAws) -> None:
    """An image of one's own is found as `self`, and under the account's id."""
    mine = published(aws, "golden")
    assert look(name="golden", owner="self")["id"] == look(name="golden", owner=ACCOUNT)["id"] == mine


def test_anyones(aws: LocalAws) -> None:
    """Everybody's images are looked at only when that is written out, and never for the latest."""
    found = look(name="debian-13-*", owner="anyone")
    assert found["owner"] == DEBIAN
    with pytest.raises(Ambiguous):
        look(name="*", owner="anyone")
    with pytest.raises(ValidationError, match="whatever a stranger publishes next"):
        ImageFilter(name="debian-13-*", owner="anyone", latest=True)


@pytest.mark.parametrize("owner", ["", "canonical", "12345", "*"])
def test_no_such_owner(owner: str) -> None:
    """An owner is an alias that AWS vouches for, oneself, or the id of an account."""
    with pytest.raises(ValidationError):
        ImageFilter(name="x", owner=owner)


def test_it_asks_where_it_is_sent(aws: LocalAws) -> None:
    """The region is the scope's, whatever the process's own is."""
    here, there = (look(Scope("aws", ACCOUNT, region), name="debian-13-*", owner=DEBIAN) for region in REGIONS)
    assert here["name"] == there["name"]
    assert here["id"] != there["id"]

"""`gcp.image` on the local Google Cloud: the one image that is meant, and letters where there is none."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from activities.providers.gcp.door import open_visit
from activities.providers.gcp.kinds.image import Image, ImageFilter
from holdfast.errors import NotAllowed, NotFound
from tests.kinds.google_calls import SCOPE

KIND = Image()


pytestmark = pytest.mark.usefixtures("gcp")


def found(**wanted: str) -> dict[str, object]:
    return dict(KIND.look_up(SCOPE, open_visit(SCOPE).client, ImageFilter.model_validate(wanted)))


def test_the_newest_of_a_family_is_one_by_its_name() -> None:
    """A family gives an image that can be named, and gives all that is declared."""
    newest = found(project="debian-cloud", family="debian-12")
    assert set(newest) == set(KIND.outputs)
    assert newest["id"] == f"projects/debian-cloud/global/images/{newest['name']}"
    assert found(project="debian-cloud", name=str(newest["name"]))["self_link"] == newest["self_link"]


@pytest.mark.parametrize("wanted", [{"family": "debian-99"}, {"name": "debian-12"}])
def test_what_is_not_there_is_said_by_its_name(wanted: dict[str, str]) -> None:
    with pytest.raises(NotFound, match=r"there is no (family|image) debian-\d+ in debian-cloud"):
        found(project="debian-cloud", **wanted)


@pytest.mark.parametrize("wanted", [{}, {"family": "debian-12", "name": "debian-12-bookworm"}])
def test_one_of_both_is_said(wanted: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="a family or a name"):
        found(project="debian-cloud", **wanted)


def test_a_project_that_nobody_shows_is_the_filters() -> None:
    """The letter sends to the filter, and not to the document's scope."""
    with pytest.raises(NotAllowed, match="was not found") as refused:
        found(project="nobodys-7f3a", family="debian-12")
    assert refused.value.letter.next.startswith("mend the filter: its project is a project's id")


@pytest.mark.parametrize("project", ["", "a/b", "../debian-cloud", "Debian"])
def test_a_project_is_an_id(project: str) -> None:
    """What cannot be one is refused by `check`, and not by an SDK that knows no words for it."""
    with pytest.raises(ValidationError, match="pattern"):
        found(project=project, family="debian-12")

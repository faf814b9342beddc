"""Lists of the local Compute Engine, through its official SDK: pages, filters, and what they lack."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import compute_v1 as c

from tests.localcloud.google_made import HERE, disk
from tests.localcloud.google_parts import AT_ONCE, PROJECT, ZONE, LocalGcp


def test_pages(gcp: LocalGcp) -> None:
    """A list comes in pages, and all of it comes once."""
    gcp.control.settings(**AT_ONCE)
    names = [f"disk-{n}" for n in range(5)]
    for name in names:
        disk(gcp, name)
    pages = gcp.compute("Disks").list(c.ListDisksRequest(project=PROJECT, zone=ZONE, max_results=2), retry=None).pages
    assert [[d.name for d in page.items] for page in pages] == [names[:2], names[2:4], names[4:]]


@pytest.mark.parametrize(
    "text, found",
    [
        ('labels.team="red"', ["a", "b"]),
        ("labels.team=red AND labels.env=dev", ["a"]),
        ('(labels.team="red") (labels.env="dev")', ["a"]),
        ("labels.env=dev OR name=b", ["a", "b", "c"]),
        ("labels.team:*", ["a", "b", "c"]),
        ("labels.team!=red", ["c", "d"]),
        ("NOT labels.team:*", ["d"]),
        ('name eq "[ab]"', ["a", "b"]),
        ('description ne ".*run 7.*"', ["a", "b", "c"]),
        ("name = d", ["d"]),
        ("name=nothing", []),
    ],
)
def test_filters(gcp: LocalGcp, text: str, found: list[str]) -> None:
    """A list shows what its filter says."""
    gcp.control.settings(**AT_ONCE)
    for name, labels in (("a", "red dev"), ("b", "red prod"), ("c", "blue dev")):
        disk(gcp, name, labels=dict(zip(("team", "env"), labels.split(), strict=True)))
    disk(gcp, "d", description="made by run 7 of a stack")
    request = c.ListDisksRequest(project=PROJECT, zone=ZONE, filter=text)
    assert [d.name for d in gcp.compute("Disks").list(request, retry=None)] == found
    everywhere = c.AggregatedListDisksRequest(project=PROJECT, filter=text)
    pages = gcp.compute("Disks").aggregated_list(everywhere, retry=None)
    assert [d.name for _, scoped in pages for d in scoped.disks] == found


def test_a_filter_that_is_none(gcp: LocalGcp) -> None:
    """A filter that cannot be read is refused, and so are expressions of several fields, or beside other terms."""
    mixed = ('(name eq "a.*") (status ne DONE)', '(name eq "a.*") (status = READY)')
    for text in ("labels.a=", "(name=a", "name", "name=a)", *mixed):
        with pytest.raises(exceptions.BadRequest, match="Invalid list filter"):
            gcp.compute("Disks").list(c.ListDisksRequest(project=PROJECT, zone=ZONE, filter=text), retry=None)


def test_a_list_that_lags(gcp: LocalGcp) -> None:
    """A new thing can be missing from lists for a while, and is found by its name all the same."""
    gcp.control.settings(list_lag_seconds=30, **AT_ONCE)
    disk(gcp)
    client = gcp.compute("Disks")
    assert list(client.list(**HERE)) == []
    assert client.get(disk="disk", **HERE).name == "disk"
    gcp.control.step(31)
    assert [d.name for d in client.list(**HERE)] == ["disk"]

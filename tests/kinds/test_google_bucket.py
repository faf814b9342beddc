"""`gcp.bucket` on the local Google Cloud: what is special to it beside the laws."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from activities.providers.gcp.kinds.bucket import Bucket, BucketSpec
from holdfast.errors import InUse, NameTaken, NotAllowed
from holdfast.model import Scope, Status
from tests.kinds.google_calls import Called
from tests.localcloud.google_parts import REGION, LocalGcp

KIND = Bucket()
RECEIPTS = Called(KIND, "receipts", BucketSpec(name="shop-receipts-7f3a"))
NEXT_DOOR = Scope("gcp", "another-project", REGION)


def test_it_is_private_from_its_first_moment(gcp: LocalGcp) -> None:
    """One request makes it, and says that nobody may be let in without an account."""
    made = RECEIPTS.made(gcp)
    (asked,) = gcp.control.executed()
    access = asked.parameters["body"]["iamConfiguration"]
    assert access == {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"}
    assert (made.properties["location"], made.properties["versioning"]) == (REGION.upper(), True)


def test_a_name_that_another_project_has(gcp: LocalGcp) -> None:
    """The name is taken; and where Google does not let us look, it stands and is not ours."""
    RECEIPTS.made(gcp, scope=NEXT_DOOR)
    with pytest.raises(NameTaken):
        KIND.create(RECEIPTS.call("mine"))
    gcp.control.settings(denied=["storage:buckets.get"])
    (seen,) = KIND.find(RECEIPTS.call("mine"))
    assert (seen.status, seen.owner, seen.detail) == (Status.ready, None, "another project's")
    with pytest.raises(NotAllowed):  # the project's own
        KIND.find(RECEIPTS.call("mine", scope=NEXT_DOOR))


def test_what_is_in_it_keeps_it(gcp: LocalGcp) -> None:
    """Nothing here empties a bucket."""
    made = RECEIPTS.made(gcp)
    gcp.ask("POST", f"/upload/storage/v1/b/{made.remote_id}/o?uploadType=media&name=one", {"paid": True})
    with pytest.raises(InUse):
        KIND.delete(RECEIPTS.call(remote_id=made.remote_id))


def test_case_of_a_location() -> None:
    """Storage answers in capitals what was asked for in small letters."""
    assert KIND.canonical({"location": "eu"}) == {"location": "EU"}
    assert KIND.canonical({"location": None}) == {"location": None}


def test_what_is_deleted_is_kept_for_a_week_at_least() -> None:
    """Storage takes 0, or 7 days and more: what lies between is refused by `check`."""
    for seconds in (0, 7 * 86_400, 90 * 86_400):
        assert BucketSpec(name="receipts", soft_delete_retention_seconds=seconds).name == "receipts"
    with pytest.raises(ValidationError, match="at least 7 days"):
        BucketSpec(name="receipts", soft_delete_retention_seconds=86_400)

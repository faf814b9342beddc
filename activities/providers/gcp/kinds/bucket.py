"""`gcp.bucket`: a bucket, private, versioned, with one way of granting access, unless the document says less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator

from activities.providers.gcp import labelling, labels
from activities.providers.gcp.labelling import Labels
from holdfast.errors import NotAllowed, NotFound
from holdfast.model import Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Output, ResourceType, Safety, Search
from holdfast.values import is_opaque

PAGE = 1000  # what a list gives at most in one answer
WEEK, LONGEST = 7 * 24 * 3600, 90 * 24 * 3600
# The last three are of old: buckets that have them stand yet.
Class: TypeAlias = Literal[
    "STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL", "DURABLE_REDUCED_AVAILABILITY"
]
_ACCESS = "iamConfiguration"
_WRITTEN = (  # the fields that change in place, beside labels
    "storage_class",
    "uniform_bucket_level_access",
    "public_access_prevention",
    "versioning",
    "soft_delete_retention_seconds",
    "retention_period_seconds",
    "default_kms_key_name",
)


class BucketSpec(Spec):
    """A bucket. Its name is unique in all of Google Cloud."""

    name: str = Field(
        min_length=3,
        max_length=222,
        pattern=r"^[a-z0-9][a-z0-9._-]*[a-z0-9]$",
        description="unique among everybody's buckets",
    )
    location: str | None = Field(
        default=None, description="a region, or several: `US`, `EU`, `NAM4`; without one, the scope's region"
    )
    storage_class: Class = Field(default="STANDARD", description="of objects that are written without a class")
    uniform_bucket_level_access: bool = Field(
        default=True, description="access by IAM alone; once on, it can be taken back for 90 days"
    )
    public_access_prevention: Literal["enforced", "inherited"] = Field(
        default="enforced", description="whether nobody may be let in without an account; or as the organization says"
    )
    versioning: bool = Field(default=True, description="keep what is overwritten or deleted")
    soft_delete_retention_seconds: int = Field(
        default=WEEK, ge=0, le=LONGEST, description="how long what is deleted can be brought back: 0, or 7 to 90 days"
    )
    retention_period_seconds: int | None = Field(
        default=None, ge=1, description="how long an object may be neither overwritten nor deleted"
    )
    default_kms_key_name: str | None = Field(
        default=None, description="a key of Cloud KMS, `projects/…/cryptoKeys/…`; without one, Google's own keys"
    )
    labels: Labels = Field(default_factory=dict, description=labelling.ABOUT)

    @field_validator("soft_delete_retention_seconds")
    @classmethod
    def _is_kept_a_week(cls, seconds: Any) -> Any:
        if not is_opaque(seconds) and 0 < seconds < WEEK:
            raise ValueError(f"what is deleted is kept for no time, 0, or for at least 7 days, {WEEK}")
        return seconds


class Bucket(ResourceType[BucketSpec]):
    """Made in one call. Its settings come with it in every answer, in lists as well."""

    kind = "gcp.bucket"
    spec = BucketSpec
    outputs = {
        "id": Output("the bucket's name"),
        "url": Output("its address, as gs://NAME"),
        "self_link": Output("its address in the API"),
    }
    safety = Safety.by_name
    carrier = Carrier.labels
    immutable = frozenset({"name", "location"})
    holds_data = True
    delete_undo = UndoLabel.lossy
    delete_note = (
        "an empty bucket is made anew: who was let in beside its project's own people, lifecycle rules and what was "
        "soft-deleted in it are lost; and whoever was first may have taken the name meanwhile"
    )
    permissions = {
        "observe": ("storage.buckets.get", "storage.buckets.list"),
        "discover": ("storage.buckets.list",),
        "create": ("storage.buckets.create",),
        "update": ("storage.buckets.update", "storage.buckets.setIamPolicy"),  # the second for whom it may let in
        "delete": ("storage.buckets.delete",),
        "adopt": ("storage.buckets.update",),
        "disown": ("storage.buckets.update",),
    }
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = "receipts: {kind: gcp.bucket, spec: {name: shop-receipts-7f3a}}"
    trials = {
        "storage_class": "NEARLINE",
        "uniform_bucket_level_access": False,
        "public_access_prevention": "inherited",
        "versioning": False,
        "soft_delete_retention_seconds": 2 * WEEK,
        "retention_period_seconds": 3600,
        "default_kms_key_name": "projects/a-project/locations/us-central1/keyRings/shop/cryptoKeys/receipts",
        "labels": {"team": "shop"},
    }

    # --- reading -----------------------------------------------------------------------------------------------

    def observe(self, call: Call[BucketSpec]) -> Observation:
        """One call. A bucket that we may not look at is another's, unless our project has it."""
        try:
            return self._see(call.client("storage").get(bucket=call.id))
        except NotFound:
            return self.absent(call.remote_id)
        except NotAllowed:
            if self._is_listed(call):
                raise
            detail = "another project's"
            return Observation(kind=self.kind, status=Status.ready, remote_id=call.id, detail=detail)

    def discover(self, search: Search) -> Iterator[Observation]:
        """All of the project's, a thousand a call: Storage does not filter by labels."""
        wanted = labels.wanted(search).items()
        for raw in search.client("storage").list(project=search.scope.account, max_results=PAGE):
            if wanted <= raw.get("labels", {}).items():
                yield self._see(raw)

    def find(self, call: Call[BucketSpec]) -> list[Observation]:
        """At the name, whosever it is."""
        if call.spec is None:
            return super().find(call)
        seen = self.observe(replace(call, remote_id=call.spec.name))
        return [] if seen.status is Status.absent else [seen]

    def find_all(self, calls: Sequence[Call[BucketSpec]]) -> Iterator[tuple[Call[BucketSpec], Observation]]:
        """One list of the project's. Another project's bucket shows when Storage refuses to make ours."""
        if not calls:
            return
        listed = calls[0].client("storage").list(project=calls[0].scope.account, max_results=PAGE)
        mine = {raw["name"]: raw for raw in listed}
        for call in calls:
            if call.wanted.name in mine:
                yield call, self._see(mine[call.wanted.name])

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[BucketSpec]) -> Observation:
        """One call, with everything in it. Raises `NameTaken` when the name is borne already, whosever it is."""
        if call.remote_id is not None:
            return self.observe(call)
        wanted = call.wanted
        body = {
            **{key: value for key, value in _written(wanted, _WRITTEN).items() if value is not None},
            "name": wanted.name,
            "location": wanted.location or call.scope.region,
            "labels": labels.marked(call),
        }
        return self._see(call.client("storage").insert(project=call.scope.account, body=body))

    def update(self, call: Call[BucketSpec]) -> Observation:
        """One call: what a PATCH does not name stays as it is."""
        body = _written(call.wanted, [c.path for c in call.changes if c.path in _WRITTEN])
        if write := labelling.changed(call.changes):
            body["labels"] = write
        return self._patch(call, body)

    def delete(self, call: Call[BucketSpec]) -> Observation:
        """Only an empty one: Storage refuses the others, and nothing here empties a bucket."""
        try:
            call.client("storage").delete(bucket=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    def adopt(self, call: Call[BucketSpec]) -> Observation:
        found = call.client("storage").get(bucket=call.id).get("labels", {})
        return self._patch(call, {"labels": labelling.adopting(call, found)})

    def disown(self, call: Call[BucketSpec]) -> Observation:
        found = call.client("storage").get(bucket=call.id).get("labels", {})
        return self._patch(call, {"labels": labelling.disowning(found)})

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """A location is written in capitals, as Storage answers."""
        place = properties.get("location")
        return {**properties, "location": place.upper()} if isinstance(place, str) else dict(properties)

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same name."""
        return bool(before.get("name") == after.get("name"))

    # --- Storage's JSON ----------------------------------------------------------------------------------------

    def _see(self, raw: Mapping[str, Any]) -> Observation:
        found, access = raw.get("labels", {}), raw.get(_ACCESS, {})
        # Older answers know uniform access by its first name alone, and neither prevention nor soft deletion.
        uniform = access.get("uniformBucketLevelAccess") or access.get("bucketPolicyOnly") or {}
        retention = raw.get("retentionPolicy", {}).get("retentionPeriod")
        shown = {"location": raw.get("location"), "storage_class": raw.get("storageClass")}
        return Observation(
            kind=self.kind,
            status=Status.ready,
            remote_id=raw["name"],
            properties={
                "name": raw["name"],
                **{field: value for field, value in shown.items() if value is not None},
                "uniform_bucket_level_access": bool(uniform.get("enabled")),
                "public_access_prevention": access.get("publicAccessPrevention", "inherited"),
                "versioning": bool(raw.get("versioning", {}).get("enabled")),
                "soft_delete_retention_seconds": int(
                    raw.get("softDeletePolicy", {}).get("retentionDurationSeconds", "0")
                ),
                "retention_period_seconds": int(retention) if retention else None,
                "default_kms_key_name": raw.get("encryption", {}).get("defaultKmsKeyName"),
                "labels": labels.own(found),
            },
            outputs={"id": raw["name"], "url": f"gs://{raw['name']}", "self_link": raw["selfLink"]},
            **labels.seen(found),
        )

    def _patch(self, call: Call[BucketSpec], body: dict[str, Any]) -> Observation:
        """Without the access control lists in the answer, which take a permission of their own."""
        return self._see(call.client("storage").patch(bucket=call.id, body=body, projection="noAcl"))

    @staticmethod
    def _is_listed(call: Call[BucketSpec]) -> bool:
        """Whether our project has the bucket. Raises `NotAllowed` where we may not ask for its buckets either."""
        listed = call.client("storage").list(project=call.scope.account, prefix=call.id)
        return any(raw["name"] == call.id for raw in listed)


def _written(wanted: BucketSpec, fields: Iterable[str]) -> dict[str, Any]:
    """Fields as Storage takes them. None takes back what was set.

    Source: Cloud Storage JSON API v1, Buckets.
    """
    body: dict[str, Any] = {}
    for field in fields:
        value = getattr(wanted, field)
        match field:
            case "storage_class":
                body["storageClass"] = value
            case "uniform_bucket_level_access":
                body.setdefault(_ACCESS, {})["uniformBucketLevelAccess"] = {"enabled": value}
            case "public_access_prevention":
                body.setdefault(_ACCESS, {})["publicAccessPrevention"] = value
            case "versioning":
                body["versioning"] = {"enabled": value}
            case "soft_delete_retention_seconds":
                body["softDeletePolicy"] = {"retentionDurationSeconds": str(value)}
            case "retention_period_seconds":
                body["retentionPolicy"] = None if value is None else {"retentionPeriod": str(value)}
            case _:
                body["encryption"] = None if value is None else {"defaultKmsKeyName": value}
    return body

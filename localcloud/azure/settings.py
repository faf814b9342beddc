"""What control can change in the local Azure."""

from __future__ import annotations

from localcloud.core.cloud import Json

SETTINGS: tuple[tuple[str, Json, str], ...] = (
    ("seconds", {}, "how long creating takes, by type (`*` and `?` allowed): {'Microsoft.Compute/*': 0}"),
    ("failing", {}, "operations that fail, by verb, type and name: {'create Microsoft.Compute/disks/a*': 'Code'}"),
    ("quotas", {}, "the most resources in a subscription, by type: {'Microsoft.Compute/disks': 3}"),
    ("retry_after_seconds", 1, "what Retry-After says while an operation is under way, and to who would begin another"),
    ("throttled_seconds", 1, "what Retry-After of a 429 or a 503 says; 1 / rate is what a bucket of that rate takes"),
    ("page_size", 100, "how many resources a page of a list has"),
    ("listed_after_seconds", 0, "how long a new resource is in no list yet, though it is found by its id"),
    ("require_token", False, "whether a request without a token of ours is refused"),
    ("token_seconds", 3600, "how long a token is good"),
    ("identity_unknown_seconds", 0, "how long a new identity's principal cannot be given a role"),
)

"""Where large things lie: two methods, put and get, by digest.

What lies here is named by its content, so it can be put twice, cached for ever, and checked when it comes back. History
holds only the names. Losing the store stops runs until it is back; it never changes a line of the audit log.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import JsonValue

from holdfast.errors import Broken
from holdfast.plan import canonical_json, digest_of


class Store(Protocol):
    """A directory, or a bucket. Both methods may be called from any thread."""

    def put(self, value: JsonValue) -> str:
        """Keep a value; returns its digest. Putting the same value again changes nothing. Raises `Unavailable`."""
        ...

    def get(self, digest: str) -> JsonValue:
        """The value of that digest.

        Raises `Unavailable` when the store does not answer or does not have it (yet, or any more: whoever runs the
        store may bring it back), and `Broken` when what it has is not what was put.
        """
        ...


def encode(value: JsonValue) -> tuple[str, bytes]:
    """The digest and the bytes that a store keeps for a value."""
    return digest_of(value), canonical_json(value).encode()


def check(digest: str, value: JsonValue) -> JsonValue:
    """The value, if it is what the digest names. Raises `Broken` when it is not."""
    if digest_of(value) != digest:
        raise Broken(
            f"the store's value {digest} is not what was put there",
            next="restore it from a copy; nothing was done with it",
        )
    return value

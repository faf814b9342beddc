"""Places for the store, chosen by an address: `file:DIRECTORY`, or `s3://BUCKET/PREFIX`."""

from __future__ import annotations

from holdfast.errors import InvalidInput
from holdfast.store import Store


def open_store(address: str) -> Store:
    """The store at an address. Raises `InvalidInput`, naming the two forms, for any other."""
    if address.startswith("s3://"):
        from activities.stores.bucket import BucketStore

        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        return BucketStore(bucket, prefix)
    if address.startswith("file:"):
        from activities.stores.directory import DirectoryStore

        return DirectoryStore(address.removeprefix("file:"))
    raise InvalidInput(
        f"not a store: {address!r}", next="set HOLDFAST_STORE to file:DIRECTORY or to s3://BUCKET/PREFIX"
    )

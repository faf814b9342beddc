"""Places for the store, chosen by an address: `file:DIRECTORY`, or `s3://BUCKET/PREFIX`."""

from __future__ import annotations

from importlib.util import find_spec

from holdfast.errors import InvalidInput
from holdfast.store import Store


def open_store(address: str) -> Store:
    """The store at an address. Raises `InvalidInput`: for any other, naming the two forms; and for a bucket where AWS's
    SDK is not installed, whichever cloud is served.
    """
    if address.startswith("s3://"):
        if not _is_installed("boto3"):
            raise InvalidInput(
                f"the store {address} needs AWS's SDK, and boto3 is not installed", next="pip install 'holdfast[aws]'"
            )
        from activities.stores.bucket import BucketStore

        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        return BucketStore(bucket, prefix)
    if address.startswith("file:"):
        from activities.stores.directory import DirectoryStore

        return DirectoryStore(address.removeprefix("file:"))
    raise InvalidInput(
        f"not a store: {address!r}", next="set HOLDFAST_STORE to file:DIRECTORY or to s3://BUCKET/PREFIX"
    )


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False

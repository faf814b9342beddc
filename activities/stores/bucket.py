"""A store in a bucket of S3, or of anything that speaks its protocol."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from pydantic import JsonValue

from holdfast.errors import Unavailable
from holdfast.store import check, encode


class BucketStore:
    """Values under `PREFIX/ab/cdef…`. The bucket must exist; its lifecycle rule must outlast the server's retention."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket, self._prefix = bucket, prefix.strip("/")

    @cached_property
    def _s3(self) -> Any:
        import boto3  # only who keeps the store in a bucket needs it
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})
        return boto3.client("s3", config=config)

    def put(self, value: JsonValue) -> str:
        """See `Store.put`."""
        from botocore.exceptions import BotoCoreError, ClientError

        digest, content = encode(value)
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=self._key(digest), Body=content, ContentType="application/json"
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"the store s3://{self._bucket} does not take a value: {error}") from error
        return digest

    def get(self, digest: str) -> JsonValue:
        """See `Store.get`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            content = self._s3.get_object(Bucket=self._bucket, Key=self._key(digest))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise Unavailable(f"the store s3://{self._bucket} has no value {digest}") from error
            raise Unavailable(f"the store s3://{self._bucket} does not answer: {error}") from error
        except BotoCoreError as error:
            raise Unavailable(f"the store s3://{self._bucket} does not answer: {error}") from error
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        return check(digest, value)

    def _key(self, digest: str) -> str:
        return "/".join(part for part in (self._prefix, digest[:2], digest[2:]) if part)

"""ARNs: what everything in AWS is called, in whichever partition of it a region lies.

Source: botocore's `data/endpoints.json`, whose partitions and suffixes these are. A region of a partition that is not
here counts as one of `aws`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.model import Scope

# By the beginning of a region's name: the partition, and how the names of its services end in DNS.
_PARTITIONS: Final[Mapping[str, tuple[str, str]]] = {
    "cn-": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-": ("aws-us-gov", "amazonaws.com"),
    "us-iso-": ("aws-iso", "c2s.ic.gov"),
    "us-isob-": ("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-": ("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-": ("aws-iso-f", "csp.hci.ic.gov"),
    "eusc-": ("aws-eusc", "amazonaws.eu"),
}


def partition(region: str) -> tuple[str, str]:
    """The partition of a region, and its suffix in DNS."""
    return next((said for begin, said in _PARTITIONS.items() if region.startswith(begin)), ("aws", "amazonaws.com"))


def arn(scope: Scope, service: str, resource: str) -> str:
    """The ARN of something in a scope."""
    return f"arn:{partition(scope.region)[0]}:{service}:{scope.region}:{scope.account}:{resource}"


def of_bucket(scope: Scope, bucket: str) -> str:
    """A bucket's: its name is enough in a whole partition."""
    return f"arn:{partition(scope.region)[0]}:s3:::{bucket}"

"""A local cloud that is started, led to and played on: each by its name, and its SDK imported when it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.errors import InvalidInput
from holdfast.testing.laws import Ground
from starter.local.crew import CLOUDS, OURS
from starter.local.environment import need
from starter.testing.benches import Benches
from starter.testing.cloud import LocalCloud
from starter.testing.leading import leading_to
from workers.catalog import catalog


@contextmanager
def playing(cloud: str, directory: Path) -> Iterator[Benches]:
    """Benches for every kind of `aws`, `azure` or `gcp` that is installed, on a local cloud of their own.

    Its log is kept in the directory. Until the end its cloud's door leads there, and no variable elsewhere.
    Raises `InvalidInput` for a cloud that there is not, or whose SDK or local process is not installed.
    """
    if cloud not in CLOUDS:
        raise InvalidInput(f"there is no local {cloud!r}", next=f"choose from {', '.join(CLOUDS)}")
    need([cloud], server=False)
    ground, forget = _on(cloud)
    with LocalCloud(cloud, directory) as process, leading_to(process.environment(), forget, without=OURS):
        yield Benches(catalog(), ground(process))


def _on(cloud: str) -> tuple[Callable[[LocalCloud], Ground], Callable[[], None]]:
    if cloud == "aws":
        from starter.testing import aws

        return aws.AwsGround, aws.forget
    if cloud == "gcp":
        from starter.testing import gcp

        return gcp.GoogleGround, gcp.forget
    from starter.testing import azure

    return azure.AzureGround, azure.forget

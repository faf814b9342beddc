"""The door to AWS: what the SDK raises, wherever it does, is ours."""

from __future__ import annotations

import pytest

from activities.providers.aws import door
from holdfast.errors import HoldfastError, InvalidInput, NotAllowed
from holdfast.model import Scope


@pytest.mark.parametrize(
    "profile, region, error",
    [("nobodys", "eu-central-1", NotAllowed), ("", "no region!", InvalidInput)],
)
def test_a_client_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, profile: str, region: str, error: type[HoldfastError]
) -> None:
    """A profile that is not there, or a region that cannot be, is refused at once, and not tried for days."""
    monkeypatch.setattr(door, "_clients", {})
    monkeypatch.setattr(door, "_account", [])
    for name, value in {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_PROFILE", profile) if profile else monkeypatch.delenv("AWS_PROFILE", raising=False)
    with pytest.raises(error):
        door.AwsVisit(Scope("aws", "123456789012", region)).client("ec2")

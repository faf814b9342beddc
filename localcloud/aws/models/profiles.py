"""Shows on an instance the profile that its association has been exchanged for.

Moto: the association changes, and the instance shows the profile it had. AWS: they are one.
Source: EC2 API reference "ReplaceIamInstanceProfileAssociation".
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls


def install(calls: Calls) -> None:
    """See the module."""
    calls.after("ec2", "ReplaceIamInstanceProfileAssociation", exchanged)


def exchanged(call: Call, _: ActionResult) -> None:
    """Let the instance show what its association says."""
    for association in call.backend.iam_instance_profile_associations.values():
        if association.association_id == call.params["AssociationId"]:
            shown: dict[str, Any] = {
                "Arn": association.iam_instance_profile.arn,
                "Id": association.iam_instance_profile.id,
            }
            association.instance.iam_instance_profile = shown

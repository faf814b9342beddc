"""The verbs' own protocol as the hands of `holdfast.testing.laws`: for whoever runs the laws over kinds.

It stands here and not beside the laws because the kernel does not import what carries acts out.
"""

from __future__ import annotations

from datetime import timedelta

from activities.protocol.job import Job
from activities.protocol.settle import settle
from activities.verbs import BACK, FORWARD
from holdfast.act import Done
from holdfast.testing.laws import Delivery


class ProtocolHands:
    """Delivers acts in process. It waits on the ground's clock, which is stepped."""

    def carry(self, delivery: Delivery) -> Done:
        """See `holdfast.testing.laws.Hands`."""
        table = BACK if delivery.act.back else FORWARD
        return table[delivery.action.verb](_job(delivery))

    def settle(self, delivery: Delivery, waited: timedelta, within: timedelta) -> Done:
        """See `holdfast.testing.laws.Hands`."""
        return settle(_job(delivery), waited, within)


def _job(delivery: Delivery) -> Job:
    return Job(
        act=delivery.act,
        action=delivery.action,
        kind=delivery.kind,
        client=delivery.ground.clients(),
        again=delivery.again,
        secret=delivery.secret,
        pause=delivery.ground.wait,
        clock=delivery.ground.now,
    )


hands = ProtocolHands()

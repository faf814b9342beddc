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

    def __init__(self) -> None:
        self._sent: dict[tuple[int, str, bool], float] = {}  # of acts, by ground and token: when each came first

    def carry(self, delivery: Delivery) -> Done:
        """See `holdfast.testing.laws.Hands`."""
        table = BACK if delivery.act.back else FORWARD
        now, act = delivery.ground.now(), delivery.act
        key = (id(delivery.ground), act.token, act.back)
        if not delivery.again:
            self._sent.pop(key, None)  # a law puts the world back, and plays one act many times
        sent = self._sent.setdefault(key, now)
        return table[delivery.action.verb](_job(delivery, timedelta(seconds=now - sent)))

    def settle(self, delivery: Delivery, waited: timedelta, within: timedelta) -> Done:
        """See `holdfast.testing.laws.Hands`."""
        return settle(_job(delivery, waited), waited, within)


def _job(delivery: Delivery, waited: timedelta) -> Job:
    return Job(
        act=delivery.act,
        action=delivery.action,
        kind=delivery.kind,
        client=delivery.ground.clients(),
        again=delivery.again,
        waited=waited,
        secret=delivery.secret,
        pause=delivery.ground.wait,
        clock=delivery.ground.now,
    )


hands = ProtocolHands()

"""What would change: read, decide, and show. Takes no lock and changes nothing, so it may run beside anything."""

from __future__ import annotations

from temporalio import workflow

from holdfast.contract import Activity, Message, Workflow
from holdfast.packed import Packed, unpack
from holdfast.plan import Skeleton
from holdfast.run import Draft
from workflows.planning import ask, decide
from workflows.refusal import failure
from workflows.versions import PINNED
from workflows.walk import Failed


@workflow.defn(name=Workflow.plan, versioning_behavior=PINNED)
class Planning:
    """Returns a packed `Plan`, whole; fails with the letter of whatever refused."""

    def __init__(self) -> None:
        self._queues: set[str] = set()

    @workflow.run
    async def run(self, draft: Draft) -> Packed:
        """See the class."""
        try:
            decision = await decide(draft, self._queues.update)
            digest = unpack(decision.skeleton, Skeleton).plan
            return await ask(Activity.show, digest, Packed, summary="the plan, whole")
        except Failed as refusal:
            raise failure(refusal.letter) from refusal

    @workflow.query(name=Message.needs, description="The queues of clouds that it asks")
    def needs(self) -> list[str]:
        """Whoever waits for the plan looks whether each has a worker."""
        return sorted(self._queues)

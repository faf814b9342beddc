"""What a schedule starts: hand a request to the arbiter of its stack, and end.

The request's id is the schedule's id and nominal time, so a schedule that fires twice for one time asks once.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from holdfast.arbiter import Ticket
from holdfast.contract import Activity, Workflow
from holdfast.run import Request
from workflows.planning import ask
from workflows.refusal import failure
from workflows.versions import PINNED
from workflows.walk import Failed

_SCHEDULE = SearchAttributeKey.for_keyword("TemporalScheduledById")
_NOMINAL = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(name=Workflow.request, versioning_behavior=PINNED)
class Submission:
    """Returns the run's ticket; the run itself goes on without it."""

    @workflow.run
    async def run(self, request: Request) -> Ticket:
        """See the module."""
        found = workflow.info().typed_search_attributes
        schedule, nominal = found.get(_SCHEDULE), found.get(_NOMINAL)
        if schedule is not None and nominal is not None:
            request = request.model_copy(update={"id": f"{schedule}@{nominal.isoformat()}"})
        try:
            return await ask(Activity.submit, request, Ticket, summary=f"submit {request.operation} {request.stack}")
        except Failed as refusal:
            raise failure(refusal.letter) from refusal

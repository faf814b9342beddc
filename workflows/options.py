"""How patient each activity is: one table, so that nobody tunes a timeout in passing.

- `start_to_close` is above the sum of the SDK's own deadlines, so a request never outlives its attempt unseen.
- `schedule_to_close` bounds attempts, not outages: a cloud may be away for two days.
- `heartbeat` notices a killed worker; the activity's thread beats at a third of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType

from holdfast import contract
from holdfast.contract import Activity
from holdfast.model import Scope

NON_RETRYABLE: Final = ["PayloadsTooLarge"]  # a retry would send the same bytes, after doing the same act again


@dataclass(frozen=True, slots=True)
class Patience:
    """One row of the table."""

    attempt: timedelta
    whole: timedelta
    heartbeat: timedelta | None = None
    first_retry: timedelta = timedelta(seconds=1)
    last_retry: timedelta = timedelta(seconds=30)
    backoff: float = 2.0
    changes_a_cloud: bool = False

    def options(self) -> dict[str, Any]:
        """Keyword arguments of `workflow.start_activity`."""
        cancellation = (
            ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
            if self.changes_a_cloud
            else ActivityCancellationType.TRY_CANCEL
        )
        return {
            "start_to_close_timeout": self.attempt,
            "schedule_to_close_timeout": self.whole,
            "heartbeat_timeout": self.heartbeat,
            "retry_policy": RetryPolicy(
                initial_interval=self.first_retry,
                maximum_interval=self.last_retry,
                backoff_coefficient=self.backoff,
                non_retryable_error_types=NON_RETRYABLE,
            ),
            "cancellation_type": cancellation,
        }


_MINUTES = timedelta(minutes=1)
_BEAT = timedelta(seconds=10)
_CHANGE = Patience(5 * _MINUTES, timedelta(days=2), _BEAT, changes_a_cloud=True)
_READ = Patience(5 * _MINUTES, timedelta(days=2), _BEAT)
_CONTROL = Patience(2 * _MINUTES, timedelta(days=2), _BEAT)

TABLE: Final[dict[Activity, Patience]] = {
    Activity.create: _CHANGE,
    Activity.update: _CHANGE,
    Activity.delete: _CHANGE,
    Activity.operate: _CHANGE,
    Activity.adopt: _CHANGE,
    Activity.disown: _CHANGE,
    Activity.sweep: _CHANGE,
    # A settle looks once an attempt; the attempts are the waiting. Its own deadline travels in its input.
    Activity.settle: Patience(
        _MINUTES, timedelta(days=4), _BEAT, timedelta(seconds=1), timedelta(seconds=15), backoff=1.5
    ),
    Activity.discover: _READ,
    Activity.look_up: _READ,
    Activity.rehearse: _READ,
    Activity.survey: _CONTROL,
    Activity.plan: _CONTROL,
    Activity.show: _CONTROL,
    Activity.record: _CONTROL,
    Activity.salvage: _CONTROL,
    Activity.inspect: _CONTROL,
    Activity.submit: _CONTROL,
    Activity.outputs: _CONTROL,
    Activity.readers: _CONTROL,
    Activity.pollers: Patience(timedelta(seconds=20), _MINUTES),
}


def on_control(activity: Activity) -> dict[str, Any]:
    """Options of an activity of the control queue."""
    return {"task_queue": contract.CONTROL_QUEUE, **TABLE[activity].options()}


def on_cloud(activity: Activity, scope: Scope, *, back: bool = False) -> dict[str, Any]:
    """Options of an activity that reaches a cloud: its queue, its account's fair share, rollbacks before the rest."""
    return {
        "task_queue": contract.queue(scope.cloud),
        "priority": Priority(priority_key=2 if back else 3, fairness_key=f"{scope.cloud}:{scope.account}"),
        **TABLE[activity].options(),
    }

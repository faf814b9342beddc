"""The identity of whoever asked, in the headers of everything that follows from it.

Client to workflow, update, signal; workflow to activity, child, continued run; activity to whatever it starts. Temporal
drops headers at continue-as-new and forgets update-with-start, so both are said here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol, TypeVar

from temporalio import activity, client, worker, workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import PayloadConverter

from holdfast.asking import HEADER, asking
from holdfast.run import Identity


class _Headed(Protocol):
    headers: Mapping[str, Payload]


T = TypeVar("T", bound=_Headed)

_JSON = PydanticPayloadConverter()


def _with(input: T, converter: PayloadConverter) -> T:
    who = asking.get()
    if who is not None:
        input.headers = {**input.headers, HEADER: converter.to_payload(who)}
    return input


def _take(input: _Headed, converter: PayloadConverter) -> None:
    if HEADER in input.headers:
        asking.set(converter.from_payload(input.headers[HEADER], Identity))


class IdentityInterceptor(client.Interceptor, worker.Interceptor):
    """See the module."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:
        """Calls of a client."""
        return _FromClient(next)

    def intercept_activity(self, next: worker.ActivityInboundInterceptor) -> worker.ActivityInboundInterceptor:
        """Calls of activities."""
        return _IntoActivity(next)

    def workflow_interceptor_class(
        self, input: worker.WorkflowInterceptorClassInput
    ) -> type[worker.WorkflowInboundInterceptor]:
        """Calls into workflows, and out of them."""
        return _IntoWorkflow


class _FromClient(client.OutboundInterceptor):
    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:
        return await super().start_workflow(_with(input, _JSON))

    async def signal_workflow(self, input: client.SignalWorkflowInput) -> None:
        await super().signal_workflow(_with(input, _JSON))

    async def query_workflow(self, input: client.QueryWorkflowInput) -> Any:
        return await super().query_workflow(_with(input, _JSON))

    async def start_workflow_update(self, input: client.StartWorkflowUpdateInput) -> client.WorkflowUpdateHandle[Any]:
        return await super().start_workflow_update(_with(input, _JSON))

    async def start_update_with_start_workflow(
        self, input: client.StartWorkflowUpdateWithStartInput
    ) -> client.WorkflowUpdateHandle[Any]:
        input.start_workflow_input = _with(input.start_workflow_input, _JSON)
        input.update_workflow_input = _with(input.update_workflow_input, _JSON)
        return await super().start_update_with_start_workflow(input)

    async def create_schedule(self, input: client.CreateScheduleInput) -> client.ScheduleHandle:
        who, action = asking.get(), input.schedule.action
        if who is not None and isinstance(action, client.ScheduleActionStartWorkflow):
            action.headers = {**(action.headers or {}), HEADER: _JSON.to_payload(who)}
        return await super().create_schedule(input)


class _IntoActivity(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:
        _take(input, activity.payload_converter())
        return await super().execute_activity(input)


class _IntoWorkflow(worker.WorkflowInboundInterceptor):
    def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
        super().init(_FromWorkflow(outbound))

    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:
        _take(input, workflow.payload_converter())
        return await super().execute_workflow(input)

    async def handle_signal(self, input: worker.HandleSignalInput) -> None:
        _take(input, workflow.payload_converter())
        await super().handle_signal(input)

    async def handle_update_handler(self, input: worker.HandleUpdateInput) -> Any:
        _take(input, workflow.payload_converter())
        return await super().handle_update_handler(input)


class _FromWorkflow(worker.WorkflowOutboundInterceptor):
    def continue_as_new(self, input: worker.ContinueAsNewInput) -> NoReturn:
        super().continue_as_new(_with(input, workflow.payload_converter()))

    def start_activity(self, input: worker.StartActivityInput) -> workflow.ActivityHandle[Any]:
        return super().start_activity(_with(input, workflow.payload_converter()))

    async def start_child_workflow(
        self, input: worker.StartChildWorkflowInput
    ) -> workflow.ChildWorkflowHandle[Any, Any]:
        return await super().start_child_workflow(_with(input, workflow.payload_converter()))

    async def signal_external_workflow(self, input: worker.SignalExternalWorkflowInput) -> None:
        await super().signal_external_workflow(_with(input, workflow.payload_converter()))


__all__ = ["IdentityInterceptor"]

"""One plugin for client, worker, replayer and tests: how values travel, who asked, what the sandbox lets through."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    create_payload_validation_error,
)
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workers.identity import IdentityInterceptor

PASSED_THROUGH = (
    "holdfast",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "workflows.walk",
    "workflows.versions",
)


class StrictJson(PydanticJSONPlainPayloadConverter):
    """Pydantic's JSON, which refuses what does not fit at once; the default would retry the workflow task for ever."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """The value. Bad input names the fields, never their values: those may not be for history."""
        try:
            return super().from_payload(payload, type_hint)
        except ValidationError as error:
            wrong = [
                {"loc": list(e["loc"]), "msg": e["msg"]} for e in error.errors(include_input=False, include_url=False)
            ]
            raise create_payload_validation_error(wrong) from error


class StrictConverter(CompositePayloadConverter):
    """Temporal's own list of encodings, with the strict one for JSON."""

    def __init__(self) -> None:
        strict = StrictJson()
        encodings = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(strict if isinstance(c, JSONPlainPayloadConverter) else c for c in encodings))


CONVERTER = dataclasses.replace(DataConverter.default, payload_converter_class=StrictConverter)


class HoldfastPlugin(SimplePlugin):
    """Given to `Client.connect`; workers and replayers made from that client take it over."""

    def __init__(self) -> None:
        super().__init__(
            "holdfast",
            data_converter=CONVERTER,
            interceptors=[IdentityInterceptor()],
            workflow_runner=_sandbox,
        )


def _sandbox(existing: WorkflowRunner | None) -> WorkflowRunner:
    """The sandbox, through which our own pure packages pass: one identity of each class, and no import a run."""
    if isinstance(existing, SandboxedWorkflowRunner) or existing is None:
        return SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
        )
    return existing

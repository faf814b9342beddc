"""Google Cloud as a `Dialect`: who reads a request, who carries it out, and how each service says no."""

from __future__ import annotations

import fnmatch
from typing import Any

from localcloud.core.asked import Answer, Asked, Environ
from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import accounts, buckets, catalog, compute, managed, manager, policies, reading, refusals, standing
from localcloud.gcp.reading import Request
from localcloud.gcp.refusals import Refused


class Gcp:
    """See the module."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._made: tuple[str, ...] = ()  # by the request that was executed last, under the cloud's lock
        self._touched: tuple[str, ...] = ()
        compute.install(cloud)
        manager.install(cloud)
        policies.install(cloud)
        cloud.declare("denied", [], "actions that nobody may do, as patterns: 'compute:instances.*', 'storage:*'")

    def read(self, environ: Environ, body: bytes) -> Asked:
        """See `Dialect`."""
        return reading.asked(environ, reading.request(environ, body))

    def waits(self, asked: Asked) -> bool:
        """Waiting for an operation takes until it is done."""
        return asked.action == "operations.wait"

    def execute(self, environ: Environ, body: bytes, asked: Asked) -> Answer:
        """See `Dialect`."""
        if not self.waits(asked):  # which is done beside others
            self._made = self._touched = ()
        try:
            if not asked.action:
                raise Refused(404, "notFound", f"The requested URL {asked.detail} was not found on this server.")
            self._allow(asked)
            return self._do(reading.request(environ, body))
        except Refused as refused:
            return refusals.envelope(asked.service, refused.code, refused.message, refused.status)

    def _allow(self, asked: Asked) -> None:
        denied = self._cloud.settings["denied"]
        action = f"{asked.service}:{asked.action}"
        if any(fnmatch.fnmatchcase(action, str(one)) for one in (denied if isinstance(denied, list) else ())):
            permission = f"{asked.service}.{asked.action}"
            raise Refused(403, "forbidden", f"Required '{permission}' permission for 'projects/{asked.account}'")

    def _do(self, request: Request) -> Answer:
        cloud, project = self._cloud, request.parts.get("project") or request.query.get("project", "")
        is_public = request.service == "compute" and project in catalog.IMAGE_PROJECTS
        if request.service != "cloudresourcemanager" and project and not is_public:
            managed.settle(cloud)
            if (refused := managed.refused(cloud, request.service, project)) is not None:
                raise refused
        match request.service:
            case "compute":
                return self._compute(request)
            case "cloudresourcemanager":
                answer, made, touched = manager.do(cloud, request)
            case "iam":
                answer, made, touched = accounts.do(cloud, request)
            case _:
                answer, made, touched = buckets.do(cloud, request, managed.project_number(cloud, project))
        self._made, self._touched = tuple(made), tuple(touched)
        return answer

    def _compute(self, request: Request) -> Answer:
        parts = request.parts
        call = standing.Call(
            request.verb,
            parts["project"],
            parts["place"],
            parts["collection"],
            parts["name"],
            request.query,
            request.body,
        )
        if call.verb == "wait":
            compute.wait(self._cloud, call)
            with self._cloud.lock:
                return compute.do(self._cloud, call)
        answer = compute.do(self._cloud, call)
        self._made, self._touched = tuple(call.made), tuple(call.touched)
        return answer

    def refusal(self, asked: Asked, code: str, message: str, status: int) -> Answer:
        """See `Dialect`."""
        return refusals.envelope(asked.service, code, message, status)

    def throttled(self, asked: Asked) -> tuple[str, str, int]:
        """See `Dialect`."""
        newer, older = refusals.NAMES[429]
        code = newer if asked.service in refusals.NEWER | refusals.BOTH else older
        return code, "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.", 429

    def internal(self, asked: Asked) -> tuple[str, str, int]:
        """See `Dialect`."""
        newer, older = refusals.NAMES[500]
        return (newer if asked.service in refusals.NEWER | refusals.BOTH else older), "Internal error.", 500

    def signed(self, asked: Asked, answer: Answer, request_id: str) -> Answer:
        """See `Dialect`."""
        return answer.having(x_request_id=request_id)

    def code(self, asked: Asked, answer: Answer) -> str:
        """See `Dialect`."""
        return refusals.code_of(answer)

    def made(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """See `Dialect`."""
        return self._made

    def touched(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """See `Dialect`."""
        return self._touched

    def world(self) -> dict[str, Json]:
        """See `Dialect`. Of everything, its name and what a GET shows."""
        parts: dict[str, Any] = {"compute": compute, "manager": manager, "accounts": accounts, "buckets": buckets}
        parts["policies"] = policies
        return {name: part.world(self._cloud) for name, part in parts.items()}

    def reset(self) -> None:
        """See `Dialect`. All of it stands in the cloud's memory."""

    def dump(self) -> dict[str, Any]:
        """See `Dialect`. All of it stands in the cloud's memory."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """See `Dialect`."""

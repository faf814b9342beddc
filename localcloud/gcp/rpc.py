"""Resource Manager over gRPC: each call is put as the REST request that it stands for, its answer back into messages.

So both wires have one cloud behind them, one gate with its faults, and one ledger. A caller who shall hear nothing has
his stream reset, or waits for his deadline, while others on his connection go on.

Messages are those of Google's SDK. Sources: google/cloud/resourcemanager/v3/*.proto and google/longrunning/
operations.proto, the `google.api.http` of each method; google/rpc/error_details.proto.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from concurrent import futures
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import grpc

from localcloud.core.asked import Answer, Environ
from localcloud.core.gate import GONE, Dropped, Gate
from localcloud.gcp.refusals import NAMES

CALLS: Final = 192  # that may wait at one time
PACKAGE: Final = "google.cloud.resourcemanager.v3"
THINGS: Final = {"Projects": "project", "Folders": "folder", "Organizations": "organization"}


class Rule(NamedTuple):
    """How a method stands in REST. `body`: the field that is the body; "*" for all that the path does not name."""

    verb: str
    path: str
    body: str
    request: Any  # a class of messages
    response: Any


def _rules() -> Mapping[str, Rule]:
    """By the full name of a method."""
    from google.cloud.resourcemanager_v3 import types
    from google.iam.v1 import iam_policy_pb2 as iam
    from google.iam.v1 import policy_pb2
    from google.longrunning import operations_pb2 as longrunning

    found: dict[str, Rule] = {}
    work = longrunning.Operation
    for service, thing in THINGS.items():
        many, name = service.lower(), thing.capitalize()
        own: dict[str, tuple[str, str, str, Any]] = {
            f"Get{name}": ("GET", "{name}", "", f"{name}"),
            f"List{service}": ("GET", many, "", f"List{service}Response"),
            f"Search{service}": ("GET", f"{many}:search", "", f"Search{service}Response"),
            f"Create{name}": ("POST", many, thing, work),
            f"Update{name}": ("PATCH", f"{{{thing}.name}}", thing, work),
            f"Move{name}": ("POST", "{name}:move", "*", work),
            f"Delete{name}": ("DELETE", "{name}", "", work),
            f"Undelete{name}": ("POST", "{name}:undelete", "*", work),
        }
        for method, (verb, path, body, answer) in own.items():
            if hasattr(types, f"{method}Request"):
                request = getattr(types, f"{method}Request").pb()
                response = getattr(types, answer).pb() if isinstance(answer, str) else answer
                found[f"/{PACKAGE}.{service}/{method}"] = Rule(verb, f"/v3/{path}", body, request, response)
        for method, request, response in (
            ("GetIamPolicy", iam.GetIamPolicyRequest, policy_pb2.Policy),
            ("SetIamPolicy", iam.SetIamPolicyRequest, policy_pb2.Policy),
            ("TestIamPermissions", iam.TestIamPermissionsRequest, iam.TestIamPermissionsResponse),
        ):
            path = f"/v3/{{resource}}:{method[0].lower()}{method[1:]}"
            found[f"/{PACKAGE}.{service}/{method}"] = Rule("POST", path, "*", request, response)
    found["/google.longrunning.Operations/GetOperation"] = Rule(
        "GET", "/v3/{name}", "", longrunning.GetOperationRequest, work
    )
    return found


def begin(gate: Gate) -> int:
    """The port of a server that answers for a gate until that stops."""
    server = grpc.server(
        futures.ThreadPoolExecutor(CALLS, thread_name_prefix="rpc"), options=[("grpc.max_receive_message_length", -1)]
    )
    server.add_generic_rpc_handlers((_Calls(gate, _rules()),))
    port = int(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    threading.Thread(target=_end, args=(gate, server), name="rpc end", daemon=True).start()
    return port


def _end(gate: Gate, server: Any) -> None:
    gate.cloud.stopping.wait()
    server.stop(None)


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC ships no types
    """Takes every call. One that nobody knows is UNIMPLEMENTED."""

    def __init__(self, gate: Gate, rules: Mapping[str, Rule]) -> None:
        self._gate, self._rules = gate, rules

    def service(self, handler_call_details: Any) -> Any:
        rule = self._rules.get(handler_call_details.method)
        if rule is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._call(rule, request, context),
            request_deserializer=rule.request.FromString,
            response_serializer=rule.response.SerializeToString,
        )

    def _call(self, rule: Rule, request: Any, context: Any) -> Any:
        from google.protobuf.json_format import ParseDict

        environ, body = put(rule, request)
        environ[GONE] = lambda: not context.is_active()
        try:
            answer = self._gate.answer(environ, body)
        except Dropped:
            context.cancel()
            return rule.response()
        said, beside = json.loads(answer.body or b"{}"), [("x-request-id", answer.header("x-request-id"))]
        if answer.refused:
            status = refused(answer, said)
            context.set_trailing_metadata((*beside, *status.trailing_metadata))
            context.abort(status.code, status.details)
        context.set_trailing_metadata(beside)
        return ParseDict(said, rule.response(), ignore_unknown_fields=True)


def put(rule: Rule, request: Any) -> tuple[Environ, bytes]:
    """A call as REST has it."""
    from google.protobuf.json_format import MessageToDict

    said: dict[str, Any] = MessageToDict(request)

    def of(found: re.Match[str]) -> str:
        outer, _, inner = found[1].partition(".")
        return str(said.get(outer, {}).get(inner, "") if inner else said.pop(outer, ""))

    path = re.sub(r"{([a-z.]+)}", of, rule.path)
    body = said if rule.body == "*" else said.pop(rule.body, {}) if rule.body else None
    query = {} if rule.body == "*" else {k: str(v).lower() if v is True else str(v) for k, v in said.items()}
    environ = {
        "REQUEST_METHOD": rule.verb,
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": urlencode(query),
        "CONTENT_TYPE": "application/json",
    }
    return environ, b"" if body is None else json.dumps(body).encode()


def refused(answer: Answer, said: Any) -> Any:
    """A refusal as a status with its details: when to come again, and the reason where it is no status."""
    from google.protobuf import any_pb2, duration_pb2
    from google.rpc import error_details_pb2, status_pb2
    from grpc_status import rpc_status

    error = said.get("error", {})
    name, details = str(error.get("status", "")), []
    if name not in grpc.StatusCode.__members__:
        if name:
            details.append(error_details_pb2.ErrorInfo(reason=name, domain="googleapis.com"))
        name = NAMES.get(answer.status, ("UNKNOWN", ""))[0]
    if after := answer.header("retry-after"):
        details.append(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=int(after))))
    packed = [any_pb2.Any() for _ in details]
    for into, one in zip(packed, details, strict=True):
        into.Pack(one)
    code = grpc.StatusCode[name].value[0]
    return rpc_status.to_status(status_pb2.Status(code=code, message=error.get("message", ""), details=packed))

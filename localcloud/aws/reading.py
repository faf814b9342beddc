"""Reads what an AWS request asks: service, operation and parameters, by botocore's own descriptions.

Decides nothing and changes nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from werkzeug.exceptions import MethodNotAllowed, NotFound

from localcloud.core.asked import Asked, Environ
from localcloud.core.cloud import Json

CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
PRESIGNED = re.compile(r"X-Amz-Credential=([^%&]+)%2F(\d{8})%2F([^%]+)%2F([^%]+)%2Faws4_request")
ACCOUNT = re.compile(r"\d{12}")
# The name under which a request is signed, and botocore's name, where they differ.
# Source: `signingName` and `endpointPrefix` of botocore's service-2.json files.
NAMES = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "email": "ses",
    "states": "stepfunctions",
}
READS = re.compile(r"(Describe|Get|List|Head|Search|Lookup|Select|Simulate|Receive|Query|Scan|Decode|Validate)")
# No service that signs so, none of its operations is asked for, or the body is not what the operation takes. Whatever
# else goes wrong here is the local cloud's own fault, and no answer about the request.
NOBODY_CAN_READ = (UnknownServiceError, NotFound, MethodNotAllowed, RequestParserError, ValueError)
# STS hands out sessions: nothing that stands.
NEVER_MUTATES = frozenset({"sts"})


def read(environ: Environ, body: bytes) -> Asked:
    """What a request asks. The action is "" when AWS has no such operation; then `detail` has what was asked for."""
    key, region, service = _signed_for(environ)
    account = key if ACCOUNT.fullmatch(key) else get_account_id_from(key)
    action, parameters, detail = "", dict[str, Json](), _asked_for(environ, body)
    try:
        action, parameters = _operation(service, Request(environ))
    except NOBODY_CAN_READ:
        action = ""
    mutates = bool(action) and not READS.match(action) and service not in NEVER_MUTATES
    dry = mutates and parameters.get("DryRun") is True
    return Asked(
        service, action, account, region, parameters, mutates and not dry, dry, detail, _wire(environ, service)
    )


def _signed_for(environ: Environ) -> tuple[str, str, str]:
    signed = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")) or PRESIGNED.search(
        environ.get("QUERY_STRING", "")
    )
    if signed:
        return signed[1], signed[3], signed[4].lower()
    host = DomainDispatcherApplication.infer_service_region_host(_nobody(), environ, environ["PATH_INFO"])
    service, _, rest = (host or "s3.us-east-1.amazonaws.com").partition(".")
    return "", rest.partition(".")[0] or "us-east-1", service


@cache
def _nobody() -> DomainDispatcherApplication:
    def never(_: Any) -> Any:
        raise AssertionError("only asked where a request would go")

    return DomainDispatcherApplication(never)


def _asked_for(environ: Environ, body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return str(target).rpartition(".")[2]
    named = re.search(rb"(?:^|&)Action=([A-Za-z0-9]+)", body) or re.search(
        rb"(?:^|&)Action=([A-Za-z0-9]+)", environ.get("QUERY_STRING", "").encode()
    )
    return named[1].decode() if named else f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def _wire(environ: Environ, service: str) -> str:
    """The protocol: ec2, query, json, rest-json or rest-xml."""
    if "HTTP_X_AMZ_TARGET" in environ:
        return "json"
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded") and service != "s3":
        return "ec2" if service == "ec2" else "query"
    return _described(service)


@cache
def _described(service: str) -> str:
    try:
        return str(get_service_model(NAMES.get(service, service)).resolved_protocol)
    except UnknownServiceError:  # those with other names are younger ones
        return "rest-json"


def _operation(service: str, request: Request) -> tuple[str, dict[str, Json]]:
    name = NAMES.get(service, service)
    operation, in_path = get_service_router(name).match(request)
    streams = operation.has_streaming_input
    parser = PROTOCOL_PARSERS[determine_request_protocol(operation.service_model, request.content_type)](operation)
    parsed = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": b"" if streams else request.data,
            "url_path": request.path,
            "url_params": in_path,
        }
    )
    plain = {str(k): _plain(v) for k, v in parsed.items()}
    if streams:
        plain["Body"] = f"{request.content_length or 0} bytes"
    return str(operation.name), plain


def _plain(value: Any) -> Json:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return value.decode("utf-8", "replace")
        case datetime():
            return value.isoformat()
        case dict():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case _:
            return str(value)

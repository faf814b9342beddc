"""AWS's answers as their protocols shape them: errors, and the request id that every answer carries.

Sources: the protocol tests of botocore (tests/unit/protocols/output), and botocore's parsers, which read them.
"""

from __future__ import annotations

import json
import re
from html import escape

from localcloud.core.asked import FAILED, Answer, Asked

# Each service's own words for "too many requests".
# Sources: EC2 API reference, "Error codes"; S3 "Error responses"; SQS CreateQueue errors; the tagging API's errors.
THROTTLED: dict[str, tuple[str, str, int]] = {
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "s3": ("SlowDown", "Please reduce your request rate.", 503),
    "sqs": ("RequestThrottled", "Request is throttled.", 403),
    "tagging": ("ThrottledException", "Rate exceeded", 400),
}
THROTTLED_ELSEWHERE = ("Throttling", "Rate exceeded", 400)
# In XML that moto writes; the ids themselves are constants there, or come from elsewhere than the header's.
IN_BODY = re.compile(rb"<(requestId|RequestId|RequestID)\s*>[^<]*</\1>|<(requestId|RequestId|RequestID)\s*/>")
CODE = re.compile(rb"<Code>([^<]*)</Code>")
AWS_IDS = re.compile(r"\b(?:[a-z]{1,20}(?:-[a-z]{2,12}){0,2})-[0-9a-f]{8}(?:[0-9a-f]{9})?\b")
QUEUE_URL = re.compile(r"https?://[^\s\"<>]+/\d{12}/[A-Za-z0-9_.-]+")


def throttled(asked: Asked) -> tuple[str, str, int]:
    """Code, message and status of a service's throttling error."""
    return THROTTLED.get(asked.service, THROTTLED_ELSEWHERE)


def internal(asked: Asked) -> tuple[str, str, int]:
    """Code, message and status of a service's internal error."""
    code = "InternalFailure" if asked.wire in {"json", "rest-json", "query"} else "InternalError"
    return code, "We encountered an internal error in the local cloud; its log has the cause.", 500


def unknown(asked: Asked) -> tuple[str, str, int]:
    """Code, message and status for an operation that is not there."""
    name = asked.action or asked.detail
    match asked.wire:
        case "ec2" | "query":
            return "InvalidAction", f"The action {name} is not valid for this web service.", 400
        case "rest-xml":
            return "NotImplemented", f"A header you provided implies functionality that is not implemented: {name}", 400
        case _:
            return "UnknownOperationException", f"The local cloud has no operation {name}.", 400


def refusal(asked: Asked, code: str, message: str, status: int) -> Answer:
    """An error in the shape of the service's protocol. Its request id is filled in by `signed`."""
    said, words = escape(code), escape(message)
    sender = "Sender" if status < FAILED else "Receiver"
    kind = "text/xml;charset=UTF-8"
    match asked.wire:
        case "ec2":
            body = (
                f"<Response><Errors><Error><Code>{said}</Code><Message>{words}</Message></Error></Errors>"
                "<RequestID></RequestID></Response>"
            )
        case "rest-xml" if asked.service == "s3":
            kind = "application/xml"
            body = f"<Error><Code>{said}</Code><Message>{words}</Message><RequestId></RequestId></Error>"
        case "json" | "rest-json":
            body = json.dumps({"__type": code, "message": message})
            headers = [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-errortype", code)]
            if asked.service == "sqs":
                headers.append(("x-amzn-query-error", f"{code};{sender}"))
            return Answer(status, tuple(headers), body.encode())
        case _:
            body = (
                f"<ErrorResponse><Error><Type>{sender}</Type><Code>{said}</Code><Message>{words}</Message></Error>"
                "<RequestId></RequestId></ErrorResponse>"
            )
    return Answer(status, (("Content-Type", kind),), f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode())


def signed(asked: Asked, answer: Answer, request_id: str) -> Answer:
    """The answer with one request id, in its headers and wherever its body names one."""
    if asked.service == "s3":
        answer = answer.without("x-amzn-requestid").having(x_amz_request_id=request_id, x_amz_id_2=request_id)
        if not answer.refused:
            return answer  # an object's content is its owner's
    else:
        answer = answer.having(x_amzn_requestid=request_id)
    if not IN_BODY.search(answer.body):
        return answer
    body = IN_BODY.sub(
        lambda m: (tag := m[1] or m[2]) and b"<" + tag + b">" + request_id.encode() + b"</" + tag + b">", answer.body
    )
    headers = tuple((k, v) for k, v in answer.headers if k.lower() not in {"content-length", "x-amz-crc32"})
    return Answer(answer.status, headers, body)


def code(answer: Answer) -> str:
    """The error code of an answer, or nothing."""
    if not answer.refused:
        return ""
    query = answer.header("x-amzn-query-error").partition(";")[0]
    kind = answer.header("x-amzn-errortype").partition(":")[0]
    in_xml = CODE.search(answer.body)
    if query or kind or in_xml:
        return query or (in_xml[1].decode() if in_xml else kind)
    try:
        return str(json.loads(answer.body).get("__type", "")).rpartition("#")[2]
    except (ValueError, AttributeError):
        return ""


def ids(text: str) -> tuple[str, ...]:
    """What looks like one of AWS's ids or queue URLs, each once, in order."""
    return tuple(dict.fromkeys([*AWS_IDS.findall(text), *QUEUE_URL.findall(text)]))

"""Stands between moto's reading of a request and its carrying out: a subject can refuse, amend or replace it.

The order of one call: who asks, may they, was it asked before (client tokens), do the named things
exist, does their state allow it, is there quota left; only then a dry run ends, or the call is carried out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, method_names_from_class

from localcloud.core.cloud import Cloud

READS = ("Describe", "Get", "List", "Head", "Search")


# The codes that SQS had before it spoke JSON, and sends beside the new ones, where they differ: SDKs show the old.
# Source: SQS developer guide "Amazon SQS migration to the JSON protocol"; the query-compatible errors of SQS's model.
QUERY_CODES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDeletedRecently": "AWS.SimpleQueueService.QueueDeletedRecently",
    "QueueNameExists": "QueueAlreadyExists",
}


class Refusal(ServiceException):
    """An error of AWS's, with its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.status = status


class Call:
    """One request to moto, as far as moto has read it."""

    __slots__ = ("_params", "account", "action", "cloud", "region", "response", "service")

    def __init__(self, cloud: Cloud, service: str, action: str, response: Any) -> None:
        self.cloud = cloud
        self.service = service
        self.action = action
        self.account: str = response.current_account
        self.region: str = response.region
        self.response = response
        self._params: dict[str, Any] | None = None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.action.startswith(READS)

    @property
    def params(self) -> dict[str, Any]:
        """What was asked, under the names of the service's description."""
        if self._params is None:
            parsed = getattr(self.response, "params", {})
            self._params = parsed.original_dict() if hasattr(parsed, "original_dict") else dict(parsed)
        return self._params

    def set(self, name: str, value: Any) -> None:
        """Let moto see another value of a parameter."""
        self.response.params[name] = value
        self._params = None

    @property
    def backend(self) -> Any:
        """Moto's backend of this service, account and region."""
        from moto.backends import get_backend

        found: Any = get_backend(self.service)[self.account]  # type: ignore[call-overload]
        return found["aws" if self.service == "s3" else self.region]

    def texts(self) -> Iterator[str]:
        """Every text in the parameters."""
        return _texts(self.params)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


Check = Callable[[Call], None]
Proceed = Callable[[], Any]
Instead = Callable[[Call, Proceed], Any]
After = Callable[[Call, Any], None]
Around = Callable[[Call], AbstractContextManager[None]]


class Calls:
    """Collects what the subjects have to say about calls, and puts it into moto. One in a process."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.first: list[Check] = []  # before anything else, for every call
        self.always: list[Check] = []  # before the checks of one action, for every call that changes something
        self.last: list[Check] = []  # after them
        self.replay: Callable[[Call], Any] = lambda _: None
        self.keep: After = lambda _, __: None
        self.around: Around = lambda _: nullcontext()
        self.paged: After = lambda _, __: None
        self._before: dict[tuple[str, str], list[Check]] = {}
        self._instead: dict[tuple[str, str], Instead] = {}
        self._after: dict[tuple[str, str], list[After]] = {}

    def before(self, service: str, action: str, check: Check) -> None:
        """Let `check` refuse a call that would be carried out."""
        self._before.setdefault((service, action), []).append(check)

    def instead(self, service: str, action: str, instead: Instead) -> None:
        """Carry an action out in another way. It may call what it stands for."""
        if (service, action) in self._instead:
            raise TypeError(f"{service} {action} is replaced twice")
        self._instead[service, action] = instead

    def after(self, service: str, action: str, after: After) -> None:
        """Amend what a call has done, or its result."""
        self._after.setdefault((service, action), []).append(after)

    def run(self, call: Call, proceed: Proceed) -> Any:
        """One call, in the module's order. Raises moto's errors and our `Refusal`."""
        key = (call.service, call.action)
        for check in self.first:
            check(call)
        if call.reads:
            instead = self._instead.get(key)
            result = instead(call, proceed) if instead else proceed()
            for after in self._after.get(key, ()):
                after(call, result)
            self.paged(call, result)
            return result
        again = self.replay(call)
        if again is not None:
            return again
        for check in (*self.always, *self._before.get(key, ()), *self.last):
            check(call)
        if call.service == "ec2" and call.params.get("DryRun"):
            raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        instead = self._instead.get(key)
        result = instead(call, proceed) if instead else proceed()
        for after in self._after.get(key, ()):
            after(call, result)
        self.keep(call, result)
        return result

    def patch(self, owner: type[Any], service: str) -> None:
        """Put ourselves before every action of a service's responses. Raises what `check` raises."""
        from moto.core.utils import get_service_model

        theirs = method_names_from_class(owner)
        for action in get_service_model(service).operation_names:
            name = camelcase_to_underscores(action)
            if name in theirs:
                setattr(owner, name, self._wrapped(service, action, getattr(owner, name)))
        self.check(
            service, {a for a in get_service_model(service).operation_names if camelcase_to_underscores(a) in theirs}
        )

    def check(self, service: str, actions: set[str]) -> None:
        """Raise `TypeError` where a subject speaks about an action that moto has no method for."""
        spoken = {a for table in (self._before, self._instead, self._after) for s, a in table if s == service}
        if spoken - actions:
            raise TypeError(f"moto's {service} has lost {', '.join(sorted(spoken - actions))}")

    def _wrapped(self, service: str, action: str, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(original)
        def method(response: Any) -> Any:
            call = Call(self.cloud, service, action, response)
            try:
                with self.around(call):
                    result = self.run(call, lambda: original(response))
                    # Serialised in here: what is read late from moto's objects must be what is seen now.
                    return answered(response, result) if call.reads else result
            except ServiceException as error:
                return answered(response, ActionResult(error), getattr(error, "status", None))
            except NotImplementedError as missing:
                code = "InvalidParameterValue" if "ilter" in str(missing) else "UnsupportedOperation"
                lacking = Refusal(code, f"The local cloud cannot do this: {missing}")
                return answered(response, ActionResult(lacking), lacking.status)

        return method


def answered(response: Any, result: Any, status: int | None = None) -> Any:
    """A result as moto's dispatcher takes it when it is serialised already."""
    if not isinstance(result, ActionResult):
        return result
    own, headers, body = response.serialized(result)
    said = {**headers, "status": status or own}
    if response.service_name == "sqs" and isinstance(result.result, ServiceException):
        said["x-amzn-query-error"] = f"{QUERY_CODES.get(result.result.code, result.result.code)};Sender"
    return own, said, body


def replaced(owner: Any, name: str, new: Any) -> Any:
    """Put `new` in the place of an attribute, and return what was there. Raises `TypeError` when there is none."""
    found = owner.__dict__.get(name, getattr(owner, name, None))
    if found is None:
        raise TypeError(f"moto's {getattr(owner, '__name__', owner)} has no {name} any more")
    setattr(owner, name, new)
    return found

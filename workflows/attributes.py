"""Search attributes of ours: typed keys, and the few moments at which a run changes them."""

from __future__ import annotations

from typing import Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from holdfast.contract import Attribute, State
from holdfast.run import Request

_WORDS: Final[dict[Attribute, SearchAttributeKey[str]]] = {
    a: SearchAttributeKey.for_keyword(a.value) for a in Attribute if a is not Attribute.owed
}
_OWED: Final = SearchAttributeKey.for_bool(Attribute.owed.value)


def of_run(run: str, request: Request) -> TypedSearchAttributes:
    """What a run is found by, from its first event on."""
    words = {
        Attribute.stack: request.stack,
        Attribute.run: run,
        Attribute.operation: request.operation.value,
        Attribute.state: State.planning.value,
        Attribute.requester: request.identity.requester,
        Attribute.environment: request.environment or "none",
    }
    return TypedSearchAttributes([SearchAttributePair(_WORDS[name], value) for name, value in words.items()])


def say_stack(stack: str, environment: str) -> None:
    """What an arbiter is found by. It says so itself: it is started in the same call as its first request."""
    words = {Attribute.stack: stack, Attribute.operation: "stack", Attribute.environment: environment or "none"}
    if workflow.info().typed_search_attributes.get(_WORDS[Attribute.stack]) != stack:
        workflow.upsert_search_attributes([_WORDS[name].value_set(value) for name, value in words.items()])


def say_state(state: State) -> None:
    """The run's state, where it differs from what was said last."""
    _say(Attribute.state, state.value)


def say_waiting(words: str) -> None:
    """What the run waits for; empty: nothing."""
    _say(Attribute.waiting, words or "nothing")


def say_owed(owed: bool) -> None:
    """Whether somebody still has to do something."""
    if bool(workflow.info().typed_search_attributes.get(_OWED)) is not owed:
        workflow.upsert_search_attributes([_OWED.value_set(owed)])


def _say(name: Attribute, value: str) -> None:
    key = _WORDS[name]
    said = workflow.info().typed_search_attributes.get(key)
    if said != value and not (said is None and value == "nothing"):
        workflow.upsert_search_attributes([key.value_set(value)])

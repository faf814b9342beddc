"""A spec within a spec, some of whose fields are not known yet."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from holdfast.model import Spec
from holdfast.values import Unknown

ARN = Unknown("${shop/aws.sqs_queue/lost#arn}")


class Dead(Spec):
    queue: str
    receives: int
    note: str | None = None


class Queue(Spec):
    dead: Dead | None = None
    tags: dict[str, str] = Field(default_factory=dict)


@pytest.mark.parametrize("field", ["queue", "note"])
def test_a_field_that_is_not_known_yet(field: str) -> None:
    """A nested spec takes a value that is not known yet in any field, whether it must have that or may."""
    dead = {"queue": "arn", "receives": 5, field: ARN}
    spec = Queue.model_validate({"dead": dead})
    assert spec.plain()["dead"] == {"note": None, **dead}


def test_what_is_wrong_beside_it() -> None:
    """Beside a value that is not known yet, a wrong one and a missing one are still said, and nothing else is."""
    with pytest.raises(ValidationError) as wrong:
        Queue.model_validate({"dead": {"queue": ARN, "receives": "many"}})
    assert [(e["loc"], e["type"]) for e in wrong.value.errors()] == [(("dead", "receives"), "int_parsing")]
    with pytest.raises(ValidationError) as missing:
        Queue.model_validate({"dead": {"queue": ARN}})
    assert [(e["loc"], e["type"]) for e in missing.value.errors()] == [(("dead", "receives"), "missing")]


def test_maps_are_as_before() -> None:
    """A map keeps what is not known yet, and complains about the rest."""
    assert Queue.model_validate({"tags": {"a": ARN, "b": "c"}}).plain()["tags"] == {"a": ARN, "b": "c"}
    with pytest.raises(ValidationError) as wrong:
        Queue.model_validate({"tags": {"a": ARN, "b": 1}})
    assert [e["loc"] for e in wrong.value.errors()] == [("tags", "b")]

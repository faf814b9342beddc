r"""Labels as Google takes them: what is out of its alphabet, too long or too many is refused.

Source: Resource Manager, "Requirements for labels": `[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}`, 128 bytes, 64 labels.
The words are those that Compute answers with. Storage says of every label "Invalid argument.", and Resource Manager of
everything that it does not take "Request contains an invalid argument." (googleapis/google-api-java-client issue 1040).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.gcp.refusals import Refused, invalid

MOST = 64  # labels of a resource
LONGEST = 63  # characters of a key or value
BYTES = 128  # in UTF-8
_SMALL = frozenset({"Ll", "Lo"})
_OF = (
    "only contain lowercase letters, numeric characters, underscores and dashes. The {} can be at most 63 characters "
    "long. International characters are allowed."
)


def check(body: Mapping[str, Any]) -> None:
    """Raises `Refused` where any labels in a request of Compute's are not to be had: of a resource, or of its disks."""
    for labels in _within(body):
        for key, value in labels.items():
            if not fits(key, key=True):
                how = f"The key must start with a lowercase character, can {_OF.format('key')}"
                raise invalid("resource.labels", "", f"Label key '{key}' violates format constraints. {how}")
            if not fits(str(value)):
                how = f"The value can {_OF.format('value')}"
                raise invalid("resource.labels", "", f"Label value '{value}' violates format constraints. {how}")
        if len(labels) > MOST:
            raise invalid("resource.labels", "", f"There are more than {MOST} labels.")  # in words of our own


def check_bucket(labels: Mapping[str, Any]) -> None:
    """Raises `Refused` for labels that Storage does not take; None takes one away."""
    if not _all_fit({key: value for key, value in labels.items() if value is not None}):
        raise Refused(400, "invalid", "Invalid argument.")


def check_project(body: Mapping[str, Any]) -> None:
    """Raises `Refused` where a request of Resource Manager's has labels that are not to be had."""
    if not _all_fit(body.get("labels") or {}):
        raise Refused(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")


def _all_fit(labels: Mapping[str, Any]) -> bool:
    return len(labels) <= MOST and all(fits(key, key=True) and fits(str(value)) for key, value in labels.items())


def fits(text: str, *, key: bool = False) -> bool:
    """Whether a text may be a label's value, or its key."""
    of_them = all(c in "_-" or (sort := unicodedata.category(c)) in _SMALL or sort[0] == "N" for c in text)
    begins = not key or unicodedata.category(text[:1] or " ") in _SMALL
    return of_them and begins and len(text) <= LONGEST and len(text.encode()) <= BYTES


def _within(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        for name, value in body.items():
            if name == "labels" and isinstance(value, Mapping):
                yield value
            else:
                yield from _within(value)
    elif isinstance(body, list):
        for one in body:
            yield from _within(one)

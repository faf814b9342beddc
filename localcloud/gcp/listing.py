"""Filters and pages of Google's lists.

A filter is what Compute and Resource Manager have in common: `field OP value`, joined by AND (or a blank) and OR, with
brackets and NOT; a search for projects is its terms joined by OR alone. OP is `=`, `!=`, `:` (has; `:*` is there at
all), `eq` and `ne` (the whole value, as an expression). Expressions are of one field only, and not mixed with the rest.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.core.cloud import Json
from localcloud.gcp.refusals import Refused

TOKENS = re.compile(
    r"""\s*(?: (?P<bracket>[()]) | (?P<op>!=|=|:|\beq\b|\bne\b) | "(?P<quoted>(?:[^"\\]|\\.)*)"
    | (?P<word>[^\s()=!:"]+) )""",
    re.VERBOSE,
)
LARGEST_PAGE = 500

Test = Callable[[Mapping[str, Any]], bool]


def reading(text: str) -> Test:
    """The test that a filter is; an empty one passes everything. Raises `Refused`."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        found = TOKENS.match(text, at)
        if found is None or found.end() == at:
            raise _bad(text)
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    if not tokens:
        return lambda _: True
    _of_one_field(tokens, text)
    test = _either(tokens, text)
    if tokens:
        raise _bad(text)
    return test


def _of_one_field(tokens: list[tuple[str, str]], text: str) -> None:
    """Raises `Refused`. Source: `filter` of every list: "You cannot combine constraints on multiple fields using
    regular expressions", and "These two types of filter expressions cannot be mixed in one request".
    """
    asked = {(tokens[at - 1][1], op in {"eq", "ne"}) for at, (group, op) in enumerate(tokens) if group == "op" and at}
    if len(asked) > 1 and any(expression for _, expression in asked):
        raise _bad(text)


def any_of(text: str) -> Test:
    """The test of a search for projects, which passes what fits any of its terms. Raises `Refused`."""
    tests = [reading(term) for term in re.findall(r'(?:"[^"]*"|[^\s"])+', text)]
    return lambda it: not tests or any(test(it) for test in tests)


def _bad(text: str) -> Refused:
    return Refused(400, "invalid", f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.")


def _is(tokens: list[tuple[str, str]], *words: str) -> bool:
    return bool(tokens) and tokens[0][0] == "word" and tokens[0][1] in words


def _either(tokens: list[tuple[str, str]], text: str) -> Test:
    tests = [_all(tokens, text)]
    while _is(tokens, "OR", "or"):
        tokens.pop(0)
        tests.append(_all(tokens, text))
    return lambda it: any(test(it) for test in tests)


def _all(tokens: list[tuple[str, str]], text: str) -> Test:
    tests = [_one(tokens, text)]
    while tokens and tokens[0] != ("bracket", ")") and not _is(tokens, "OR", "or"):
        if _is(tokens, "AND", "and"):
            tokens.pop(0)
        tests.append(_one(tokens, text))
    return lambda it: all(test(it) for test in tests)


def _one(tokens: list[tuple[str, str]], text: str) -> Test:
    if _is(tokens, "NOT"):
        tokens.pop(0)
        inner = _one(tokens, text)
        return lambda it: not inner(it)
    if tokens and tokens[0] == ("bracket", "("):
        tokens.pop(0)
        test = _either(tokens, text)
        if not tokens or tokens.pop(0) != ("bracket", ")"):
            raise _bad(text)
        return test
    if len(tokens) < 3 or tokens[0][0] not in {"word", "quoted"} or tokens[1][0] != "op":  # noqa: PLR2004  # field OP value
        raise _bad(text)
    (_, field), (_, op), (kind, value) = tokens.pop(0), tokens.pop(0), tokens.pop(0)
    if kind not in {"word", "quoted"}:
        raise _bad(text)
    return lambda it: _holds(_at(it, field), op, re.sub(r"\\(.)", r"\1", value) if op in {"=", "!=", ":"} else value)


def _at(it: Any, field: str) -> Any:
    for part in field.split("."):
        it = it.get(part) if isinstance(it, Mapping) else None
    return it


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _holds(found: Any, op: str, value: str) -> bool:
    """A link is also equal to its last part, as in the real lists."""
    if op in {"!=", "ne"}:
        return not _holds(found, "=" if op == "!=" else "eq", value)
    if op == ":" and value == "*":
        return found is not None
    if isinstance(found, list):
        return any(_holds(item, op, value) for item in found)
    if isinstance(found, Mapping):
        return op == ":" and value in found
    text = _text(found)
    match op:
        case "eq":
            return re.fullmatch(value, text) is not None
        case ":":
            return value.lower() in text.lower()
        case _ if value.endswith("*"):
            return text.startswith(value[:-1])
        case _:
            return text == value or (text.startswith("http") and text.rpartition("/")[2] == value)


def page(
    items: Sequence[tuple[str, Json]], size: str, token: str, most: int = LARGEST_PAGE
) -> tuple[list[tuple[str, Json]], str]:
    """One page of things that are sorted by their keys, and the token of the next. Raises `Refused`.

    A token holds the key after which to go on, so that what comes and goes in between is neither repeated nor skipped.
    """
    try:
        wanted = int(size) if size else most
        after = base64.urlsafe_b64decode(token.encode()).decode() if token else ""
    except ValueError:
        raise Refused(
            400, "invalid", f"Invalid value for field 'pageToken': '{token}'. The token is invalid."
        ) from None
    if not 0 <= wanted <= max(most, LARGEST_PAGE):
        raise Refused(400, "invalid", f"Invalid value for field 'maxResults': '{size}'. It must be in [0, {most}].")
    left = [(key, item) for key, item in items if key > after]
    cut = left[: wanted or most]
    more = base64.urlsafe_b64encode(cut[-1][0].encode()).decode() if len(cut) < len(left) else ""
    return cut, more

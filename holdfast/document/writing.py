"""Writes a document as YAML that `load` reads back to the same values."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # of any YAML that may read it


def write(value: Any) -> str:
    """The text of a map of plain JSON values, in block style, in their order."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> list[str]:
    match value:
        case dict() if value:
            return [line for k, v in value.items() for line in _pair(k, v)]
        case list() if value:
            return [line for member in value for line in _item(member)]
        case _:
            return [_scalar(value)]


def _pair(key: str, value: Any) -> list[str]:
    lines = _lines(value)
    if isinstance(value, dict | list) and value:
        return [f"{_scalar(key)}:", *(f"  {line}" for line in lines)]
    return [f"{_scalar(key)}: {lines[0]}"]


def _item(value: Any) -> list[str]:
    first, *rest = _lines(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # JSON's scalars, `{}` and `[]` are YAML's as well. Characters outside ASCII stay: JSON's escape for those beyond
    # the first plane is a pair of surrogates, which YAML does not put together.
    return json.dumps(value, ensure_ascii=False)

"""Durations as people write them: `20m`, `1h30m`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta

_FORM = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?")


def parse_duration(text: str) -> timedelta:
    """Read a duration longer than nothing. Raises `ValueError` that names the form."""
    match = _FORM.fullmatch(text)
    days, hours, minutes, seconds = (int(n or 0) for n in match.groups()) if match else (0,) * 4
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not length:
        raise ValueError("a duration is written as 20m, 1h30m or 2d")
    return length


def write_duration(length: timedelta) -> str:
    """The shortest form that `parse_duration` reads back, in whole seconds."""
    rest = int(length.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts)

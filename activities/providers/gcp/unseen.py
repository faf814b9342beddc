"""What Google does not tell apart: that something is not there, and that we may not see it. Both are PERMISSION_DENIED.

Source: Resource Manager API v3, projects.get and folders.get; measured, see the recorded exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.errors import NotAllowed


def got(get: Callable[[], Mapping[str, Any]], listed: Callable[[], bool]) -> dict[str, Any] | None:
    """What `get` answers, or None of what no list shows either.

    What came about between the two is got once more. Raises `NotAllowed` where there is one that we may not see.
    """
    try:
        return dict(get())
    except NotAllowed:
        if not listed():
            return None
    return dict(get())

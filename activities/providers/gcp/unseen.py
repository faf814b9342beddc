"""What Google does not tell apart: that something is not there, and that we may not see it. Both are PERMISSION_DENIED.

That a project is not there, in which something is asked for, each service says in words of its own, and some say that
also of a project in which nobody has enabled them. So Resource Manager is asked.

Source: Resource Manager API v3, projects.get and folders.get; measured, see the recorded exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.errors import HoldfastError, NoAccount, NotAllowed, NotFound


def got(get: Callable[[], Mapping[str, Any]], listed: Callable[[], bool]) -> dict[str, Any] | None:
    """What `get` answers, or None of what no list shows either, or where Google says for once that it is not there.

    What came about between the two is got once more. Raises `NotAllowed` where there is one that we may not see.
    """
    try:
        return dict(get())
    except NotFound:
        return None
    except NotAllowed:
        if not listed():
            return None
    return dict(get())


def no_account(projects: Any, project: str, refused: HoldfastError) -> NoAccount | None:
    """Why something was refused in a project: because that is not there. None where it is, or Google does not say."""
    said: dict[str, Any] = {"standing": "nothing was done in it", "code": refused.letter.code}
    said["requests"] = refused.letter.requests
    try:
        raw = got(
            lambda: projects.get_project(name=f"projects/{project}"),
            lambda: any(projects.search_projects(query=f"id:{project}")),
        )
    except HoldfastError:
        return None
    if raw is None:
        return NoAccount(
            f"there is no project {project}, or none that this worker's principal may see: {refused.letter.happened}",
            next="mend the document's scope: its account is a project id; or let the principal see the project",
            **said,
        )
    if raw["state"] == "ACTIVE":
        return None
    return NoAccount(
        f"the project {project} was deleted: {refused.letter.happened}",
        deleted=True,
        next=f"`gcloud projects undelete {project}` within thirty days, or let the document's scope name another",
        **said,
    )

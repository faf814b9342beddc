"""Azure's credentials for a scope, made when an activity needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.errors import NotAllowed
from holdfast.model import Scope

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


def credentials(scope: Scope) -> TokenCredential:
    """Whatever speaks for this worker in the scope. Raises `NotAllowed`, naming the scope, when nothing can be made."""
    from azure.identity import DefaultAzureCredential

    try:
        return DefaultAzureCredential()
    except ValueError as error:
        raise NotAllowed(
            f"this worker has no credentials for {scope}: {error}",
            standing="nothing was touched",
            next="mend the worker's AZURE_* variables",
        ) from error

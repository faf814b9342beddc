"""Google Cloud's credentials for a scope, made when an activity needs them.

Anonymous where `CLOUDSDK_AUTH_DISABLE_CREDENTIALS` is true, as gcloud has it: for a local cloud.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from holdfast.errors import NotAllowed
from holdfast.model import Scope

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def credentials(scope: Scope) -> Credentials:
    """Whatever speaks for this worker in the scope. Raises `NotAllowed`, naming the scope, when nothing does."""
    import google.auth
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import GoogleAuthError

    if os.environ.get("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "").lower() in {"1", "true", "yes"}:
        return AnonymousCredentials()
    try:
        found, _ = google.auth.default(scopes=SCOPES)
    except GoogleAuthError as error:
        raise NotAllowed(
            f"this worker has no credentials for {scope}: {error}",
            standing="nothing was touched",
            next="give it some, as gcloud takes them: GOOGLE_APPLICATION_CREDENTIALS, or a service account of its host",
        ) from error
    return found

"""Google Cloud's credentials for a scope, minted when an activity needs them.

A token is kept as long as google-auth calls it fresh, until 3 min 45 s before it expires, and is then minted anew; the
metadata server gives a new one no sooner. Without an entry for the scope, `CLOUDSDK_AUTH_DISABLE_CREDENTIALS` makes
the default chain anonymous, as gcloud has it: for a local cloud.
"""

from __future__ import annotations

import functools
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activities.credentials.choosing import way, where
from activities.credentials.ways import Google, Impersonate
from holdfast.errors import HoldfastError, NotAllowed, Unavailable
from holdfast.model import Scope

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
IAM = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"  # gcloud's own: another place than iamcredentials.googleapis.com
DEADLINE = 20  # seconds for one request that mints


class _Held:
    """The credentials of one way, once they were minted, and what is held while they are."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: Any = None


_lock = threading.Lock()
_held: dict[Google, _Held] = {}


def credentials(scope: Scope) -> Credentials:
    """Whatever speaks for this worker in the scope, with a token that is good for minutes; it renews itself.

    The same object for every scope of one way, as long as it serves.

    Raises `NotAllowed`, naming the scope, when nothing speaks for it; `Unavailable` when who mints does not answer.
    """
    found = way(scope, Google)
    if found == Google() and os.environ.get("CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "").lower() in {"1", "true", "yes"}:
        return _nobody()
    with _lock:
        held = _held.setdefault(found, _Held())
    with held.lock:
        made, held.made = held.made, None  # what fails is not kept: a key that was mended is read again
        try:
            held.made = _fresh(made, found, scope)
        except NotAllowed:
            if made is None:
                raise
            held.made = _fresh(None, found, scope)  # now, where it had been read before: keys are rotated
        return held.made


@functools.cache
def _nobody() -> Credentials:
    from google.auth.credentials import AnonymousCredentials

    return AnonymousCredentials()


def _fresh(made: Any, found: Google, scope: Scope) -> Any:
    from google.auth.credentials import TokenState
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request

    try:
        if made is None:
            made = _make(found)
        if made.token_state is not TokenState.FRESH:
            made.refresh(functools.partial(Request(), timeout=DEADLINE))
        return made
    # Without google-auth's own error as the cause, which history would keep: it repeats the endpoint's whole answer,
    # and one that it could not read may hold a token.
    except TransportError as error:
        raise Unavailable(
            f"this worker has no credentials for {scope} yet, {where()}: who mints them does not answer: {_why(error)}",
            standing="nothing was touched",
        ) from None
    except GoogleAuthError as error:
        raise _letter(found, scope, error) from None
    except OSError as error:
        raise NotAllowed(
            f"this worker has no credentials for {scope}, {where()}: {error.filename} cannot be read: {error.strerror}",
            standing="nothing was touched",
            next="mount the file where the worker runs, or mend the worker's entry",
        ) from error
    except ValueError:
        # Without its cause: what could not be read may be in its words, and it may be a key.
        raise NotAllowed(
            f"this worker has no credentials for {scope}, {where()}: the file is not what it should be",
            standing="nothing was touched",
            next=f"give it a {'service account key' if found.key_file else 'credentials file'}, as gcloud writes one",
        ) from None


def _make(found: Google) -> Any:
    """Nothing is asked for yet. Raises what google-auth raises, `OSError` and `ValueError`."""
    made = _source(found)
    return made if found.impersonate is None else _impersonated(made, found.impersonate)


def _source(found: Google) -> Any:
    import google.auth

    path = found.key_file or found.credentials_file
    if path is not None:
        return _from_file(path, only_keys=found.key_file is not None)
    return google.auth.default(scopes=SCOPES)[0]


def _from_file(path: str, *, only_keys: bool) -> Any:
    """By the file's own type. Not google-auth's loader of any type, which it has deprecated for that."""
    from google.auth import aws, identity_pool
    from google.oauth2 import credentials as user
    from google.oauth2 import service_account

    said = json.loads(Path(path).read_text(encoding="utf-8"))
    sort = said.get("type") if isinstance(said, dict) else None
    match sort if not only_keys or sort == "service_account" else None:
        case "service_account":
            return service_account.Credentials.from_service_account_info(said, scopes=SCOPES)
        case "external_account" if "aws" in str(said.get("subject_token_type")):
            return aws.Credentials.from_info(said, scopes=SCOPES)
        case "external_account":
            return identity_pool.Credentials.from_info(said, scopes=SCOPES)
        case "authorized_user":
            return user.Credentials.from_authorized_user_info(said, scopes=SCOPES)
        case _:
            raise ValueError("not of a type that is taken")


def _impersonated(source: Any, other: Impersonate) -> Any:
    from google.auth import impersonated_credentials

    base = os.environ.get(IAM, "")
    to = f"{base.rstrip('/')}/v1/projects/-/serviceAccounts/{other.service_account}:generateAccessToken"
    return impersonated_credentials.Credentials(
        source,
        other.service_account,
        SCOPES,
        # In the API's own form, which google-auth leaves to its caller: IAM Credentials API, generateAccessToken.
        delegates=[f"projects/-/serviceAccounts/{one}" for one in other.delegates] or None,
        lifetime=int(other.lifetime.total_seconds()),
        iam_endpoint_override=to if base else None,
    )


def _letter(found: Google, scope: Scope, error: Exception) -> HoldfastError:
    none = f"this worker has no credentials for {scope}, {where()}"
    if getattr(error, "retryable", False) or _is_silence(error.__cause__):
        return Unavailable(f"{none}, yet: {_why(error)}", standing="nothing was touched")
    advice = "give it some, as gcloud takes them: GOOGLE_APPLICATION_CREDENTIALS, or a service account of its host"
    if found.impersonate is not None:
        advice = (
            "let what the worker is by itself be a Service Account Token Creator on "
            f"{found.impersonate.service_account} (with delegates: each on the next), and see that the IAM Service "
            "Account Credentials API is on"
        )
    elif found.key_file or found.credentials_file:
        advice = "see that the key still stands and the provider still trusts it, and mend the worker's entry"
    return NotAllowed(f"{none}: {_why(error)}", standing="nothing was touched", next=advice)


def _is_silence(cause: BaseException | None) -> bool:
    """Whether the metadata server gave no answer, or none about us: google-auth tells these apart by the text alone."""
    from google.auth.exceptions import TransportError

    return isinstance(cause, TransportError) and "Status: 4" not in str(cause)


def _why(error: Exception) -> str:
    """The library's words, without the answer's body, which is the endpoint's own and may be long."""
    return str(error.args[0] if error.args else error)[:300]

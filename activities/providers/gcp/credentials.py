"""Google Cloud's credentials for a scope, minted when an activity needs them.

A token is kept as long as google-auth calls it fresh, until 3 min 45 s before it expires, and is then minted anew; the
metadata server gives a new one no sooner. Without an entry for the scope, `CLOUDSDK_AUTH_DISABLE_CREDENTIALS` makes
the default chain anonymous, as gcloud has it: for a local cloud.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from activities.causes import causes
from activities.credentials.choosing import way, where
from activities.credentials.ways import Google, Impersonate
from activities.loopback import guarded
from holdfast.errors import HoldfastError, NotAllowed, Unavailable
from holdfast.model import Scope

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
IAM = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"  # gcloud's own: another place than iamcredentials.googleapis.com
DEADLINE = 20  # seconds for one request that mints
# What gcloud writes where a user impersonates a service account. Source: `impersonated_credentials` of google-auth.
OTHER = re.compile(r"/serviceAccounts/([^/:]+):generateAccessToken$")
TAKEN = (
    "give it one that gcloud writes: a service account's key, workload identity federation whose token comes from a "
    "file, a URL or AWS, a user's own, or a user's that impersonates a service account"
)
SPEECHLESS = "the executable that was to fetch a token gave none"
UNSENDABLE = "a token that they gave cannot be sent, since it has a line break in it, or a blank before it"


class Untaken(ValueError):
    """A file whose sort is not taken. Its words are ours, and may be told."""


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
        if is_unsendable(error):
            raise _letter(found, scope, error) from None
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
    except subprocess.SubprocessError:
        raise NotAllowed(
            f"this worker has no credentials for {scope}, {where()}: {SPEECHLESS}",
            standing="nothing was touched",
            next="run it by hand where the worker runs; what it says is not repeated here",
        ) from None
    except ValueError as error:
        # Without its cause: what could not be read may be in its words, and it may be a key.
        why = str(error) if isinstance(error, Untaken) else "the file is not what it should be"
        raise NotAllowed(
            f"this worker has no credentials for {scope}, {where()}: {why}",
            standing="nothing was touched",
            next="give it a service account key, as gcloud writes one" if found.key_file else TAKEN,
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
    said = json.loads(Path(path).read_text(encoding="utf-8"))
    if only_keys and not (isinstance(said, dict) and said.get("type") == "service_account"):
        raise Untaken("the key file is no service account's key")
    return _told(said)


def _told(said: Any) -> Any:
    """What a file's content speaks as. Raises `Untaken`, and what google-auth raises."""
    from google.auth import aws, identity_pool
    from google.oauth2 import credentials as user
    from google.oauth2 import service_account

    match said:
        case {"type": "service_account"}:
            return service_account.Credentials.from_service_account_info(said, scopes=SCOPES)
        case {"type": "external_account", "credential_source": {"executable": _}}:
            # Whoever writes the file would have the worker start a program of theirs.
            raise Untaken("the file has its token fetched by an executable, and a worker starts none")
        case {"type": "external_account"} if "aws" in str(said.get("subject_token_type")):
            return aws.Credentials.from_info(said, scopes=SCOPES)
        case {"type": "external_account"}:
            return identity_pool.Credentials.from_info(said, scopes=SCOPES)
        case {"type": "authorized_user"}:
            return user.Credentials.from_authorized_user_info(said, scopes=SCOPES)
        case {
            "type": "impersonated_service_account",
            "source_credentials": {"type": "service_account" | "authorized_user"} as source,
            "service_account_impersonation_url": str(url),
        } if (named := OTHER.search(url)) is not None:
            delegates = tuple(str(one).rpartition("/")[2] for one in said.get("delegates") or ())
            return _impersonated(_told(source), Impersonate(named[1], delegates))
        case _:
            raise Untaken("the credentials file is of a sort that is not taken")


def _impersonated(source: Any, other: Impersonate) -> Any:
    from google.auth import impersonated_credentials

    base = guarded(os.environ.get(IAM, ""), IAM)
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
    if not is_unsendable(error) and (getattr(error, "retryable", False) or _is_silence(error.__cause__)):
        return Unavailable(f"{none}, yet: {_why(error)}", standing="nothing was touched")
    advice = "give it some, as gcloud takes them: GOOGLE_APPLICATION_CREDENTIALS, or a service account of its host"
    if found.impersonate is not None:
        advice = (
            "let what the worker is by itself be a Service Account Token Creator on "
            f"{found.impersonate.service_account} (with delegates: each on the next), and see that the IAM Service "
            "Account Credentials API is on"
        )
    elif found.key_file or found.credentials_file:
        advice = (
            "see that the key still stands, that the provider still trusts it, and that it may impersonate whom the "
            "file names; or mend the worker's entry"
        )
    return NotAllowed(f"{none}: {_why(error)}", standing="nothing was touched", next=advice)


def _is_silence(cause: BaseException | None) -> bool:
    """Whether the metadata server gave no answer, or none about us: google-auth tells these apart by the text alone."""
    from google.auth.exceptions import TransportError

    return isinstance(cause, TransportError) and "Status: 4" not in str(cause)


def _why(error: Exception) -> str:
    return words(error)[:300]


def words(error: Exception) -> str:
    """The words of an error of google-auth: not an endpoint's answer, which its other arguments hold, and not what an
    executable has said, nor a token, which the first one repeats.
    """
    if is_unsendable(error):
        return UNSENDABLE
    said = str(error.args[0] if error.args else error)
    return SPEECHLESS if said.startswith("Executable ") else said


def is_unsendable(error: BaseException) -> bool:
    """Whether an error came of a header that nobody can send: its words repeat the value, which is a token."""
    return any(isinstance(one, requests.exceptions.InvalidHeader) for one in (error, *causes(error)))


def kept(error: BaseException) -> BaseException | None:
    """The cause as history may keep it. None where it, or what it came of, may repeat a token: see `_fresh`."""
    from google.auth.exceptions import GoogleAuthError

    found = (error, *causes(error))
    return None if is_unsendable(error) or any(isinstance(one, GoogleAuthError) for one in found) else error

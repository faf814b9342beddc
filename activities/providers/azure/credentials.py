"""Azure's credentials for a scope: what azure-identity has for its way, asked for a token when a request needs one.

azure-identity keeps a token until five minutes before it expires, as it was told, or sooner where Entra ID says so.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from activities.credentials.choosing import way, where
from activities.credentials.ways import Azure, AzureWorkloadIdentity, ManagedIdentity, ServicePrincipal
from activities.secrets import read_secret
from holdfast.errors import HoldfastError, InvalidInput, NotAllowed, Unavailable
from holdfast.model import Scope

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

AUTHORITY = "AZURE_AUTHORITY_HOST"  # azure-identity's own variable

_lock = threading.Lock()
_made: dict[Azure, Any] = {}


def credentials(scope: Scope) -> TokenCredential:
    """Whatever speaks for this worker in the scope. It asks for nothing before the first token.

    Two of one way are equal, and share their tokens.

    Raises `NotAllowed`, naming the scope, when it cannot be made; so does asking it for a token that is refused, and
    `Unavailable` when who mints does not answer.
    """
    found = way(scope, Azure)
    _of(found, scope)
    return _Named(found, scope)


def another(speaks: Any, refused: str, *scopes: str) -> Any:
    """A token in the place of one that Azure takes no more, though it has not expired: got anew, unless another thread
    was quicker. None where there is no other, as from a host that keeps its own.

    Raises as asking for one does.
    """
    if not isinstance(speaks, _Named):
        return None
    found = speaks.another(refused, *scopes)
    return None if found.token == refused else found


class _Named:
    """A `TokenCredential` whose refusals name the scope. The tokens are those of its way, for every scope of it."""

    def __init__(self, found: Azure, scope: Scope) -> None:
        self._way, self._scope = found, scope

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Named) and other._way == self._way

    def __hash__(self) -> int:
        return hash(self._way)

    def __repr__(self) -> str:
        return f"credentials for {self._scope}"

    def get_token(self, *scopes: str, **more: Any) -> Any:
        """See `azure.core.credentials.TokenCredential`."""
        return self._minted(lambda one: one.get_token(*scopes, **more))

    def get_token_info(self, *scopes: str, options: Any = None) -> Any:
        """See `azure.core.credentials.SupportsTokenInfo`."""
        return self._minted(lambda one: one.get_token_info(*scopes, options=options))

    def another(self, refused: str, *scopes: str) -> Any:
        """See the function of this name. The same token, where there is no other."""
        one, _ = _of(self._way, self._scope)
        found = self.get_token_info(*scopes)
        if found.token != refused:
            return found
        _forget(self._way, one)  # what azure-identity keeps goes with it
        return self.get_token_info(*scopes)

    def close(self) -> None:
        """Nothing: others use the same."""

    def _minted(self, ask: Callable[[Any], Any]) -> Any:
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        one, held = _of(self._way, self._scope)
        try:
            return ask(one)
        except ClientAuthenticationError as error:
            # It is made anew: a secret that was changed is read again, now where it had been read before, else later.
            _forget(self._way, one)
            # Without its cause, here and below: what a library says of an answer may repeat the whole of it.
            letter = _refused(self._way, self._scope, error)
            if letter.again or not held:
                raise letter from None
        except OSError as error:
            _forget(self._way, one)
            raise _unread(self._scope, error) from None
        except AzureError as error:
            raise Unavailable(
                f"this worker has no credentials for {self._scope} yet, {where()}: who mints them does not answer: "
                f"{_why(error)}",
                standing="nothing was touched",
            ) from None
        return self._minted(ask)


def _of(found: Azure, scope: Scope) -> tuple[Any, bool]:
    """What speaks, and whether it was made before."""
    with _lock:
        held = found in _made
        if not held:
            _made[found] = _make(found, scope)
        return _made[found], held


def _forget(found: Azure, one: Any) -> None:
    # Not closed: another thread may be asking it.
    with _lock:
        if _made.get(found) is one:
            del _made[found]


def _make(found: Azure, scope: Scope) -> Any:
    try:
        return _identity(found)
    except InvalidInput as error:  # the secret's variable or file
        raise NotAllowed(
            f"this worker has no credentials for {scope}, {where()}: {error.letter.happened}",
            standing="nothing was touched",
            next=error.letter.next,
        ) from error
    except OSError as error:
        raise _unread(scope, error) from error
    except ValueError:
        # Without its cause: what could not be read may be in its words, and it may be a key.
        raise NotAllowed(
            f"this worker has no credentials for {scope}, {where()}: they cannot be made of what it was given",
            standing="nothing was touched",
            next=_advice(found),
        ) from None


def _identity(found: Azure) -> Any:
    from azure import identity

    more: dict[str, Any] = {"disable_instance_discovery": True} if _is_private() else {}
    match found.by:
        case None:
            return identity.DefaultAzureCredential(**more)
        case ServicePrincipal(tenant, client, secret, certificate):
            if secret is not None:
                return identity.ClientSecretCredential(tenant, client, read_secret(secret), **more)
            return identity.CertificateCredential(tenant, client, certificate, **more)
        case ManagedIdentity(client):
            return identity.ManagedIdentityCredential(client_id=client)
        case AzureWorkloadIdentity(tenant, client, token_file):
            return identity.WorkloadIdentityCredential(
                tenant_id=tenant, client_id=client, token_file_path=token_file, **more
            )


def _is_private() -> bool:
    """Whether tokens come from a cloud that Microsoft's own directory of clouds does not know: it is not asked then."""
    from azure.identity import AzureAuthorityHosts as Known

    host = os.environ.get(AUTHORITY, "")
    name = urlsplit(host if "//" in host else f"//{host}").hostname
    return bool(host) and name not in {Known.AZURE_CHINA, Known.AZURE_GOVERNMENT, Known.AZURE_PUBLIC_CLOUD}


def _refused(found: Azure, scope: Scope, error: Any) -> HoldfastError:
    none = f"this worker has no credentials for {scope}"
    status = getattr(error, "status_code", None) or 0
    if _is_silence(error) or status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"{none} yet, {where()}: {_why(error)}", standing="nothing was touched")
    return NotAllowed(
        f"{none}, {where()}: {_why(error)}",
        standing="nothing was touched",
        next=_advice(found),
    )


def _is_silence(error: BaseException) -> bool:
    """Whether nobody answered, which azure-identity wraps as a refusal. A host without an identity is none of it."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError
    from azure.identity import CredentialUnavailableError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, CredentialUnavailableError):
        if isinstance(cause, ServiceRequestError | ServiceResponseError):
            return True
        cause = cause.__cause__
    return False


def _unread(scope: Scope, error: OSError) -> HoldfastError:
    return NotAllowed(
        f"this worker has no credentials for {scope}, {where()}: {error.filename} cannot be read: {error.strerror}",
        standing="nothing was touched",
        next="mount the file where the worker runs, or mend the worker's entry",
    )


def _advice(found: Azure) -> str:
    match found.by:
        case None:
            return (
                "give it some, as azure-identity takes them: the AZURE_* variables, an identity of its host, az login"
            )
        case ServicePrincipal():
            return "see that the tenant and the client are right, and that the secret or certificate has not expired"
        case ManagedIdentity():
            return "give the identity to the host that the worker runs on, or run the worker where it is"
        case AzureWorkloadIdentity():
            return (
                "see that the application trusts the token's issuer, subject and audience, and that the file is fresh"
            )


def _why(error: Exception) -> str:
    """The library's first line: what follows is a trace id and where to read on."""
    return str(error).strip().partition("\n")[0][:300]

"""The ways to credentials there are, as values: two scopes whose ways are equal share one mint and its cache.

Nothing here is a secret: each says only where one lies, or whom to ask for one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from holdfast.model import Scope
from holdfast.secret import Secret

ANY = "*"


@dataclass(frozen=True, slots=True)
class AssumeRole:
    """Ask STS for a role. Without a `duration`, AWS's own default of an hour."""

    role: str  # its ARN
    external_id: str | None = field(default=None, repr=False)  # no secret to AWS; some who hand them out disagree
    session_name: str | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """Ask STS for a role with a token that somebody else keeps fresh in a file."""

    role: str  # its ARN
    token_file: str
    session_name: str | None = None
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Aws:
    """AWS's default chain, or a profile's; from there to a role; or to a role by web identity."""

    profile: str | None = None
    assume_role: AssumeRole | None = None
    web_identity: WebIdentity | None = None


@dataclass(frozen=True, slots=True)
class Impersonate:
    """Ask IAM for a service account's tokens. `delegates` lead to it, the first one nearest to us."""

    service_account: str  # its email
    delegates: tuple[str, ...] = ()
    lifetime: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Google:
    """Application default credentials, or a file's; from there to another service account."""

    key_file: str | None = None  # a service account's key
    credentials_file: str | None = None  # of one of the sorts that `gcloud` writes, and that start no program
    impersonate: Impersonate | None = None


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An application of a tenant, that proves itself by a secret or by a certificate's key, one of the two."""

    tenant: str
    client: str
    secret: Secret | None = None
    certificate: str | None = None  # path of a PEM or PKCS12 file with its private key


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """The identity of the machine, or the one of the user-assigned ones that has this client id."""

    client: str | None = None


@dataclass(frozen=True, slots=True)
class AzureWorkloadIdentity:
    """An application of a tenant, that proves itself by a token that somebody else keeps fresh in a file."""

    tenant: str
    client: str
    token_file: str | None = None  # AZURE_FEDERATED_TOKEN_FILE where it is not given


@dataclass(frozen=True, slots=True)
class Azure:
    """`DefaultAzureCredential`, or one of its ways by name."""

    by: ServicePrincipal | ManagedIdentity | AzureWorkloadIdentity | None = None


Way = Aws | Google | Azure
CLOUDS: dict[str, type[Way]] = {"aws": Aws, "gcp": Google, "azure": Azure}


@dataclass(frozen=True, slots=True)
class Pattern:
    """Scopes of one cloud: an account and a region, each whole, or a beginning followed by `*`."""

    cloud: str
    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.cloud}/{self.account}/{self.region}"

    def covers(self, scope: Scope) -> bool:
        """Whether the scope is one of these. Azure's subscriptions and locations mean the same in any case."""
        mine, theirs = (self.account, self.region), (scope.account, scope.region)
        if self.cloud == "azure":
            mine, theirs = (mine[0].lower(), mine[1].lower()), (theirs[0].lower(), theirs[1].lower())
        return self.cloud == scope.cloud and _fits(mine[0], theirs[0]) and _fits(mine[1], theirs[1])

    @property
    def weight(self) -> tuple[bool, int, bool, int]:
        """The greater, the more specific. No two patterns that cover one scope have the same."""
        return *_weight(self.account), *_weight(self.region)


def _fits(part: str, name: str) -> bool:
    return name.startswith(part[:-1]) if part.endswith(ANY) else name == part


def _weight(part: str) -> tuple[bool, int]:
    return not part.endswith(ANY), len(part)

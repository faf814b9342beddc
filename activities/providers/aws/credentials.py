"""AWS's credentials for a scope: a session for each way, whose credentials are minted when a request needs them.

What is minted by STS is kept until five minutes before it expires, then asked for anew by whichever request comes
first; while it is still good, others go on with it, and a refusal does them no harm. A refused mint is not kept. What a
profile or the default chain finds is kept as botocore keeps it.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
    ProcessProvider,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnection
from botocore.session import Session
from botocore.utils import FileWebIdentityTokenLoader

from activities.credentials.choosing import way, where
from activities.credentials.ways import AssumeRole, Aws, WebIdentity
from activities.providers.aws.codes import classify
from holdfast.errors import HoldfastError, InvalidInput, NotAllowed, Unavailable
from holdfast.model import Scope

CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"total_max_attempts": 1, "mode": "standard"},
    max_pool_connections=100,
    user_agent_appid="holdfast",
)
HOSTS = ("container-role", "iam-role")  # botocore's names of what asks the host


@dataclass(frozen=True, slots=True)
class Source:
    """A session, and what is held while its chain is walked: botocore's session is not thread-safe meanwhile."""

    session: Any
    lock: threading.Lock = field(default_factory=threading.Lock)


_lock = threading.Lock()
_sources: dict[Aws, Source] = {}


def aws_way(scope: Scope) -> Aws:
    """The way to credentials for a scope. Raises as `choosing.way` does."""
    return way(scope, Aws)


def session(found: Aws, region: str) -> Any:
    """The session of a way, the same one each time. STS is asked in the region of whoever came first.

    Raises what botocore raises, for a profile that is not there. Making one asks nobody.
    """
    return _source(found, region).session


def mint(found: Aws, scope: Scope) -> None:
    """See to it that the next request of a way is signed: otherwise it would fail as one that may have been sent.

    Raises `NotAllowed`, naming the scope, when there are no credentials; `Throttled` and `Unavailable`.
    """
    try:
        source = _source(found, scope.region)
        with source.lock:
            held = source.session.get_credentials()
        if held is None:
            raise NoCredentialsError
        held.get_frozen_credentials()
    except Exception as error:  # noqa: BLE001  what a profile names may give anything, and botocore raises as it comes
        # Without its cause, which history would keep: what gave no credentials may have said something else.
        raise _letter(error, found, scope) from None


def renew(found: Aws, scope: Scope) -> bool:
    """Whether a profile, or the default chain, has other keys now than those that were read: then those serve."""
    if found.assume_role is not None or found.web_identity is not None:
        return False  # minted anew when they have to be
    source = _source(found, scope.region)
    with source.lock:
        held = source.session.get_credentials()
    try:
        fresh = Source(_session(found, scope.region))
        now = fresh.session.get_credentials()
        if held is None or now is None or held.get_frozen_credentials() == now.get_frozen_credentials():
            return False
    except Exception:  # noqa: BLE001  as in `mint`
        return False  # the refusal of those that were read says more
    with _lock:
        _sources[found] = fresh
    return True


def _source(found: Aws, region: str) -> Source:
    with _lock:
        if found not in _sources:
            _sources[found] = Source(_session(found, region))
        return _sources[found]


class Held(DeferredRefreshableCredentials):  # type: ignore[misc]  # botocore has no types
    """Credentials of STS. Botocore's own fifteen minutes before the end are the whole of the shortest session."""

    _advisory_refresh_timeout = 5 * 60
    _mandatory_refresh_timeout = 60


class _Only(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """The one provider of a session whose credentials are given."""

    METHOD = "holdfast"

    def __init__(self, held: Held) -> None:
        super().__init__()
        self._held = held

    def load(self) -> Held:
        return self._held


class CodeWanted(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """A profile's role wants an MFA code."""

    fmt = "the profile's role wants an MFA code, and a worker has nobody to type one"


def _wanted(_: str) -> str:
    raise CodeWanted


class NotGiven(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """A profile's process gave no credentials. What it said stays with it: botocore would log that, and hand it on."""

    fmt = "the credential_process of profile {profile} {how}"


class _Process(ProcessProvider):  # type: ignore[misc]  # botocore has no types
    """A profile's process, whose words go nowhere."""

    def _retrieve_credentials_using(self, credential_process: str) -> Any:
        try:
            given = super()._retrieve_credentials_using(credential_process)
            texts = [given["access_key"], given["secret_key"], given["token"] or ""]
            until = given["expiry_time"]
            if all(isinstance(one, str) for one in texts) and (until is None or _is_moment(until)):
                return given
            how = "printed what are no credentials"
        except OSError as error:
            how = f"cannot be started: {error.strerror}"
        except CredentialRetrievalError:
            how = "has failed, or printed what are no credentials"
        except Exception:  # noqa: BLE001  whatever reading anything raises
            how = "printed what are no credentials"
        raise NotGiven(profile=self._profile_name, how=how)  # out here it has no context


def _is_moment(said: Any) -> bool:
    try:
        return Held._expiry_datetime(said).tzinfo is not None  # noqa: SLF001  as botocore will read it
    except (ValueError, TypeError, OverflowError):
        return False


def _chain(profile: str | None) -> Any:
    """A session that walks botocore's own chain; asks nobody at a terminal, which would hold the worker up; and keeps
    to itself what a process says.
    """
    made = Session(profile=profile)
    chain = made.get_component("credential_provider")
    role, own = chain.get_provider("assume-role"), chain.get_provider("custom-process")

    def process(profile_name: str) -> _Process:
        return _Process(profile_name, lambda: made.full_config)

    role._prompter = _wanted  # noqa: SLF001  its only place
    role._profile_provider_builder._create_process_provider = process  # noqa: SLF001  of the profile a role is asked from
    chain.providers[chain.providers.index(own)] = process(own._profile_name)  # noqa: SLF001  as botocore has chosen it
    return made


def _session(found: Aws, region: str) -> Any:
    made = _chain(found.profile)
    if found.assume_role is not None or found.web_identity is not None:
        held = Held(_Asked(found, region).fetch, "holdfast", time_fetcher=lambda: _now())  # noqa: PLW0108  the tests step it
        made.register_component("credential_provider", CredentialResolver([_Only(held)]))
    return boto3.Session(botocore_session=made)


class _Asked:
    """Asks STS for a role. Where its own credentials come from is looked at for each mint: keys are rotated."""

    def __init__(self, found: Aws, region: str) -> None:
        self._base, self._region, self._profile = _chain(found.profile), region, found.profile
        self._role, self._identity = found.assume_role, found.web_identity

    def fetch(self) -> Any:
        """Fresh credentials, as botocore's refreshable ones take them. A fetcher of its own each time keeps none."""
        self._base = _chain(self._profile)
        fetcher: Any
        if self._identity is not None:
            token = FileWebIdentityTokenLoader(self._identity.token_file)
            fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
                self._sts, token, self._identity.role, _more(self._identity)
            )
        elif self._role is not None:
            source = self._base.get_credentials()
            if source is None:
                raise NoCredentialsError
            fetcher = AssumeRoleCredentialFetcher(self._sts, source, self._role.role, _trusted(self._role))
        return fetcher.fetch_credentials()

    def _sts(self, service: str, *, config: Config | None = None, **more: Any) -> Any:
        merged = CONFIG if config is None else CONFIG.merge(config)
        return self._base.create_client(service, region_name=self._region, config=merged, **more)


def _trusted(role: AssumeRole) -> dict[str, Any]:
    more = _more(role)
    if role.external_id:
        more["ExternalId"] = role.external_id
    if role.session_tags:
        more["Tags"] = [{"Key": key, "Value": value} for key, value in role.session_tags]
    return more


def _more(role: AssumeRole | WebIdentity) -> dict[str, Any]:
    more: dict[str, Any] = {"RoleSessionName": role.session_name or _session_name()}
    if role.duration is not None:
        more["DurationSeconds"] = int(role.duration.total_seconds())
    return more


def _session_name() -> str:
    """What CloudTrail shows beside the role: us, and which of us."""
    installation = os.environ.get("HOLDFAST_INSTALLATION") or "holdfast"
    return "holdfast" if installation == "holdfast" else f"holdfast-{installation}"


def _now() -> datetime:
    return datetime.now(UTC)


def _letter(error: Exception, found: Aws, scope: Scope) -> HoldfastError:
    """Why there are no credentials, naming the scope and what to do."""
    none = f"this worker has no AWS credentials for {scope} {where()}"
    facts: dict[str, Any] = {"standing": "nothing was touched"}
    role = found.assume_role or found.web_identity
    if isinstance(error, ClientError):
        said, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code, request = str(said.get("Code", "")), meta.get("RequestId")
        kind = classify(code, int(meta.get("HTTPStatusCode", 0)))
        facts |= {"code": code, "requests": (request,) if request else ()}
        asked = f"{error.operation_name} of {role.role}" if role is not None else error.operation_name
        return (kind if kind.again else NotAllowed)(
            f"{none}: AWS refused {asked}: {code}: {said.get('Message', '')}".rstrip(": "),
            next="mend the role's trust policy (the principal, the external id, sts:TagSession for session tags, the "
            "longest session), or the worker's entry",
            **facts,
        )
    if isinstance(error, InvalidRegionError):
        return InvalidInput(f"AWS has no such region: {error}", next="mend the scope's region in the document")
    if isinstance(error, ProfileNotFound | NoCredentialsError | PartialCredentialsError):
        return NotAllowed(
            f"{none}: {error}",
            next="give it some, as the AWS CLI takes them: a profile, AWS_ACCESS_KEY_ID, a role",
            **facts,
        )
    if isinstance(error, CodeWanted):
        return NotAllowed(f"{none}: {error}", next="give it a profile, or a role, that wants none", **facts)
    if isinstance(error, NotGiven):
        return NotAllowed(
            f"{none}: {error}",
            next="run it by hand where the worker runs, and see that it ends with 0 and prints what the AWS CLI takes; "
            "what it said is not repeated here",
            **facts,
        )
    if isinstance(error, InvalidConfigError | ConfigParseError):
        return NotAllowed(
            f"{none}: {error}",
            next="mend the profile where the worker runs (~/.aws/config, or what AWS_CONFIG_FILE names), or the "
            "worker's entry, and start the worker again",
            **facts,
        )
    if isinstance(error, SSOError | TokenRetrievalError):
        return NotAllowed(f"{none}: {error}", next="sign in again where the worker runs: aws sso login", **facts)
    if isinstance(error, NoConnection | HTTPClientError):
        return Unavailable(f"{none} yet: AWS does not answer: {error}", **facts)
    if isinstance(error, MetadataRetrievalError | CredentialRetrievalError) and _is_of_the_host(error):
        return Unavailable(f"{none} yet: who hands them out on this host does not answer as it should", **facts)
    if isinstance(error, OSError):
        return NotAllowed(
            f"{none}: {error.filename} cannot be read: {error.strerror}",
            next="mount the file where the worker runs, or mend the worker's entry",
            **facts,
        )
    return NotAllowed(
        f"{none}: the AWS SDK cannot make any of what it was given ({type(error).__name__})",
        next="try `aws sts get-caller-identity` where the worker runs, as the same user and in the same environment",
        **facts,
    )


def _is_of_the_host(error: MetadataRetrievalError | CredentialRetrievalError) -> bool:
    """Whether whoever hands out the container's or the machine's role gave no answer, or none that is a refusal."""
    said = str(error)
    told = re.search(r"Received non 200 response (\d{3})", said)
    refused = told is not None and HTTPStatus.BAD_REQUEST <= int(told[1]) < HTTPStatus.INTERNAL_SERVER_ERROR
    late = told is not None and int(told[1]) == HTTPStatus.TOO_MANY_REQUESTS
    of_the_host = isinstance(error, MetadataRetrievalError) or error.kwargs.get("provider") in HOSTS
    return of_the_host and (late or not refused)

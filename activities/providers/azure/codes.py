"""ARM's error codes in our words: will asking again help?

A code that is not here is judged by the codes inside it (`details`, `innererror`), by its end (`…QuotaExceeded`), then
by its HTTP status. A 404
without a code of ARM's is not `NotFound` but `Broken`: a proxy's page must not read as a resource that is gone. A 409
whose code nobody knows is `Broken` as well, since half of them pass and half do not; so is a 500 that does not say what
it is, since it may never go away.

`CODES` names a source for each group. "Deployment errors" is Azure Resource Manager, "Troubleshoot common Azure
deployment errors"; "Compute errors" is Azure Virtual Machines, "Understand common error messages"; "Storage errors" is
Storage Resource Provider REST, "Common Error Codes for Storage Resource Provider"; "local" marks what the recordings
behind the local Azure (`localcloud/azure`) answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from holdfast.errors import (
    Blocked,
    Broken,
    ChangedElsewhere,
    CreateFailed,
    HoldfastError,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    NotYet,
    Pending,
    QuotaExceeded,
    Throttled,
    Unavailable,
)

# Azure Resource Manager, "Understand how Azure Resource Manager throttles requests"; Compute errors, "Troubleshooting
# API throttling errors"; Storage errors.
_THROTTLED = (
    "ResourceCollectionRequestsThrottled",
    "SubscriptionRequestsThrottled",
    "TenantRequestsThrottled",
    "TooManyRequests",
)
# Deployment errors and Compute errors (no room in a zone or a cluster passes, as AWS's InsufficientInstanceCapacity
# does). Network's `RetryableError` mostly says inside what it waits for: hashicorp/terraform, issue 7986.
_UNAVAILABLE = (
    "AllocationFailed",
    "BadGateway",
    "GatewayTimeout",
    "InternalError",
    "InternalExecutionError",
    "InternalOperationError",
    "InternalServerError",
    "RequestTimeout",
    "RetryableError",
    "ServerTimeout",
    "ServiceUnavailable",
    "ZonalAllocationFailed",
)
# Deployment errors; Entra, "Microsoft Entra authentication and authorization error codes"; "Troubleshoot Azure RBAC".
# A subscription that is not found is here, not below: nothing in it is gone.
_NOT_ALLOWED = (
    "AuthenticationFailed",
    "AuthorizationFailed",
    "DenyAssignmentAuthorizationFailed",
    "DisabledSubscription",
    "ExpiredAuthenticationToken",
    "Forbidden",
    "InvalidAuthenticationToken",
    "InvalidAuthenticationTokenAudience",
    "InvalidAuthenticationTokenTenant",
    "InvalidSubscriptionId",
    "InvalidSubscriptionRegistrationState",
    "LinkedAccessCheckFailed",
    "LinkedAuthorizationFailed",
    "MissingSubscriptionRegistration",
    "ReadOnlyDisabledSubscription",
    "RequestDisallowedByAzure",
    "RequestDisallowedByPolicy",
    "ScopeLocked",
    "SubscriptionDisabled",
    "SubscriptionNotFound",
    "SubscriptionNotRegistered",
    "SubscriptionStateForbidden",
    "TenantNotFound",
    "Unauthorized",
)
# Deployment errors, "Resolve errors for resource quotas"; Network, "ResourceCountExceedsLimit…" (local).
_QUOTA = (
    "DeploymentQuotaExceeded",
    "MaxStorageAccountsCountPerSubscriptionExceeded",
    "NetworkCountLimitReached",
    "PublicIPCountLimitReached",
    "QuotaExceeded",
    "ResourceCountExceedsLimit",
    "ResourceGroupQuotaExceeded",
    "ResourceQuotaExceeded",
    "RoleAssignmentLimitExceeded",
    "SubnetIsFull",
)
# Deployment errors, "Resolve errors for storage account names"; Key Vault REST, "Vaults: Create Or Update"; and
# "Troubleshoot Azure RBAC". `ConflictError` is Key Vault's word for a vault that is deleted, and still holds its name
# (local).
_NAME_TAKEN = (
    "AlreadyExists",
    "ConflictError",
    "DnsRecordInUse",
    "RoleAssignmentExists",
    "StorageAccountAlreadyExists",
    "StorageAccountAlreadyTaken",
    "StorageAccountInAnotherResourceGroup",
    "VaultAlreadyExists",
)
# Deployment errors, "Resolve errors for resource not found"; the others are each service's own (local). Network's
# `InvalidResourceReference` is one of these: what is referred to may have been made a moment ago.
_NOT_FOUND = (
    "DeletedVaultNotFound",
    "ImageNotFound",
    "InvalidResourceReference",
    "NotFound",
    "OperationNotFound",
    "ParentResourceNotFound",
    "PlatformImageNotFound",
    "ResourceGroupNotFound",
    "ResourceNotFound",
    "RoleAssignmentNotFound",
    "RoleDefinitionDoesNotExist",
    "StorageAccountNotFound",
)
# "A public IP address/subnet/network security group in use can't be deleted"; Network's own words. What refers to it
# may be on its way out, as with AWS's DependencyViolation; a network interface stays its gone machine's for 180 s.
_BLOCKED = (
    "InUseNetworkSecurityGroupCannotBeDeleted",
    "InUseRouteTableCannotBeDeleted",
    "InUseSubnetCannotBeDeleted",
    "InUseVirtualNetworkCannotBeDeleted",
    "LoadBalancerInUseByVirtualMachineScaleSet",
    "NetworkSecurityGroupCannotBeDeletedDueToExistingAssociations",
    "NatGatewayInUseBySubnet",
    "NicInUse",
    "NicReservedForAnotherVm",
    "NetworkSecurityGroupInUseByVirtualMachineScaleSet",
    "PrivateIPAddressInUse",
    "PublicIPAddressCannotBeDeleted",
    "PublicIPAddressInUse",
    "ResourceGroupDeletionBlocked",
)
# Deployment errors; Compute errors; Storage errors; "Understand how Azure Resource Manager throttles requests", with
# Network's 429 that is no throttling. What superseded what: kubernetes/legacy-cloud-providers, `azure_backoff.go`. A
# name that is being given up is free soon; a principal that is not found was made a moment ago ("Troubleshoot Azure
# RBAC": the principal does not exist in the directory).
_PENDING = (
    "AnotherOperationInProgress",
    "AttachDiskWhileBeingDetached",
    "CanceledAndSupersededDueToAnotherOperation",
    "Conflict",
    "ConflictingConcurrentWriteNotAllowed",
    "ConflictingUserInput",
    "DeploymentActive",
    "DiskBlobPendingCopyOperation",
    "OperationPreempted",
    "PrincipalNotFound",
    "ReferencedResourceNotProvisioned",
    "ResourceGroupBeingDeleted",
    "RetryableErrorDueToAnotherOperation",
    "StorageAccountBeingCreated",
    "StorageAccountIsNotProvisioned",
    "StorageAccountOperationInProgress",
)
# Deployment errors. "SkuNotAvailable" and the overconstrained ones are no quotas: another size, another region or fewer
# constraints are the way.
_INVALID = (
    "AccountNameInvalid",
    "ImmutableProperty",
    "InvalidParameter",
    "InvalidRequestContent",
    "InvalidRequestFormat",
    "InvalidResourceLocation",
    "InvalidResourceNamespace",
    "InvalidResourceType",
    "InvalidTagName",
    "InvalidTagNameCharacters",
    "InvalidTagValue",
    "InvalidTagValueLength",
    "InvalidTags",
    "LocationNotAvailableForResourceType",
    "LocationRequired",
    "MissingApiVersionParameter",
    "MissingRegistrationForLocation",
    "MissingSubscription",
    "NetcfgInvalidSubnet",
    "NoRegisteredProviderFound",
    "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest",
    "PropertyChangeNotAllowed",
    "PropertyImmutable",
    "ReservedResourceName",
    "ResourceGroupNameInvalid",
    "RoleAssignmentUpdateNotPermitted",
    "SecurityRuleConflict",
    "SkuNotAvailable",
    "StorageAccountNameNotValid",
    "SubnetsNotInSameVnet",
    "VaultNameNotValid",
)

CODES: Final[Mapping[str, type[HoldfastError]]] = {
    **dict.fromkeys(_THROTTLED, Throttled),
    **dict.fromkeys(_UNAVAILABLE, Unavailable),
    **dict.fromkeys(_NOT_ALLOWED, NotAllowed),
    **dict.fromkeys(_QUOTA, QuotaExceeded),
    **dict.fromkeys(_NAME_TAKEN, NameTaken),
    **dict.fromkeys(_NOT_FOUND, NotFound),
    **dict.fromkeys(_BLOCKED, Blocked),
    **dict.fromkeys(_PENDING, Pending),
    **dict.fromkeys(_INVALID, InvalidInput),
    "PreconditionFailed": ChangedElsewhere,
}
_CODES: Final = {code.lower(): error for code, error in CODES.items()}

# Envelopes: what is inside them says more.
_WRAPPERS: Final = frozenset({
    "badrequest", "conflict", "deploymentfailed", "multipleerrorsoccurred", "resourcedeploymentfailure",
    "resourcegroupdeletionblocked", "resourceoperationfailure", "retryableerror",
})  # fmt: skip

_BY_STATUS: Final[Mapping[int, type[HoldfastError]]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    408: Unavailable,
    409: Broken,
    412: ChangedElsewhere,
    429: Throttled,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_FULL: Final = ("countlimitreached", "limitexceeded", "quotaexceeded")  # how each service ends its own word for it
_SUBSCRIPTION: Final = "mend the scope's account in the document, or give this worker a role in that subscription"
_REGISTER: Final = "register the provider once: `az provider register --namespace PROVIDER`, as the words above name it"
_UNIQUE: Final = "choose another name: it is unique in all of Azure, and what bears it is in none of our places"
_ADVICE_OF_CODE: Final[Mapping[str, str]] = {
    "conflicterror": "recover or purge the deleted vault, or choose another name",
    "disabledsubscription": "have the subscription enabled again, or name another",
    "invalidsubscriptionid": _SUBSCRIPTION,
    "missingsubscription": _SUBSCRIPTION,
    "missingsubscriptionregistration": _REGISTER,
    "requestdisallowedbyazure": "choose another region; Azure does not let this subscription use that one",
    "requestdisallowedbypolicy": "mend the document to what the policy named above allows, or have it exempted",
    "scopelocked": "remove the lock named above, then run again: `az lock list`",
    "skunotavailable": "choose another size or another region: `az vm list-skus --location REGION`",
    "storageaccountalreadytaken": _UNIQUE,
    "storageaccountinanotherresourcegroup": _UNIQUE,
    "subscriptionnotfound": _SUBSCRIPTION,
    "subscriptionnotregistered": _REGISTER,
    "vaultalreadyexists": _UNIQUE,
    "invalidauthenticationtokentenant": "give this worker credentials of the tenant that the subscription belongs to",
}
_ADVICE: Final[Mapping[type[HoldfastError], str]] = {
    CreateFailed: "read the cloud's words above, mend what they name, and plan again",
    InvalidInput: "mend the document; the cloud's words above say what it did not like",
    NotAllowed: "compare the worker's roles with the kind's permissions: `holdfast kinds KIND`",
    QuotaExceeded: "raise the quota, or free something of this kind, and run again",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What an error's envelope says: its own code and words first, then those inside it."""

    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The code that tells most: the first inside an envelope, or its own."""
        known = [c for c in self.codes if c.lower() in _CODES and c.lower() not in _WRAPPERS]
        return (known or list(self.codes) or [""])[0]

    def __str__(self) -> str:
        code = self.codes[0] if self.codes else ""
        inner = self.code if self.code != code else ""
        return ": ".join(part for part in (code, inner, *dict.fromkeys(self.words)) if part)


def read(body: Any) -> Said:
    """The error in an answer's body: under `error`, `odata.error`, or bare, as the older services have it."""
    if not isinstance(body, Mapping):
        return Said()
    pairs = list(_pairs(body.get("error") or body.get("odata.error") or body))
    return Said(tuple(code for code, _ in pairs if code), tuple(words for _, words in pairs if words))


def _pairs(error: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if not isinstance(error, Mapping) or depth > 4:  # noqa: PLR2004  deeper is somebody's loop
        return
    code, words = error.get("code"), error.get("message")
    if isinstance(words, Mapping):  # OData writes {"lang": …, "value": …}
        words = words.get("value")
    yield (code if isinstance(code, str) else ""), (words if isinstance(words, str) else "")
    inner = error.get("details")
    for one in (*(inner if isinstance(inner, list) else ()), error.get("innererror"), error.get("innerError")):
        yield from _pairs(one, depth + 1)


def is_arms(headers: Iterable[str]) -> bool:
    """Whether an answer is ARM's, by the names of its headers: that of something on the way bears none of its marks."""
    return any(name.lower().startswith("x-ms-") for name in headers)


def classify(code: str, status: int = 0, words: str = "") -> type[HoldfastError]:
    """The class of an error code, by the table, or by the HTTP status that it came with; 0: it came with none."""
    low = code.lower()
    if low == "operationnotallowed":
        return _not_allowed_now(words.lower())
    if low == "conflictinguserinput" and "already exists" in words.lower():
        return NameTaken  # a machine's disk whose name is borne by another: terraform-provider-azurerm #15513
    if low in _CODES:
        return _CODES[low]
    if low.endswith(_FULL):
        return QuotaExceeded
    if status == 404 and not code:  # noqa: PLR2004  HTTP's numbers, here and below
        return Broken
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return InvalidInput if 400 <= status < 500 else Broken  # noqa: PLR2004


def _not_allowed_now(words: str) -> type[HoldfastError]:
    """Compute's `OperationNotAllowed` is a quota, a thing in use, something under way, or a refusal; its words say.

    Source: Compute errors; Deployment errors, "Resolve errors for resource quotas".
    """
    if "quota" in words or "more than" in words:
        return QuotaExceeded
    if any(phrase in words for phrase in ("is attached to", "is in use", "in use by", "being used")):
        return Blocked
    return Pending if "in progress" in words else InvalidInput


def advice(error: type[HoldfastError], code: str = "") -> str:
    """What to do next about an error of this class, or of this code; empty where the machine does it."""
    return _ADVICE_OF_CODE.get(code.lower(), "") or _ADVICE.get(error, "")


def letter(kind: type[HoldfastError], happened: str, *, after: timedelta | None = None, **facts: Any) -> HoldfastError:
    """An error of a class, with the wait that the cloud asked for where its class knows what to do with one."""
    if issubclass(kind, NotYet):
        return kind(happened, after=after, **facts)
    return kind(happened, **facts)


def operation_error(body: Mapping[str, Any], *, requests: tuple[str, ...] = ()) -> HoldfastError | None:
    """Why a finished operation did not succeed; None for one that did, and for one that is still under way.

    A code that is not in the table is `CreateFailed`: the cloud accepted the request and then gave up on it. One that
    was cancelled without a reason is `Pending`, since another operation took its place: look again.
    Source: Azure Resource Manager, "Track asynchronous Azure operations".
    """
    status = str(body.get("status", "")).lower()
    if status not in {"failed", "canceled", "cancelled"}:
        return None
    said = read({"error": body.get("error") or _inside(body)})
    known = said.code.lower() in {*_CODES, "operationnotallowed"}
    kind = classify(said.code, 0, str(said)) if known else CreateFailed
    if status != "failed" and not known:
        kind = Pending
    return letter(
        kind,
        f"Azure accepted the request and then gave up on it: {said}".rstrip(": "),
        code=said.code or str(body.get("status", "")),
        next=advice(kind, said.code),
        requests=requests,
    )


def _inside(body: Mapping[str, Any]) -> Any:
    """Where some services put an operation's error."""
    properties = body.get("properties")
    return properties.get("error") if isinstance(properties, Mapping) else None

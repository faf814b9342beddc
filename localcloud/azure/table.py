"""The table of resource types, put together from one file a provider."""

from __future__ import annotations

from localcloud.azure.kind import Kind
from localcloud.azure.providers import authorization, compute, keyvault, msi, network, resources, storage

KINDS: dict[str, Kind] = {
    kind.name.lower(): kind
    for provider in (resources, network, compute, storage, keyvault, msi, authorization)
    for kind in provider.KINDS
}

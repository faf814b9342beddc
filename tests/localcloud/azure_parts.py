"""What the tests of the local Azure are made of: its process, its official clients, and a few resources."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from starter.testing.azure import SUBSCRIPTION, WHERE
from starter.testing.cloud import LocalCloud
from tests.cloud import LocalAws

__all__ = [
    "SUBSCRIPTION",
    "WHERE",
    "LocalAzure",
    "disk",
    "group",
    "interface",
    "machine",
    "network",
    "quick",
    "refused",
    "signed_in",
]

CLIENTS = {
    "resource": ResourceManagementClient,
    "network": NetworkManagementClient,
    "compute": ComputeManagementClient,
    "storage": StorageManagementClient,
    "keyvault": KeyVaultManagementClient,
    "msi": ManagedServiceIdentityClient,
    "authorization": AuthorizationManagementClient,
}


class _Nobody:
    """A credential that opens nothing."""

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        return AccessToken("x.e30.x", 4102444800)


class LocalAzure(LocalAws):
    """The local Azure as a process of its own."""

    called = "azure"

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._sdk: dict[tuple[str, str], Any] = {}

    def sdk(self, service: str, subscription: str = SUBSCRIPTION) -> Any:
        """An official client that retries nothing, and looks again at once."""
        key = (service, subscription)
        if key not in self._sdk:
            more = {"subscription_id": subscription}
            self._sdk[key] = CLIENTS[service](
                credential=_Nobody(),
                base_url=self.endpoint,
                authentication_policy=SansIOHTTPPolicy(),
                retry_total=0,
                polling_interval=0,
                **more,
            )
        return self._sdk[key]

    def environment(self, *_: Any, **__: Any) -> dict[str, str]:
        """See `LocalCloud`. Azure's SDKs learn subscription and region from who calls them."""
        return LocalCloud.environment(self)

    def command(self) -> list[str]:
        """With https, under the certificate in `authority`."""
        return [*super().command(), "--tls", str(self.directory)]

    @property
    def authority(self) -> str:
        """The certificate that whoever speaks https to it must trust."""
        return str(self.directory / "certificate.pem")

    @property
    def secure_endpoint(self) -> str:
        return f"https://127.0.0.1:{self.ready['tls_port']}"

    @property
    def resource(self) -> Any:
        return self.sdk("resource")

    @property
    def network(self) -> Any:
        return self.sdk("network")

    @property
    def compute(self) -> Any:
        return self.sdk("compute")

    def stop(self, *, kill: bool = False) -> None:
        for client in self._sdk.values():
            client.close()
        self._sdk.clear()
        super().stop(kill=kill)


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[pytest.ExceptionInfo[HttpResponseError]]:
    """What is done in here is refused with this code, and this status."""
    with pytest.raises(HttpResponseError) as said:
        yield said
    assert said.value.error is not None, said.value
    assert said.value.error.code == code, said.value
    assert status in {None, said.value.status_code}


def signed_in(name: str) -> dict[str, str]:
    """The header of a request that an application of this name makes."""
    claims = base64.urlsafe_b64encode(json.dumps({"appid": name}).encode()).decode().rstrip("=")
    return {"Authorization": f"Bearer x.{claims}.x"}


def quick(azure: LocalAzure) -> None:
    """From now on nothing takes time."""
    azure.control.settings(seconds={"*": 0}, retry_after_seconds=0)


def group(azure: LocalAzure, name: str = "shop", **tags: str) -> str:
    azure.resource.resource_groups.create_or_update(name, {"location": WHERE, "tags": tags})
    return name


def network(azure: LocalAzure, name: str = "net", subnets: int = 1) -> Any:
    """A network 10.0.0.0/16 with subnets `s0`, `s1` and so on."""
    listed = [{"name": f"s{n}", "properties": {"addressPrefix": f"10.0.{n}.0/24"}} for n in range(subnets)]
    body = {"location": WHERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": listed}}
    return azure.network.virtual_networks.begin_create_or_update("shop", name, body).result()


def interface(azure: LocalAzure, subnet: str, name: str = "nic", **more: Any) -> Any:
    body = {
        "location": WHERE,
        "properties": {"ipConfigurations": [{"name": "one", "properties": {"subnet": {"id": subnet}}}], **more},
    }
    return azure.network.network_interfaces.begin_create_or_update("shop", name, body).result()


def disk(azure: LocalAzure, name: str = "disk", size: int = 10, **more: Any) -> Any:
    body = {
        "location": WHERE,
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": size},
        **more,
    }
    return azure.compute.disks.begin_create_or_update("shop", name, body).result()


def machine(nic: str, **more: Any) -> dict[str, Any]:
    """What a machine is asked for with."""
    return {
        "location": WHERE,
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B1s"},
            "storageProfile": {
                "imageReference": {
                    "publisher": "Canonical",
                    "offer": "ubuntu-24_04-lts",
                    "sku": "server",
                    "version": "latest",
                },
                "osDisk": {"createOption": "FromImage"},
            },
            "osProfile": {"computerName": "web", "adminUsername": "ops", "adminPassword": "Opens-nothing-1"},
            "networkProfile": {"networkInterfaces": [{"id": nic}]},
            **more,
        },
    }

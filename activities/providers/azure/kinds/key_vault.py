"""`azure.key_vault`: a vault, opened by roles alone, and reached by nobody over the network unless it says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, JsonValue

from activities.providers.azure import acls, arm, bodies, ids, tags
from activities.providers.azure.acls import NetworkAcls
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.door import Answer
from holdfast.errors import InvalidInput, NameTaken, NotFound
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output

TYPE = "Microsoft.KeyVault/vaults"
PURGE, FAMILY = "enable_purge_protection", "A"  # the only family that there is
MOST_DAYS = 90
_ACCESS = {word.lower(): word for word in ("Enabled", "Disabled", "SecuredByPerimeter")}  # ARM writes them in any case


class KeyVaultSpec(Spec):
    """A vault for secrets, keys and certificates, in the directory of its subscription. Its name is unique in Azure."""

    name: str = Field(
        min_length=3,
        max_length=24,
        pattern=r"^[A-Za-z](-?[A-Za-z0-9])+$",
        description="unique among everybody's vaults, deleted ones too: letters, digits and single `-`",
    )
    resource_group: str = Field(min_length=1, max_length=90, description=arm.OF_GROUP)
    sku: Literal["standard", "premium"] = Field(default="standard", description="premium keeps keys in hardware")
    enable_rbac_authorization: bool = Field(
        default=True, description="let roles open it; else its own access policies do, which are not kept here"
    )
    enable_purge_protection: bool = Field(
        default=False, description="whether nobody can purge it before its days are over; once on, it stays on"
    )
    soft_delete_retention_in_days: int = Field(
        default=MOST_DAYS,
        ge=7,
        le=MOST_DAYS,
        description="how long it can be recovered, and holds its name, once deleted; chosen once, since another vault "
        "of its name cannot be made before that",
    )
    enabled_for_deployment: bool = Field(default=False, description="whether machines may fetch certificates")
    enabled_for_disk_encryption: bool = Field(default=False, description="whether Azure Disk Encryption may use it")
    enabled_for_template_deployment: bool = Field(default=False, description="whether deployments may read secrets")
    public_network_access: Literal["Enabled", "Disabled", "SecuredByPerimeter"] = Field(
        default="Enabled", description="whether it is reached at all without a private endpoint; then see network_acls"
    )
    network_acls: NetworkAcls = Field(default_factory=NetworkAcls, description=acls.ABOUT)
    tags: dict[str, str] = Field(default_factory=dict, description=tags.ABOUT)


class KeyVault(ArmKind[KeyVaultSpec]):
    """A deleted vault keeps its name and all that is in it for its days. So its delete is taken back exactly: by
    recovering it. A create that takes nothing back does not, since nobody asked for what is in there.

    Source: Azure Key Vault, "Azure Key Vault soft-delete overview"; REST, "Vaults - Create Or Update", CreateMode.
    """

    kind = "azure.key_vault"
    spec = KeyVaultSpec
    outputs = arm.outputs(
        vault_uri=Output("the URL by which its contents are reached"), tenant_id=Output("the directory that opens it")
    )
    immutable = frozenset({"name", "resource_group", "soft_delete_retention_in_days"})
    one_way = {PURGE: "Azure never takes it off again"}
    holds_data = True
    delete_undo = UndoLabel.lossy
    delete_note = "roles that others gave at it, and its Event Grid subscriptions: those do not come back with it"
    permissions = arm.granted(
        TYPE,
        create=(
            "Microsoft.KeyVault/locations/deletedVaults/read",
            "Microsoft.Resources/subscriptions/read",
            arm.TAGS_WRITE,  # of a vault that is recovered
            acls.JOIN,
        ),
        update=(acls.JOIN,),
    )
    settle_within = {
        Verb.create: timedelta(minutes=15),
        Verb.update: timedelta(minutes=15),
        Verb.delete: timedelta(minutes=15),
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
vault: {kind: azure.key_vault, spec: {name: shop-vault-0, resource_group: "${shop.name}"}}
"""
    trials = {
        "sku": "premium",
        "enable_rbac_authorization": False,
        PURGE: True,
        "enabled_for_deployment": True,
        "enabled_for_disk_encryption": True,
        "enabled_for_template_deployment": True,
        "public_network_access": "Disabled",
        "network_acls": {"ip_rules": ["203.0.113.7", "198.51.100.0/24"], "bypass": []},
        "tags": {"team": "shop"},
    }

    service, arm_type, patches = "keyvault", TYPE, True
    places = {
        "sku": "properties.sku.name",
        "enable_rbac_authorization": "properties.enableRbacAuthorization",
        PURGE: "properties.enablePurgeProtection",
        "soft_delete_retention_in_days": "properties.softDeleteRetentionInDays",
        "enabled_for_deployment": "properties.enabledForDeployment",
        "enabled_for_disk_encryption": "properties.enabledForDiskEncryption",
        "enabled_for_template_deployment": "properties.enabledForTemplateDeployment",
        "public_network_access": "properties.publicNetworkAccess",
        acls.FIELD: acls.PLACE,
    }
    unsaid = {
        "enable_rbac_authorization": False,
        PURGE: False,
        "soft_delete_retention_in_days": MOST_DAYS,
        "enabled_for_deployment": False,
        "enabled_for_disk_encryption": False,
        "enabled_for_template_deployment": False,
        "public_network_access": "Enabled",
    }

    # --- reading -----------------------------------------------------------------------------------------------

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        said = super().shown(raw)
        return said | {
            "sku": str(said["sku"]).lower(),
            "public_network_access": _ACCESS.get(str(said["public_network_access"]).lower()),
            acls.FIELD: acls.seen(bodies.at(raw, acls.PLACE)),
        }

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {
            "vault_uri": bodies.at(raw, "properties.vaultUri"),
            "tenant_id": bodies.at(raw, "properties.tenantId"),
        }

    def _deleted(self, call: Call[KeyVaultSpec]) -> dict[str, Any] | None:
        """The deleted vault that holds the name in this subscription and region, if there is one."""
        where = f"{ids.subscription(call.scope.account)}/providers/Microsoft.KeyVault/locations/{call.scope.region}"
        try:
            body: dict[str, Any] = call.client(self.service).get(f"{where}/deletedVaults/{call.wanted.name}").body
        except NotFound:
            return None
        return body

    def stood(self, answer: Answer) -> bool:
        """Vaults are answered with 200 when they are new as well: then they have never been modified since."""
        made, modified = (bodies.at(answer.body, f"systemData.{word}") for word in ("createdAt", "lastModifiedAt"))
        return super().stood(answer) and made != modified

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[KeyVaultSpec]) -> Observation:
        """On the way back, the deleted vault again, if it bears our owner's mark. Else one PUT.

        Raises `InvalidInput` when a deleted vault holds the name: that is for a person to decide.
        """
        if call.back and call.remote_id is None and not self.find(call) and self._is_ours(call, self._deleted(call)):
            return self._recovered(call)
        try:
            return super().create(call)
        except NameTaken as taken:
            held = None if taken.letter.code != "ConflictError" else self._deleted(call)
            if held is None:
                raise
            raise InvalidInput(
                f"the name {call.wanted.name} is held by a deleted vault, until "
                f"{bodies.at(held, 'properties.scheduledPurgeDate')}",
                address=call.address,
                code=taken.letter.code,
                standing="nothing was made; what is in the deleted vault is as it was",
                next=f"`az keyvault recover --name {call.wanted.name}` and adopt it, or purge it, or name another",
            ) from taken

    def _is_ours(self, call: Call[KeyVaultSpec], held: Mapping[str, Any] | None) -> bool:
        if held is None or not ids.same(bodies.at(held, "properties.vaultId"), self.path(call.scope, call.wanted)):
            return False
        return bool(tags.seen(bodies.at(held, "properties.tags"))["owner"] == str(call.owner))

    def _recovered(self, call: Call[KeyVaultSpec]) -> Observation:
        """The vault as it was. Azure reads nothing of this PUT but its mode, so the marks are written after it.

        Source: Azure/azure-rest-api-specs, issue 21306.
        """
        path, body = self.path(call.scope, call.wanted), self.body(call)
        bodies.put(body, "properties.createMode", "recover")
        service = call.client(self.service)
        seen = self.answered(call, service.put(path, body))
        if seen.token != call.token:
            call.client("resource").patch(tags.path(path), tags.merging(tags.marks(call)))
        return seen.model_copy(update={"owner": str(call.owner), "address": str(call.address), "token": call.token})

    def body(self, call: Call[KeyVaultSpec]) -> dict[str, Any]:
        """With the directory of the subscription, which a vault has to name."""
        body = super().body(call)
        said = call.client("resource").get(ids.subscription(call.scope.account)).body
        bodies.put(body, "properties.tenantId", said["tenantId"])
        bodies.put(body, "properties.accessPolicies", [])
        bodies.put(body, "properties.sku.family", FAMILY)
        return body

    def write(self, body: dict[str, Any], field: str, value: Any) -> None:
        match field:
            case acls.FIELD:
                bodies.put(body, acls.PLACE, acls.written(value))
            case "enable_purge_protection" if not value:
                return  # Azure takes no false for it, also of a vault that has it off
            case "sku":
                bodies.put(body, "properties.sku", {"family": FAMILY, "name": value})
            case _:
                super().write(body, field, value)

    def _write_all(self, body: dict[str, Any], call: Call[KeyVaultSpec], fields: set[str]) -> None:
        super()._write_all(body, call, fields - {acls.FIELD})
        if acls.FIELD in fields:
            stands = bodies.at(self.read(call, call.id), acls.PLACE)
            bodies.put(body, acls.PLACE, acls.changed(call.changes, call.wanted.plain()[acls.FIELD], stands))

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        form = super().canonical(properties)
        return form | {acls.FIELD: acls.form(form[acls.FIELD])} if acls.FIELD in form else form

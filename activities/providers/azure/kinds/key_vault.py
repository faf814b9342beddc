"""`azure.key_vault`: a vault, opened by roles alone, and reached by nobody over the network unless it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field, JsonValue

from activities.providers.azure import acls, arm, bodies, ids, tags
from activities.providers.azure.acls import NetworkAcls
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.door import Answer
from activities.providers.azure.tags import Tags
from holdfast.contract import TAG_PREFIX, TOKEN_TAG
from holdfast.errors import InvalidInput, NameTaken, NotFound
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output

TYPE = "Microsoft.KeyVault/vaults"
PURGE, FAMILY = "enable_purge_protection", "A"  # the only family that there is
DAYS, MOST_DAYS = "soft_delete_retention_in_days", 90
UNDONE = f"{TAG_PREFIX}undone"  # a tag: the token of the create that was taken back
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
        default=False,
        description="whether nobody can purge it before its days are over; off unless said, since it can never be taken"
        " off again, and a rollback would leave the name taken for as long",
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
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class KeyVault(ArmKind[KeyVaultSpec]):
    """A deleted vault keeps its name and all that is in it for its days. So its delete is taken back exactly: by
    recovering it. A create that takes nothing back does not, since nobody asked for what is in there; but for a vault
    that was deleted because its own create was taken back: that one comes back, with the fields of the document. And a
    vault is not replaced by one of its name, which it would hold.

    Source: Azure Key Vault, "Azure Key Vault soft-delete overview"; REST, "Vaults - Create Or Update", CreateMode.
    """

    kind = "azure.key_vault"
    spec = KeyVaultSpec
    safety_note, noted = arm.NOTED, True
    outputs = arm.outputs(
        vault_uri=Output("the URL by which its contents are reached"), tenant_id=Output("the directory that opens it")
    )
    immutable = frozenset({"name", "resource_group", DAYS})
    one_way = {PURGE: "Azure never takes it off again"}
    holds_data = True
    delete_undo = UndoLabel.lossy
    delete_note = "roles that others gave at it, and its Event Grid subscriptions: those do not come back with it"
    permissions = arm.granted(
        TYPE,
        create=(
            "Microsoft.KeyVault/locations/deletedVaults/read",
            "Microsoft.Resources/subscriptions/read",
            acls.JOIN,
        ),
        update=(acls.JOIN,),
        delete=(arm.TAGS_WRITE,),  # of a vault whose create is taken back
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
    wholes = frozenset({acls.FIELD})
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

    def stood(self, call: Call[KeyVaultSpec], answer: Answer) -> bool:
        """Vaults are answered with 200 when they are new as well: then they have never been modified since."""
        made, modified = (bodies.at(answer.body, f"systemData.{word}") for word in ("createdAt", "lastModifiedAt"))
        return super().stood(call, answer) and made != modified

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[KeyVaultSpec]) -> Observation:
        """On the way back, the deleted vault again, if it bears our owner's mark. Else one PUT; and where a create of
        the same address that was taken back has left the name held, that vault, written over.

        Raises `InvalidInput` when another deleted vault holds the name: that is for a person to decide.
        """
        if call.back and call.remote_id is None and not self.find(call) and self._is_ours(call, self._deleted(call)):
            return self._recovered(call)
        try:
            return super().create(call)
        except NameTaken as taken:
            if taken.letter.code != "ConflictError":
                if self._is_back(call):  # an earlier delivery has recovered it
                    return self._written_over(call)
                raise
            held = self._deleted(call)
            if held is None:
                raise
            if self._is_ours(call, held) and self._may_return(call, held):
                self._recover(call)
                return self._written_over(call)
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

    def _is_back(self, call: Call[KeyVaultSpec]) -> bool:
        """Whether what stands at the name is what a create of this address made, that was taken back."""
        try:
            said = self.read(call, self.path(call.scope, call.wanted)).get("tags")
        except NotFound:
            return False
        seen = tags.seen(said)
        return (seen["owner"], seen["address"]) == (str(call.owner), str(call.address)) and _is_undone(said)

    def _may_return(self, call: Call[KeyVaultSpec], held: Mapping[str, Any]) -> bool:
        """Whether a deleted vault was this address's, its create taken back, and can become what is wanted now."""
        said, wanted = bodies.at(held, "properties.tags"), call.wanted
        if tags.seen(said)["address"] != str(call.address) or not _is_undone(said):
            return False
        deleted, purged = (bodies.at(held, f"properties.{name}") for name in ("deletionDate", "scheduledPurgeDate"))
        days = (_moment(purged) - _moment(deleted)).days if deleted and purged else 0
        is_kept = bool(bodies.at(held, "properties.purgeProtectionEnabled"))
        return days == wanted.soft_delete_retention_in_days and (wanted.enable_purge_protection or not is_kept)

    def _recover(self, call: Call[KeyVaultSpec]) -> Observation:
        """The vault as it was. Azure reads nothing of this PUT but its mode.

        Source: Azure/azure-rest-api-specs, issue 21306.
        """
        path, body = self.path(call.scope, call.wanted), self.body(call)
        bodies.put(body, "properties.createMode", "recover")
        return self.answered(replace(call, remote_id=path), call.client(self.service).put(path, body))

    def _recovered(self, call: Call[KeyVaultSpec]) -> Observation:
        """The vault as it was, and our marks after that."""
        seen = self._recover(call)
        if seen.token != call.token:
            path = self.path(call.scope, call.wanted)
            call.client("resource").patch(tags.path(path), tags.merging(tags.marks(call)))
        return seen.model_copy(update={"owner": str(call.owner), "address": str(call.address), "token": call.token})

    def _written_over(self, call: Call[KeyVaultSpec]) -> Observation:
        """What was recovered, made to be what is wanted."""
        path = self.path(call.scope, call.wanted)
        return self.answered(replace(call, remote_id=path), call.client(self.service).put(path, self.body(call)))

    def delete(self, call: Call[KeyVaultSpec]) -> Observation:
        """One DELETE. Of a vault whose create is taken back, a tag says so first: then a later create has it back."""
        self.spare(call)
        if call.back:
            try:
                call.client("resource").patch(tags.path(call.id), tags.merging({UNDONE: call.token}))
            except NotFound:
                return self.absent(call.remote_id)
        return super().delete(call)

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

    def _write_all(
        self, body: dict[str, Any], call: Call[KeyVaultSpec], fields: set[str], stands: Mapping[str, Any]
    ) -> None:
        super()._write_all(body, call, fields - {acls.FIELD}, stands)
        if acls.FIELD in fields:
            wanted, now = call.wanted.plain()[acls.FIELD], bodies.at(stands, acls.PLACE)
            bodies.put(body, acls.PLACE, acls.changed(call.changes, wanted, now))

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        form = super().canonical(properties)
        return form | {acls.FIELD: acls.form(form[acls.FIELD])} if acls.FIELD in form else form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Never, under another name. Raises `InvalidInput` under the same, wherever: the deleted one would hold it."""
        name, days = before.get("name"), before.get(DAYS, MOST_DAYS)
        if str(name).lower() != str(after.get("name")).lower():
            return False
        until = "Azure lets nobody purge it sooner" if before.get(PURGE) else "or until somebody purges it"
        raise InvalidInput(
            f"the vault {name} cannot be replaced by one of its name: once deleted it holds that for {days} days, "
            f"{until}",
            standing="it stands as it is; nothing was touched",
            next="name the new one otherwise, or take the change back",
        )


def _is_undone(said: Mapping[str, str] | None) -> bool:
    """Whether tags say that the create that wrote them was taken back."""
    low = {name.lower(): value for name, value in (said or {}).items()}
    return UNDONE in low and low[UNDONE] == low.get(TOKEN_TAG)


def _moment(text: Any) -> datetime:
    return datetime.fromisoformat(str(text))

"""What the demo plays: for each cloud, and for all three at once, a document and what shall go wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.errors import InvalidInput
from holdfast.model import JsonValue


@dataclass(frozen=True, slots=True)
class Change:
    """One change that a cloud is asked for, as its own ledger names it."""

    cloud: str
    action: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a cloud says to a change."""

    change: Change
    code: str
    message: str
    status: int = 400


@dataclass(frozen=True, slots=True)
class Play:
    """One evening."""

    clouds: tuple[str, ...]
    stack: str
    document: Path
    lost: Change  # carried out, and its answer lost with the worker that asked for it
    # What the failing run asks for besides. The cloud refuses the last of it, when all before it has been made.
    more: str
    asks: str  # the same in words
    refused: Refusal
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)  # of the failing run: something is changed, too

    @property
    def name(self) -> str:
        """As the command line names it."""
        return self.clouds[0] if len(self.clouds) == 1 else "all"

    @property
    def text(self) -> str:
        """The document."""
        return self.document.read_text()

    @property
    def longer(self) -> str:
        """The document of the failing run."""
        return self.text.replace("outputs:", f"{self.more}outputs:")


HERE = Path(__file__).parent

AWS = Play(
    clouds=("aws",),
    stack="shop",
    document=HERE / "shop.yaml",
    lost=Change("aws", "CreateVolume"),
    more="""\
  archive: {kind: aws.s3_bucket, spec: {name: shop-archive-7f3a, tags: {network: "${net.id}"}}}
  scratch: {kind: aws.volume, spec: {zone: eu-central-1a, size: 50, tags: {network: "${net.id}"}}}
  second: {kind: aws.vpc, depends_on: [archive, scratch, images], spec: {cidr: 10.9.0.0/16}}
""",
    asks="three more resources and one changed, and AWS will refuse the last",
    refused=Refusal(Change("aws", "CreateVpc"), "VpcLimitExceeded", "The maximum number of VPCs has been reached."),
    parameters={"versioning": False},
)
GOOGLE = Play(
    clouds=("gcp",),
    stack="kiosk",
    document=HERE / "google.yaml",
    lost=Change("gcp", "disks.insert"),
    more="""\
  archive: {kind: gcp.bucket, spec: {name: kiosk-archive-7f3a}}
  scratch: {kind: gcp.disk, spec: {name: kiosk-scratch, zone: europe-west3-a, size_gb: 50}}
  second: {kind: gcp.network, depends_on: [archive, scratch, receipts], spec: {name: kiosk-second}}
""",
    asks="three more resources and one changed, and Google Cloud will refuse the last",
    refused=Refusal(
        Change("gcp", "networks.insert"), "quotaExceeded", "Quota 'NETWORKS' exceeded. Limit: 5.0 globally.", 403
    ),
    parameters={"versioning": False},
)
AZURE = Play(
    clouds=("azure",),
    stack="depot",
    document=HERE / "azure.yaml",
    lost=Change("azure", "Microsoft.Compute/disks/write"),
    more="""\
  archive: {kind: azure.storage_account, spec: {name: depotarchive7f3a, resource_group: "${group.name}"}}
  scratch: {kind: azure.disk, spec: {name: depot-scratch, resource_group: "${group.name}", disk_size_gb: 50}}
  second:
    kind: azure.virtual_network
    depends_on: [archive, scratch, files]
    spec: {name: second, resource_group: "${group.name}", address_space: [10.9.0.0/16]}
""",
    asks="three more resources and one changed, and Azure will refuse the last",
    refused=Refusal(
        Change("azure", "Microsoft.Network/virtualNetworks/write"),
        "VirtualNetworkCountLimitReached",
        "Cannot create more than 1 virtual networks for this subscription in this region.",
    ),
    parameters={"cost_center": "43"},
)
ALL = Play(
    clouds=("aws", "gcp", "azure"),
    stack="market",
    document=HERE / "three-clouds.yaml",
    lost=Change("gcp", "instances.insert"),
    more="""\
  archive: {kind: aws.s3_bucket, scope: amazon, spec: {name: market-archive-7f3a}}
  scratch: {kind: gcp.disk, scope: google, spec: {name: market-scratch, zone: europe-west3-a, size_gb: 50}}
  second:
    kind: azure.virtual_network
    scope: azure
    depends_on: [archive, scratch, sold]
    spec: {name: second, resource_group: "${group.name}", address_space: [10.9.0.0/16]}
""",
    asks="one more resource on each cloud and one changed, and Azure will refuse the last",
    refused=AZURE.refused,
    parameters={"versioning": False},
)
PLAYS = (AWS, GOOGLE, AZURE, ALL)


def play_of(clouds: Sequence[str]) -> Play:
    """The play for these clouds. Raises `InvalidInput` where there is none."""
    found = next((play for play in PLAYS if set(play.clouds) == set(clouds)), None)
    if found is None:
        raise InvalidInput(
            f"the demo does not know {', '.join(clouds) or 'no cloud'}",
            next="`holdfast demo --cloud aws`, or gcp, azure, all",
        )
    return found

"""`aws.image`: an image to boot from, that somebody you name has published."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, model_validator

from holdfast.errors import Ambiguous, NotFound
from holdfast.model import Scope, Spec
from holdfast.resource import Clients, DataType, Output

ANYONE = "anyone"
SHOWN = 5  # how many of several a letter names


class ImageFilter(Spec):
    """Which image is meant."""

    owner: str = Field(
        default="amazon",
        pattern=r"^(amazon|aws-marketplace|self|anyone|\d{12})$",
        description="who published it: amazon, aws-marketplace, self, an account's id, or anyone, without `latest`",
    )
    name: str = Field(min_length=1, description="its name, where * and ? stand for what may be anything")
    architecture: Literal["x86_64", "arm64", "i386", "x86_64_mac", "arm64_mac"] = Field(
        default="x86_64", description="what it runs on: an instance's type is of one of them"
    )
    latest: bool = Field(default=False, description="of several, the one that was made last")

    @model_validator(mode="after")
    def _somebodys(self) -> ImageFilter:
        if self.owner == ANYONE and self.latest is True:
            raise ValueError("the latest image of anyone is whatever a stranger publishes next; say whose is meant")
        return self


class Image(DataType[ImageFilter]):
    """A name is no proof of origin: every account may publish an image under any name, for everybody to find.

    So an image is looked for among those of one publisher, Amazon unless the filter says another; `amazon` is an alias
    that no account can take. A search of everybody's images for the latest of a name boots
    whatever a stranger has published under it since, with your data and your role: the image name confusion attack.
    `owner: anyone` has to be written out, and finds an image only while there is a single one of the name.

    Source: EC2 User Guide, "Understand shared AMI usage": others cannot alias theirs, and Amazon vouches for none.
    """

    kind = "aws.image"
    filter = ImageFilter
    outputs = {
        "id": Output("the image's id, another in each region"),
        "name": Output("its name"),
        "owner": Output("the id of the account that published it"),
        "architecture": Output("what it runs on"),
        "root_device": Output("the name of the device it boots from"),
        "created": Output("when it was made"),
    }
    permissions = {"look_up": ("ec2:DescribeImages",)}
    example = 'linux: {kind: aws.image, filter: {name: "al2023-ami-2023.*", latest: true}}'

    def look_up(self, scope: Scope, client: Clients, wanted: ImageFilter) -> dict[str, JsonValue]:
        """The one image that is meant, of those that can be launched now.

        Raises `Ambiguous` when there are several, and `latest` does not say which; also when it cannot, since two were
        made at the same moment.
        """
        asked = {
            "name": wanted.name,
            "architecture": wanted.architecture,
            "state": "available",
            "root-device-type": "ebs",  # `aws.instance` encrypts the disk it boots from
        }
        whose = {} if wanted.owner == ANYONE else {"Owners": [wanted.owner]}
        pages = client("ec2").get_paginator("describe_images")
        filters = [{"Name": name, "Values": [value]} for name, value in asked.items()]
        found = [i for page in pages.paginate(Filters=filters, **whose) for i in page["Images"]]
        what = f"{wanted.architecture} image named {wanted.name!r} of {wanted.owner} in {scope}"
        if not found:
            raise NotFound(
                f"there is no {what}",
                next="mend the filter: the name is matched whole, so end it with * where it has a date or a version",
            )
        found.sort(key=lambda image: str(image["CreationDate"]), reverse=True)
        if wanted.latest:
            found = [image for image in found if image["CreationDate"] == found[0]["CreationDate"]]
        if len(found) > 1:
            names = ", ".join(f"{image['Name']} ({image['ImageId']})" for image in found[:SHOWN])
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise Ambiguous(
                f"there are {len(found)} {what}: {names}{more}",
                next="name it more closely" if wanted.latest else "name it more closely, or say `latest: true`",
            )
        [image] = found
        return {
            "id": image["ImageId"],
            "name": image["Name"],
            "owner": image["OwnerId"],
            "architecture": image["Architecture"],
            "root_device": image["RootDeviceName"],
            "created": image["CreationDate"],
        }

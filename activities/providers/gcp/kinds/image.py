"""`gcp.image`: an image to boot from, of a project that you name."""

from __future__ import annotations

from pydantic import Field, JsonValue, model_validator

from activities.providers.gcp.codes import may_lack_project
from activities.providers.gcp.paths import NAME, bare
from holdfast.errors import NotAllowed, NotFound
from holdfast.model import Scope, Spec
from holdfast.resource import Clients, DataType, Output


class ImageFilter(Spec):
    """Which image is meant: one by its name, or the newest of a family."""

    project: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.:-]*[a-z0-9]$",
        description="whose it is: debian-cloud, ubuntu-os-cloud, cos-cloud, …, or a project of yours",
    )
    family: str | None = Field(default=None, pattern=NAME, description="as in debian-12: its newest image")
    name: str | None = Field(default=None, pattern=NAME, description="one image, by its name")

    @model_validator(mode="after")
    def _one_of_them(self) -> ImageFilter:
        if (self.family is None) == (self.name is None):
            raise ValueError("say a family or a name, and not both")
        return self


class Image(DataType[ImageFilter]):
    """Whose image it is has to be said: a name is no proof of origin.

    A family means another image with each release, so what was made of the one before is
    replaced by the next plan, which shows it: say a name where that is not meant.

    Source: Compute Engine, "Image families best practices".
    """

    kind = "gcp.image"
    filter = ImageFilter
    outputs = {
        "id": Output("its path: projects/PROJECT/global/images/NAME"),
        "self_link": Output("its URL, which disks and instances refer to"),
        "name": Output("its name"),
        "family": Output("the family it is of; null without one"),
    }
    permissions = {"look_up": ("compute.images.get", "compute.images.getFromFamily")}
    example = "linux: {kind: gcp.image, filter: {project: debian-cloud, family: debian-12}}"

    def look_up(self, scope: Scope, client: Clients, wanted: ImageFilter) -> dict[str, JsonValue]:
        """The image. Raises `NotFound`, also for one that is made and not ready, or that its project has withdrawn;
        and `NotAllowed`, also where nobody shows the project.
        """
        images = client("images")
        what = f"image {wanted.name}" if wanted.name else f"family {wanted.family}"
        try:
            if wanted.family is not None:
                found = images.get_from_family(project=wanted.project, family=wanted.family)
            else:
                found = images.get(project=wanted.project, image=wanted.name)
        except NotFound as error:
            raise NotFound(
                f"there is no {what} in {wanted.project}", next="mend the filter, or ask for access to the project"
            ) from error
        except NotAllowed as refused:
            if not may_lack_project(refused):
                raise
            said = refused.letter
            raise NotAllowed(
                said.happened,
                code=said.code,
                requests=said.requests,
                next="mend the filter: its project is a project's id; or let the worker's principal see the project",
            ) from refused
        state = found.get("deprecated", {}).get("state", "ACTIVE")
        if found.get("status", "READY") != "READY" or state in {"OBSOLETE", "DELETED"}:
            raise NotFound(
                f"the {what} of {wanted.project} is {state if state != 'ACTIVE' else found['status']}",
                next="name another image, or its family",
            )
        return {
            "id": bare(found["selfLink"]),
            "self_link": found["selfLink"],
            "name": found["name"],
            "family": found.get("family"),
        }

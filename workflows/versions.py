"""Runs are pinned to the build they began on; the arbiter moves with every deployment, since it continues as new.

Only where workers are versioned at all (`HOLDFAST_BUILD` names the build): the server refuses a behaviour without one.
Read once, when the process starts; a workflow never sees the environment.
"""

from __future__ import annotations

import os
from typing import Final

from temporalio.common import VersioningBehavior

BUILD: Final = os.environ.get("HOLDFAST_BUILD", "")  # noqa: TID251  outside any workflow, before the first one runs

PINNED: Final = VersioningBehavior.PINNED if BUILD else VersioningBehavior.UNSPECIFIED
AUTO_UPGRADE: Final = VersioningBehavior.AUTO_UPGRADE if BUILD else VersioningBehavior.UNSPECIFIED

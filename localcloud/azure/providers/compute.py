"""Microsoft.Compute. Sources: its REST reference ("Disks - Create Or Update" and so on), and recordings."""

from __future__ import annotations

from localcloud.azure.kind import Kind
from localcloud.azure.providers import disks, machines, scalesets

KINDS: tuple[Kind, ...] = (*disks.KINDS, *machines.KINDS, *scalesets.KINDS)

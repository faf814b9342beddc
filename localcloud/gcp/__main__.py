"""`python -m localcloud.gcp`: see `localcloud.core.server`."""

from __future__ import annotations

import sys

from localcloud.core.asked import Dialect
from localcloud.core.cloud import Cloud
from localcloud.core.server import serve


def _build(cloud: Cloud) -> Dialect:
    from localcloud.gcp.app import Gcp

    return Gcp(cloud)


if __name__ == "__main__":
    sys.exit(serve("gcp", _build))

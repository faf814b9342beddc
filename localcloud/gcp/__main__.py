"""`python -m localcloud.gcp`: see `localcloud.core.server`."""

from __future__ import annotations

import sys

from localcloud.core.asked import Dialect
from localcloud.core.cloud import Cloud
from localcloud.core.gate import Gate
from localcloud.core.http2 import Port, once
from localcloud.core.server import serve


def _build(cloud: Cloud) -> Dialect:
    from localcloud.gcp.app import Gcp

    return Gcp(cloud)


def _http2(gate: Gate) -> Port:
    def served() -> int:
        from localcloud.gcp import rpc  # with Google's SDK, which not every caller has

        return rpc.begin(gate)

    return once(served)


if __name__ == "__main__":
    sys.exit(serve("gcp", _build, http2=_http2))

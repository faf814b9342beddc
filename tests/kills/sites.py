"""The clouds that are struck."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kills import site_aws, site_azure, site_google
from tests.kills.parts import Site

SITES: Mapping[str, Site] = {site.cloud: site for site in (site_aws.SITE, site_google.SITE, site_azure.SITE)}

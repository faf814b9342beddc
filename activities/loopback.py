"""Tells this machine from every other: only to it may a token travel in clear."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from holdfast.errors import InvalidInput


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its address or as `localhost`. Nobody is asked what another name means."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def guarded(address: str, variable: str) -> str:
    """The address of an endpoint, as a variable names it. Raises `InvalidInput` for http to another machine."""
    read = urlsplit(address)
    if read.scheme == "http" and not is_loopback(read.hostname or ""):
        raise InvalidInput(
            f"{variable} is http, and {read.hostname} is not this machine: the token would travel in clear",
            standing="nothing was touched",
            next="use https there; http is for a local cloud on 127.0.0.1, ::1 or localhost",
        )
    return address

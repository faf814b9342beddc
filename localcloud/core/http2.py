"""Connections that speak HTTP/2 from their first byte, as gRPC does in clear: handed on to a server of their own.

One address answers both, as at the real clouds; there TLS says which is meant, here the first bytes do.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from cheroot.server import HTTPConnection

PREFACE = b"PRI * HTTP/2.0"  # RFC 9113, 3.4
CHUNK = 64 * 1024

# Serves HTTP/2 on a port of this machine, which it says; begun when it is first asked.
Port = Callable[[], int]


def handing(port: Port) -> type[HTTPConnection]:
    """Connections of which those that speak HTTP/2 are handed on to a port."""

    class Handing(HTTPConnection):
        def communicate(self) -> bool:
            if not _is_http2(self.socket):
                kept: bool = super().communicate()  # type: ignore[no-untyped-call]
                return kept
            self.linger = True  # so that the socket, which is ours now, is not closed with the connection
            threading.Thread(target=_relay, args=(self.socket, port), name="http2", daemon=True).start()
            return False

    return Handing


def _is_http2(caller: socket.socket) -> bool:
    with suppress(OSError):
        return PREFACE.startswith(caller.recv(len(PREFACE), socket.MSG_PEEK)[: len(PREFACE)] or b"-")
    return False


def _relay(caller: socket.socket, port: Port) -> None:
    with caller, socket.create_connection(("127.0.0.1", port())) as server:
        caller.settimeout(None)
        back = threading.Thread(target=_pump, args=(server, caller), name="http2 back", daemon=True)
        back.start()
        _pump(caller, server)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Whatever one says, to the other, until it has ended."""
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
    for one, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with suppress(OSError):
            one.shutdown(how)

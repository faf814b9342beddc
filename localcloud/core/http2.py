"""Connections that speak HTTP/2 from their first byte, as gRPC does in clear: handed on to a server of their own.

One address answers both, as at the real clouds; there TLS says which is meant, here the first bytes do.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from cheroot.server import HTTPConnection

PREFACE = b"PRI * HTTP/2.0"  # RFC 9113, 3.4
CHUNK = 64 * 1024
PATIENCE = 5.0  # seconds, with a caller who has said a part of it

# Serves HTTP/2 on a port of this machine, which it says; begun when it is first asked.
Port = Callable[[], int]


def once(begin: Port) -> Port:
    """A port that is begun when it is first asked for, and is that one from then on."""
    lock, port = threading.Lock(), 0

    def begun() -> int:
        nonlocal port
        with lock:
            port = port or begin()
            return port

    return begun


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
    """By as many bytes as it takes: those of a POST, a PUT and a PATCH begin with a P as well."""
    end = time.monotonic() + PATIENCE
    with suppress(OSError):
        while seen := caller.recv(len(PREFACE), socket.MSG_PEEK):
            if not PREFACE.startswith(seen) or time.monotonic() > end:
                return False
            if seen == PREFACE:
                return True
            time.sleep(0.005)
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

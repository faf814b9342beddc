"""Serves a local cloud as a process of its own, which ends in order and leaves nothing behind.

Announces itself with one line of JSON on standard output, `{"ready": true, "port": N}`, when it is listening. With
`--tls DIRECTORY` it answers https too, under a certificate that it leaves there; the line then has `tls_port` as well.
HTTP/2, where a cloud has it, is answered in clear alone.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from cheroot import errors, wsgi
from cheroot.ssl import Adapter

from localcloud.core.asked import Dialect
from localcloud.core.cloud import Cloud
from localcloud.core.gate import GONE, Dropped, Gate, has_left
from localcloud.core.http2 import Port, handing

SECURE_THREADS = 16
KEEP_ALIVE = 3600  # seconds; when we closed a quiet connection first, a request on its way would look lost


class _Gateway(wsgi.Gateway_10):
    """Shows the application its connection, and lets it drop it."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot's stub says None, its code a dict
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ[GONE] = functools.partial(has_left, self.req.conn.socket)
        environ["RAW_URI"] = environ["REQUEST_URI"]
        environ["PATH_INFO"] = unquote_to_bytes(environ["REQUEST_URI"].partition("?")[0]).decode("latin-1")
        return environ

    def respond(self) -> None:
        try:
            super().respond()
        except Dropped:
            self.req.close_connection = True
            self.req.sent_headers = True


class _Server(wsgi.Server):
    @classmethod
    def prepare_socket(cls, *arguments: Any, **more: Any) -> socket.socket:
        """On Linux a port is taken again at once only when its last owner, too, allowed that: also on a chosen one."""
        made: socket.socket = super().prepare_socket(*arguments, **more)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return made

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """A caller that was killed is not news."""
        kind = sys.exc_info()[0]
        if kind is not None and issubclass(kind, OSError | errors.FatalSSLAlert):
            return
        if level > logging.INFO or traceback:
            super().error_log(msg, level, traceback)


def arguments(name: str) -> argparse.ArgumentParser:
    """What every local cloud is started with."""
    parser = argparse.ArgumentParser(prog=f"python -m localcloud.{name}", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, announced on standard output")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins")
    parser.add_argument("--state", metavar="FILE", help="keep the state here, and begin with what is there")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent process has")
    parser.add_argument("--tls", metavar="DIRECTORY", type=Path, help="answer https too, and put the certificate here")
    parser.add_argument("--threads", type=int, default=192, help="requests that may wait at one time")
    return parser


def serve(
    name: str,
    build: Callable[[Cloud], Dialect],
    argv: list[str] | None = None,
    *,
    http2: Callable[[Gate], Port] | None = None,
) -> int:
    """Serve until SIGTERM, SIGINT or, with `--with-parent`, the parent's end. The state is saved before it returns.

    `http2`: who answers connections that speak it, where a cloud has such callers.
    """
    parent = os.getppid()  # at once: a parent that ends while we begin must not be overlooked
    chosen = arguments(name).parse_args(argv)
    cloud = Cloud(name, chosen.seed)
    gate = Gate(cloud, build(cloud), chosen.state)
    gate.keeper.begin()
    server = _listening(gate, chosen.host, chosen.port, chosen.threads)
    secure = _secure(gate, chosen.host, chosen.tls) if chosen.tls else None
    if http2 is not None:
        server.ConnectionClass = handing(http2(gate))
    servers = [server] if secure is None else [server, secure]
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    for one in servers:
        threading.Thread(target=one.serve, name="server", daemon=True).start()
    ready = {"ready": True, "port": server.bind_addr[1]}
    try:
        print(json.dumps(ready if secure is None else {**ready, "tls_port": secure.bind_addr[1]}), flush=True)
        while not end.wait(0.25):
            if chosen.with_parent and os.getppid() != parent:
                break
    finally:
        gate.stop()
        for one in servers:
            one.stop()
        gate.keeper.end()
    return 0


def _listening(gate: Gate, host: str, port: int, threads: int, adapter: Adapter | None = None) -> _Server:
    """A server that has its port; with an adapter it speaks https."""
    server = _Server(
        (host, port),
        gate,
        numthreads=threads,
        server_name="localcloud",
        request_queue_size=1024,
        timeout=KEEP_ALIVE,
        shutdown_timeout=3,
    )
    server.gateway = _Gateway
    server.ssl_adapter = adapter
    server.keep_alive_conn_limit = 10_000
    server.expiration_interval = 0.1  # how soon it notices that it shall stop
    server.prepare()
    return server


def _secure(gate: Gate, host: str, directory: Path) -> _Server:
    from cheroot.ssl.builtin import BuiltinSSLAdapter

    from localcloud.core import certificate

    adapter = BuiltinSSLAdapter(*map(str, certificate.make(directory)))
    return _listening(gate, host, 0, SECURE_THREADS, adapter)

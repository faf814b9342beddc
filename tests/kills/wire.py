"""A wire between two processes that a test can cut in either direction, without either of them noticing at once."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class Wire:
    """Forwards connections to a port. While a direction is held its bytes are kept, and delivered on release."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._up, self._down, self._open = threading.Event(), threading.Event(), threading.Event()
        for gate in (self._up, self._down, self._open):
            gate.set()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.clear()
        self.release()
        self._listener.close()
        self.cut()

    def hold_up(self) -> None:
        """What the client says no longer arrives."""
        self._up.clear()

    def hold_down(self) -> None:
        """What the server answers no longer arrives."""
        self._down.clear()

    def release(self) -> None:
        """Both directions flow again."""
        self._up.set()
        self._down.set()

    def cut(self) -> None:
        """Every connection breaks; new ones may be made."""
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while self._open.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                client.close()  # the server is down: as refused as a connection can be once accepted
                continue
            server.settimeout(None)
            self._sockets += [client, server]
            for source, sink, gate in ((client, server, self._up), (server, client, self._down)):
                threading.Thread(target=self._pump, args=(source, sink, gate), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, gate: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                gate.wait()
                sink.sendall(chunk)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

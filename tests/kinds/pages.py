"""What may stand between us and a cloud: it answers every request with one page, and never as the cloud does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE = "<html><body>Blocked by policy</body></html>"


@contextmanager
def answering(status: int, text: str = PAGE, **headers: str) -> Iterator[str]:
    """Its URL, while this is open. A `_` in a header's name stands for `-`; the page is HTML, unless they say else."""
    said = {"Content-Type": "text/html"} | {name.replace("_", "-"): value for name, value in headers.items()}

    class Page(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in {**said, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  as http.server calls them

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

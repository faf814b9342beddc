"""Whoever hands out Google's tokens, on loopback: the token endpoint, IAM's, STS's and the metadata server, in one.

It records what it was asked, and hands out `token-1`, `token-2` and so on, good for an hour of its own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class Tokens(ThreadingHTTPServer):
    """See the module. `refuse` makes it answer with this status instead, to paths that end as `refused` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, Any]] = []
        self.refuse: int | None = None
        self.refused = ""
        self.garbled = False  # what IAM says then cannot be read, and holds a token
        self.torn = False  # its tokens have a line break in them
        self.good = 3600  # seconds
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def private(self) -> str:
        """A private key, made when this began."""
        how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self._key.private_bytes(*how).decode()

    @property
    def public(self) -> Any:
        return self._key.public_key()

    def key_file(self) -> dict[str, str]:
        """A service account's key, as gcloud writes one."""
        return {
            "type": "service_account",
            "project_id": "shop-prod",
            "private_key_id": "one",
            "private_key": self.private,
            "client_email": "base@shop-prod.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    server: Tokens

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        is_json = body.startswith("{")
        self._answer(json.loads(body) if is_json else {k: v[0] for k, v in parse_qs(body).items()})

    def _answer(self, said: Any) -> None:
        cloud, path = self.server, self.path.partition("?")[0]
        cloud.asked.append((path, said | {"authorization": self.headers.get("Authorization", "")}))
        token = f"token-{len(cloud.asked)}" + "\n" * cloud.torn
        answer: Any = {"access_token": token, "expires_in": cloud.good, "token_type": "Bearer"}
        refuse = cloud.refuse if path.endswith(cloud.refused) else None
        if refuse:
            answer = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        elif path.endswith(":generateAccessToken"):
            ends = datetime.now(UTC) + timedelta(seconds=cloud.good)
            when = "soon" if cloud.garbled else ends.strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = {"accessToken": token, "expireTime": when}
        elif path.endswith("/sts"):
            answer |= {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
        elif path.endswith("/project/project-id"):
            answer = "shop-prod"
        elif path.startswith("/computeMetadata") and not path.endswith("/token"):
            answer = {"email": "host@shop-prod.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}
        text = answer if isinstance(answer, str) else json.dumps(answer)
        self.send_response(refuse or 200)
        self.send_header("Content-Type", "application/text" if isinstance(answer, str) else "application/json")
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing: `asked` says it."""


@contextmanager
def handing_out() -> Iterator[Tokens]:
    """One that answers while this is open."""
    with Tokens() as cloud:
        thread = threading.Thread(target=cloud.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield cloud
        finally:
            cloud.shutdown()
            thread.join()

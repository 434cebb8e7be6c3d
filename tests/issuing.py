"""An issuer that is there: a server of this process, with a configuration and keys."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.signing import Signer, signer

DISCOVERY = "/realm/.well-known/openid-configuration"
KEYS = "/realm/keys"


class Site:
    """A server of this process: `pages` are status, headers and body by path."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, headers, body = site.pages.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, text in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/realm"
        self.says(DISCOVERY, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        self.signs_by(signer("rsa"), signer("ec", "ES256"))

    def signs_by(self, *signers: Signer) -> None:
        """These are its keys from now on."""
        self.says(KEYS, {"keys": [one.jwk for one in signers]})

    def says(self, path: str, content: object, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.pages[path] = status, headers, body


@contextmanager
def issuing() -> Iterator[Site]:
    """The site for the time of the block."""
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()

"""An OpenID Connect issuer in this process: an HTTP server with a configuration and keys."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.signing import Signer, signer

DISCOVERY = "/realm/.well-known/openid-configuration"
KEYS = "/realm/keys"


class OidcServer:
    """An HTTP server. `responses` are status, headers and body by path, `requests` the paths that were requested."""

    def __init__(self) -> None:
        self.responses: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                status, headers, body = server.responses.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, text in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/realm"
        self.respond(DISCOVERY, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        self.set_signers(signer("rsa"), signer("ec", "ES256"))

    def set_signers(self, *signers: Signer) -> None:
        """Replace the key set."""
        self.respond(KEYS, {"keys": [signer.jwk for signer in signers]})

    def respond(self, path: str, content: object, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.responses[path] = status, headers, body


@contextmanager
def oidc_server() -> Iterator[OidcServer]:
    """Run the server in a thread."""
    oidc = OidcServer()
    thread = threading.Thread(target=oidc.server.serve_forever, args=(0.01,))
    thread.start()
    yield oidc
    oidc.server.shutdown()
    oidc.server.server_close()
    thread.join()

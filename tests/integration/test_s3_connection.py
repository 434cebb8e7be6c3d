"""Connections of the S3 client to real sockets: TLS with an own CA, proxies, IPv6, slow peers, large bodies."""

import ipaddress
import os
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6, SO_RCVBUF, SOL_SOCKET, create_connection, has_ipv6, socket
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.config.settings import Settings
from shared.errors import Unavailable
from shared.storage.bucket import Bucket, client
from shared.storage.connection import Timeouts
from shared.storage.credentials import static
from tests.integration.ports import free_port


class Handler(BaseHTTPRequestHandler):
    """Responds to each request with its own body or target."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def _handle(self) -> None:
        self.server.targets.append(self.path)
        self.server.headers.append(dict(self.headers))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("ETag", f'"{sha256(body).hexdigest()}"')
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()
        self.wfile.write(self.path.encode())

    do_GET = do_PUT = _handle  # noqa: N815 - http.server's names

    def do_CONNECT(self) -> None:
        """Tunnel to the requested port of this machine, whatever the host."""
        self.server.targets.append(self.path)
        self.server.headers.append(dict(self.headers))
        with closing(create_connection(("127.0.0.1", int(self.path.rpartition(":")[2])))) as upstream:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(upstream, self.connection))
            back.start()
            _copy(self.connection, upstream)
            back.join()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


def _copy(source: socket, target: socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(1)


class Server(ThreadingHTTPServer):
    """An HTTP server that keeps the targets and headers of its requests."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], **attributes: Any) -> None:
        vars(self).update(attributes)
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        super().__init__(address, Handler)


@contextmanager
def serving(host: str = "127.0.0.1", context: ssl.SSLContext | None = None, **attributes: Any) -> Iterator[Server]:
    server = Server((host, 0), **attributes)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies and certificates."""
    for name in list(os.environ):
        if name.lower().endswith(("_proxy", "ca_bundle")):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a self-signed certificate of storage.example and 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "storage.example")])
    names = [x509.DNSName("storage.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "ca.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(pem) + private)
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def bucket_at(url: str, timeouts: Timeouts = Timeouts(), **values: str) -> Iterator[Bucket]:  # noqa: B008 - immutable
    settings = Settings.parse({"AWS_ENDPOINT_URL_S3": url, **values})
    with closing(client(settings, static("key", "secret"), timeouts)) as s3:
        yield Bucket(s3, "jobs", lambda _: None)


def test_own_ca_is_trusted_by_its_file_or_folder(
    environment: pytest.MonkeyPatch, certificate: Path, tls: ssl.SSLContext
) -> None:
    with serving(context=tls) as server:
        url = f"https://127.0.0.1:{server.server_port}"
        with bucket_at(url) as bucket, pytest.raises(Unavailable, match="SSLError"):
            bucket.get("a")
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            environment.setenv(name, str(certificate))
            with bucket_at(url) as bucket:
                assert bucket.get("a").body == b"/jobs/a"
            environment.delenv(name)


def test_certificate_of_another_host_is_rejected(
    environment: pytest.MonkeyPatch, certificate: Path, tls: ssl.SSLContext
) -> None:
    environment.setenv("AWS_CA_BUNDLE", str(certificate))
    with (
        serving(context=tls) as server,
        bucket_at(f"https://localhost:{server.server_port}") as bucket,
        pytest.raises(Unavailable, match="SSLError"),
    ):
        bucket.get("a")


def test_http_proxy_receives_the_whole_url_and_its_own_credentials(environment: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        environment.setenv("HTTP_PROXY", f"http://user:pa%40ss@127.0.0.1:{proxy.server_port}")
        with bucket_at("http://storage.example:9000/base") as bucket:
            assert bucket.get("a b").body == b"http://storage.example:9000/base/jobs/a%20b"
    (headers,) = proxy.headers
    assert headers["proxy-authorization"] == f"Basic {b64encode(b'user:pa@ss').decode()}"
    assert headers["host"] == "storage.example:9000"


def test_https_is_tunneled_through_the_proxy(
    environment: pytest.MonkeyPatch, certificate: Path, tls: ssl.SSLContext
) -> None:
    environment.setenv("AWS_CA_BUNDLE", str(certificate))
    with serving(context=tls) as server, serving() as proxy:
        environment.setenv("HTTPS_PROXY", f"http://user:pass@127.0.0.1:{proxy.server_port}")
        with bucket_at(f"https://storage.example:{server.server_port}") as bucket:
            assert bucket.get("a").body == b"/jobs/a"
        assert proxy.targets == [f"storage.example:{server.server_port}"]
        assert "proxy-authorization" in {name.lower() for name in proxy.headers[0]}
        assert "proxy-authorization" not in {name.lower() for name in server.headers[0]}


def test_unreachable_proxy_raises_unavailable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    with bucket_at("https://storage.example") as bucket, pytest.raises(Unavailable, match="ProxyConnectionError"):
        bucket.get("a")


@pytest.mark.skipif(not has_ipv6, reason="this machine has no IPv6")
def test_ipv6_address_is_reached_with_brackets_in_the_host_header() -> None:
    try:
        context = serving("::1", address_family=AF_INET6)
        with context as server, bucket_at(f"http://[::1]:{server.server_port}") as bucket:
            assert bucket.get("a").body == b"/jobs/a"
            assert server.headers[0]["host"] == f"[::1]:{server.server_port}"
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_unknown_host_raises_unavailable() -> None:
    with (
        bucket_at("http://no-such-host.invalid") as bucket,
        pytest.raises(Unavailable, match="EndpointConnectionError"),
    ):
        bucket.get("a")


@pytest.mark.parametrize("size", [0, 1, (256 << 10) - 1, 256 << 10, (5 << 20) + 7])
def test_body_arrives_unchanged_and_the_connection_is_kept(size: int) -> None:
    body = os.urandom(size)
    with serving() as server, bucket_at(f"http://127.0.0.1:{server.server_port}") as bucket:
        for sent in (body, bytearray(body), memoryview(body)):
            assert bucket.upload_part("a", "id", 1, sent) == f'"{sha256(body).hexdigest()}"'
        assert len(bucket._s3._connections._pools) == 1
        (pool,) = bucket._s3._connections._pools.values()
        assert (pool.num_requests, pool.num_connections) == (3, 1)
        assert {headers["content-length"] for headers in server.headers} == {str(size)}
        assert not any("transfer-encoding" in headers for headers in server.headers)


def test_deadline_ends_a_call_before_all_attempts_are_used() -> None:
    with socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            bucket_at(url, Timeouts(read=0.5, call=0.7)) as bucket,
            pytest.raises(Unavailable, match="ReadTimeoutError"),
        ):
            bucket.get("a")
        silent.setblocking(False)
        accepted = 0
        with suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                accepted += 1
    assert accepted < 3


def test_deadline_ends_an_upload_that_is_received_too_slowly() -> None:
    received = 0

    def receive_slowly(listener: socket) -> None:
        nonlocal received
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    while data := connection.recv(1 << 16):
                        received += len(data)
                        threading.Event().wait(0.02)

    size = 64 << 20  # more than sockets buffer
    with socket() as listener:
        listener.setsockopt(SOL_SOCKET, SO_RCVBUF, 1 << 16)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=receive_slowly, args=[listener], daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with bucket_at(url, Timeouts(call=1)) as bucket, pytest.raises(Unavailable, match="ReadTimeoutError"):
            bucket.upload_part("a", "id", 1, bytes(size))
    assert received < size

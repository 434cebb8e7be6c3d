"""Credentials that botocore's chain finds, from fake services, in requests of the S3 client."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from shared.config.settings import Settings
from shared.errors import SettingsError, Unavailable
from shared.storage.bucket import Bucket, client
from tests.s3_connections import ScriptedConnections, response

ROOT = Path(__file__).parents[2]


class CredentialService(BaseHTTPRequestHandler):
    """Issues credentials as STS, the container endpoint and the instance metadata service do."""

    server: "Server"

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["WebIdentityToken"] == ["token-of-the-pod"]
        if self.server.is_rejecting:
            error = "<Error><Code>InvalidIdentityToken</Code><Message>secret text</Message></Error>"
            self._send(f"<ErrorResponse>{error}</ErrorResponse>", 400)
            return
        self._send(
            f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{self.server.next_key()}</AccessKeyId>
            <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
            <Expiration>{self.server.expiration}</Expiration></Credentials>
            </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
        )

    def do_PUT(self) -> None:
        self._send("token-of-the-instance")

    def do_GET(self) -> None:
        if self.path.endswith("/security-credentials/"):
            self._send("role")
        else:
            keys = {"AccessKeyId": self.server.next_key(), "SecretAccessKey": "secret", "Token": "token"}
            self._send(json.dumps({"Code": "Success", **keys, "Expiration": self.server.expiration}))

    def _send(self, body: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        return


class Server(ThreadingHTTPServer):
    """The service; each response has another access key, valid for `lifetime`."""

    lifetime = timedelta(hours=1)
    issued = 0
    is_rejecting = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def expiration(self) -> str:
        return f"{datetime.now(UTC) + self.lifetime:%Y-%m-%dT%H:%M:%SZ}"

    def next_key(self) -> str:
        self.issued += 1
        return f"KEY{self.issued}"


@pytest.fixture
def service() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), CredentialService)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without credentials and proxies."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def use_web_identity(environment: pytest.MonkeyPatch, service: Server, folder: Path) -> None:
    (folder / "token").write_text("token-of-the-pod")
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "token"))
    environment.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/otel-worker")
    environment.setenv("AWS_ENDPOINT_URL_STS", service.url)
    environment.setenv("AWS_REGION", "us-east-1")
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")


def use_container(environment: pytest.MonkeyPatch, service: Server, _: Path) -> None:
    environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.url}/container")


def use_instance_metadata(environment: pytest.MonkeyPatch, service: Server, _: Path) -> None:
    environment.setenv("AWS_EC2_METADATA_DISABLED", "false")
    environment.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{service.url}/")


def use_profile(environment: pytest.MonkeyPatch, _: Server, folder: Path) -> None:
    lines = "[other]\naws_access_key_id = KEY1\naws_secret_access_key = secret\naws_session_token = token\n"
    (folder / "credentials").write_text(lines)
    environment.setenv("AWS_PROFILE", "other")


def access_keys(number: int) -> list[str]:
    """Return the access keys of that many requests of one client without keys in its settings."""
    connections = ScriptedConnections([response()] * number)
    with closing(client(Settings.parse({}), connections=connections)) as s3:
        for _ in range(number):
            Bucket(s3, "jobs").get("a")
    assert {request.headers["x-amz-security-token"] for request in connections.requests} == {"token"}
    authorizations = [request.headers["authorization"] for request in connections.requests]
    return [text.partition("Credential=")[2].partition("/")[0] for text in authorizations]


@pytest.mark.parametrize("use", [use_web_identity, use_container, use_instance_metadata, use_profile])
def test_credentials_of_the_chain_sign_requests(
    environment: pytest.MonkeyPatch,
    service: Server,
    tmp_path: Path,
    use: Callable[[pytest.MonkeyPatch, Server, Path], None],
) -> None:
    use(environment, service, tmp_path)
    assert access_keys(2) == ["KEY1", "KEY1"]


@pytest.mark.parametrize("use", [use_web_identity, use_container])
def test_credentials_are_renewed_before_they_expire(
    environment: pytest.MonkeyPatch,
    service: Server,
    tmp_path: Path,
    use: Callable[[pytest.MonkeyPatch, Server, Path], None],
) -> None:
    service.lifetime = timedelta(minutes=5)  # botocore renews credentials that are valid for less than ten
    use(environment, service, tmp_path)
    first, *_, last = access_keys(3)
    assert first != last


def test_missing_credentials_raise_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"^storage: NoCredentialsError$"):
        access_keys(1)


def test_missing_identity_token_raises_unavailable(
    environment: pytest.MonkeyPatch, service: Server, tmp_path: Path
) -> None:
    use_web_identity(environment, service, tmp_path)
    (tmp_path / "token").unlink()
    with pytest.raises(Unavailable, match=r"^storage: FileNotFoundError$"):
        access_keys(1)


def test_rejection_by_the_credential_service_raises_unavailable_with_its_code(
    environment: pytest.MonkeyPatch, service: Server, tmp_path: Path
) -> None:
    service.is_rejecting = True
    use_web_identity(environment, service, tmp_path)
    with pytest.raises(Unavailable, match=r"^storage: InvalidIdentityToken$"):
        access_keys(1)


def test_unknown_profile_is_a_setting_error(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SettingsError, match=r"^AWS_PROFILE: botocore does not accept .* \(ProfileNotFound\)$"):
        client(Settings.parse({}))


def test_botocore_is_imported_only_without_keys() -> None:
    script = """
import sys
from shared.config.settings import Settings
from shared.storage.bucket import client
client(Settings.parse({"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}))
assert not {"boto3", "botocore"} & sys.modules.keys()
client(Settings.parse({}))
assert "botocore" in sys.modules and "boto3" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)

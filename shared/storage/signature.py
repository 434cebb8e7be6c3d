"""AWS Signature Version 4 for S3, in the headers of a request or in the query of a presigned URL.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Credentials:
    """Access key id and secret key; temporary ones also have a session token."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class HttpRequest:
    """What a signature covers. Names of headers are in lower case, and one of them is host.

    `path` and `query` are encoded by encode_path and encode_query.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def target(self) -> str:
        """The path and the query."""
        return f"{self.path}?{self.query}" if self.query else self.path


def encode_path(path: str) -> str:
    """Percent-encode a path. S3 neither removes dot segments nor encodes twice."""
    return quote(path, safe="/" + _UNRESERVED)


def encode_query(query: Mapping[str, str]) -> str:
    """Percent-encode query parameters and sort them by their encoded names, as the signature requires."""
    encoded = [(quote(name, safe=_UNRESERVED), quote(text, safe=_UNRESERVED)) for name, text in query.items()]
    return "&".join(f"{name}={text}" for name, text in sorted(encoded))


class Signer:
    """Signs requests for the S3 service of one region. All threads share it."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._signing_key: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def sign(self, credentials: Credentials, now: datetime, request: HttpRequest, payload_hash: str) -> HttpRequest:
        """Return the request with the headers of the signature.

        `payload_hash` is the hex SHA-256 of the body, or UNSIGNED_PAYLOAD.
        """
        timestamp = f"{now:%Y%m%dT%H%M%SZ}"
        headers = {**request.headers, "x-amz-content-sha256": payload_hash, "x-amz-date": timestamp}
        if credentials.session_token:
            headers["x-amz-security-token"] = credentials.session_token
        signed = HttpRequest(request.method, request.path, request.query, headers)
        signature = self._signature(credentials, timestamp, signed, payload_hash)
        names = ";".join(sorted(headers))
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{self._scope(timestamp)}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return signed

    def presign(self, credentials: Credentials, now: datetime, request: HttpRequest, expires_seconds: int) -> str:
        """Return the target of a URL that is valid during `expires_seconds` from `now`. Only host can be a header."""
        timestamp = f"{now:%Y%m%dT%H%M%SZ}"
        parameters = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{credentials.access_key}/{self._scope(timestamp)}",
            "X-Amz-Date": timestamp,
            "X-Amz-Expires": str(expires_seconds),
            "X-Amz-SignedHeaders": "host",
        }
        if credentials.session_token:
            parameters["X-Amz-Security-Token"] = credentials.session_token
        pairs = [*filter(None, request.query.split("&")), *encode_query(parameters).split("&")]
        query = "&".join(sorted(pairs, key=lambda pair: pair.partition("=")[0]))
        signed = HttpRequest(request.method, request.path, query, request.headers)
        return f"{signed.target}&X-Amz-Signature={self._signature(credentials, timestamp, signed, UNSIGNED_PAYLOAD)}"

    def _signature(self, credentials: Credentials, timestamp: str, request: HttpRequest, payload_hash: str) -> str:
        names = sorted(request.headers)
        headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names)
        lines = (request.method, request.path, request.query, headers, ";".join(names), payload_hash)
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        text = "\n".join((_ALGORITHM, timestamp, self._scope(timestamp), digest))
        return hmac.new(self._key(credentials.secret_key, timestamp[:8]), text.encode(), "sha256").hexdigest()

    def _scope(self, timestamp: str) -> str:
        return f"{timestamp[:8]}/{self._region}/s3/aws4_request"

    def _key(self, secret: str, day: str) -> bytes:
        """Return the signing key, which is the same for all requests of a day."""
        used_for, key = self._signing_key
        if used_for != (secret, day):
            key = f"AWS4{secret}".encode()
            for text in (day, self._region, "s3", "aws4_request"):
                key = hmac.digest(key, text.encode(), "sha256")
            self._signing_key = ((secret, day), key)  # one assignment, since threads share the signer
        return key

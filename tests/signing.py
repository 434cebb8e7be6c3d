"""Signing keys of an issuer, and tokens signed by them."""

import base64
import functools
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example/realms/home"
AUDIENCE = "otel-worker"


class Signer:
    """A key pair of an issuer."""

    def __init__(self, key_id: str, algorithm: str = "RS256", bits: int = 2048) -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=bits)
        )

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key as a JWK."""
        library: Any = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        jwk: dict[str, Any] = library.to_jwk(self.private.public_key(), as_dict=True)
        jwk.pop("key_ops", None)
        return {**jwk, "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    @property
    def pem(self) -> bytes:
        """The public key as PEM."""
        pem: bytes = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a valid token with these headers and claims. None removes a header or claim."""
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now(), "exp": now() + 300, **claims}
        header: Any = {"kid": self.key_id, **(headers or {})}
        return jwt.encode(_without_none(payload), self.private, self.algorithm, _without_none(header))


@functools.cache
def signer(key_id: str, algorithm: str = "RS256") -> Signer:
    """Return a cached signer, because key generation is slow."""
    return Signer(key_id, algorithm)


def now() -> int:
    """Return the Unix time in seconds."""
    return int(time.time())


def segment(content: object) -> str:
    """Encode one of the three parts of a token."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

"""An issuer's keys, and tokens: good ones, and ones that somebody made to get in."""

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
        """The public key, as a key set has it."""
        library: Any = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        made: dict[str, Any] = library.to_jwk(self.private.public_key(), as_dict=True)
        made.pop("key_ops", None)
        return {**made, "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    @property
    def pem(self) -> bytes:
        """The public key, as a file has it."""
        made: bytes = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return made

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token, but for what is given; None takes a claim or a header away."""
        given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now(), "exp": now() + 300, **claims}
        header: Any = {"kid": self.key_id, **(headers or {})}
        return jwt.encode(_without_none(given), self.private, self.algorithm, _without_none(header))


@functools.cache
def signer(key_id: str, algorithm: str = "RS256") -> Signer:
    """The same one each time: keys take long to make."""
    return Signer(key_id, algorithm)


def now() -> int:
    """Unix seconds."""
    return int(time.time())


def segment(content: object) -> str:
    """One of the three parts of a token."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _without_none(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}

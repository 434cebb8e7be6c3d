"""Where requests go: scheme, host and path of a bucket's objects in path style or virtual-host style."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.config import urls
from shared.storage.signature import encode_path

if TYPE_CHECKING:
    from shared.config.settings import Settings

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """An S3 server. `base_path` is "" or starts with a slash."""

    scheme: str
    host: str
    port: int
    base_path: str
    is_virtual_host_style: bool

    @classmethod
    def parse(cls, url: str, *, virtual_host_style: bool = False) -> "Endpoint":
        """Parse a URL that the settings have accepted."""
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        host = parts.hostname or ""
        return cls(
            scheme,
            f"[{host}]" if ":" in host else host,
            parts.port or _DEFAULT_PORTS[scheme],
            parts.path.rstrip("/"),
            virtual_host_style,
        )

    @classmethod
    def of_aws(cls, region: str, *, virtual_host_style: bool = False) -> "Endpoint":
        """Return the endpoint of Amazon S3 in `region`."""
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return cls.parse(f"https://s3.{region}.{suffix}", virtual_host_style=virtual_host_style)

    @classmethod
    def of_settings(cls, settings: "Settings") -> "Endpoint":
        """Return the endpoint that the functions send their requests to."""
        is_virtual = settings.S3_ADDRESSING_STYLE == "virtual"
        if settings.AWS_ENDPOINT_URL_S3:
            return cls.parse(settings.AWS_ENDPOINT_URL_S3, virtual_host_style=is_virtual)
        return cls.of_aws(settings.AWS_REGION, virtual_host_style=is_virtual)

    @classmethod
    def of_presigned_urls(cls, settings: "Settings") -> "Endpoint":
        """Return the endpoint that presigned URLs name, as callers reach it."""
        if not settings.S3_PUBLIC_ENDPOINT_URL:
            return cls.of_settings(settings)
        is_virtual = settings.S3_ADDRESSING_STYLE == "virtual"
        return cls.parse(settings.S3_PUBLIC_ENDPOINT_URL, virtual_host_style=is_virtual)

    @property
    def is_ip_address(self) -> bool:
        return self.host.startswith("[") or urls.is_ipv4(self.host)

    @property
    def is_loopback(self) -> bool:
        return self.host in {"localhost", "[::1]"} or (urls.is_ipv4(self.host) and self.host.startswith("127."))

    def host_of(self, bucket: str) -> str:
        """Return the host name to connect to. IPv6 addresses are in brackets."""
        return f"{bucket}.{self.host}" if self.is_virtual_host_style else self.host

    def host_header(self, bucket: str) -> str:
        """Return the header Host, which is signed: host and port, without the default port of the scheme."""
        host = self.host_of(bucket)
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def path(self, bucket: str, key: str) -> str:
        """Return the encoded path of an object, or that of the bucket for the key ""."""
        path = f"{self.base_path}/{key}" if self.is_virtual_host_style else f"{self.base_path}/{bucket}/{key}"
        return encode_path(path if key or self.is_virtual_host_style else path.removesuffix("/"))

    def url(self, bucket: str, target: str) -> str:
        """Return the absolute URL of an encoded path and query."""
        return f"{self.scheme}://{self.host_header(bucket)}{target}"

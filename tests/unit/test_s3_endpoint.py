"""Hosts and paths of requests, and the proxy of an endpoint."""

import pytest
from botocore.session import Session

from shared.config.settings import Settings
from shared.errors import SettingsError
from shared.storage.client import client
from shared.storage.connection import Connections, Timeouts, proxy_of
from shared.storage.credentials import static
from shared.storage.endpoint import Endpoint


@pytest.mark.parametrize(
    ("url", "host_header", "path"),
    [
        ("http://minio:9000", "minio:9000", "/bucket/a/b%20c"),
        ("http://minio:9000/", "minio:9000", "/bucket/a/b%20c"),
        ("http://minio:80", "minio", "/bucket/a/b%20c"),
        ("HTTPS://S3.Example:443/base/path/", "s3.example", "/base/path/bucket/a/b%20c"),
        ("http://[::1]:9000", "[::1]:9000", "/bucket/a/b%20c"),
        ("http://storage_server:9000", "storage_server:9000", "/bucket/a/b%20c"),
    ],
)
def test_path_style_names_the_bucket_in_the_path(url: str, host_header: str, path: str) -> None:
    endpoint = Endpoint.parse(url)
    assert (endpoint.host_header("bucket"), endpoint.path("bucket", "a/b c")) == (host_header, path)
    assert endpoint.path("bucket", "") == path.removesuffix("/a/b%20c")


def test_virtual_host_style_names_the_bucket_in_the_host() -> None:
    endpoint = Endpoint.parse("https://s3.example:9000/base", virtual_host_style=True)
    assert (endpoint.host_header("bucket"), endpoint.path("bucket", "a")) == ("bucket.s3.example:9000", "/base/a")
    assert endpoint.url("bucket", endpoint.path("bucket", "")) == "https://bucket.s3.example:9000/base/"


def test_endpoint_of_a_region_is_that_of_botocore() -> None:
    session = Session()
    session.set_credentials("key", "secret")
    for region in (*session.get_available_regions("s3"), *session.get_available_regions("s3", "aws-cn")):
        s3 = session.create_client("s3", region_name=region)
        url = Endpoint.of_aws(region).url("bucket", "")
        assert url == s3.meta.endpoint_url.replace("//s3.amazonaws", "//s3.us-east-1.amazonaws")


@pytest.mark.parametrize("url", ["http://192.0.2.1:9000", "http://[::1]:9000"])
def test_virtual_host_style_of_an_ip_address_is_a_setting_error(url: str) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "S3_PUBLIC_ENDPOINT_URL"):
        settings = Settings.parse({"S3_ADDRESSING_STYLE": "virtual", name: url})
        with pytest.raises(SettingsError, match=r"^S3_ADDRESSING_STYLE: "):
            client(settings, static("key", "secret"))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies and certificates."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "http://minio:9000", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://minio:9000", "http://proxy:3128"),
        ({"http_proxy": "proxy:3128"}, "http://minio:9000", "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "https://minio:9000", None),
        ({"HTTPS_PROXY": "http://user:pa%40ss@proxy:3128"}, "https://minio", "http://user:pa%40ss@proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "minio"}, "http://minio:9000", None),
        ({"HTTP_PROXY": "http://proxy:3128", "no_proxy": ".example"}, "http://minio.example", None),
        ({"HTTP_PROXY": "http://proxy:3128", "no_proxy": "*"}, "http://minio.example", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://127.0.0.1:9000", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://localhost:9000", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://[::1]:9000", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://127.example:9000", "http://proxy:3128"),
    ],
)
def test_proxy_of_the_environment_applies_to_its_scheme_but_not_to_loopback(
    environment: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, text in variables.items():
        environment.setenv(name, text)
    assert proxy_of(Endpoint.parse(url)) == proxy


@pytest.mark.parametrize(
    "proxy", ["ftp://proxy", "http://proxy:port", "http://", "http://[::1", "http://user:пароль@proxy"]
)
def test_invalid_proxy_is_a_setting_error_without_its_value(environment: pytest.MonkeyPatch, proxy: str) -> None:
    environment.setenv("HTTP_PROXY", proxy)
    with pytest.raises(SettingsError) as raised:
        Connections(Endpoint.parse("http://minio:9000"), Timeouts())
    assert str(raised.value) == "HTTP_PROXY, HTTPS_PROXY: expected the URL of a proxy"


@pytest.mark.parametrize("path", ["/nowhere/ca.pem", __file__])
def test_invalid_certificate_file_is_a_setting_error(environment: pytest.MonkeyPatch, path: str) -> None:
    environment.setenv("AWS_CA_BUNDLE", path)
    with pytest.raises(SettingsError, match=r"^AWS_CA_BUNDLE: "):
        Connections(Endpoint.parse("https://minio:9000"), Timeouts())
    Connections(Endpoint.parse("http://minio:9000"), Timeouts()).close()

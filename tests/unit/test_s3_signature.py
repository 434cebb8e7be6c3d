"""Signatures, compared with those of botocore's signer."""

from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.utils import percent_encode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.storage.endpoint import Endpoint
from shared.storage.signature import UNSIGNED_PAYLOAD, Credentials, HttpRequest, Signer, encode_path, encode_query

REGION = "eu-central-1"
ENDPOINTS = (
    "http://minio:9000",
    "https://s3.eu-central-1.amazonaws.com",
    "http://[::1]:80",
    "http://storage_server.example:443/base/path",
    "https://S3.Example:443",
)
EVERY_BYTE = "".join(map(chr, range(256)))

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
any_credentials = st.builds(Credentials, visible.filter(lambda text: "," not in text), visible, st.none() | visible)
any_headers = st.dictionaries(
    st.sampled_from(["content-type", "content-md5", "if-match", "if-none-match", "x-amz-meta-a", "range"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
)
# The parameters of the signature itself never occur in a request that is to be signed.
query_names = keys.filter(lambda name: not name.lower().startswith("x-amz-"))
any_query = st.dictionaries(query_names, st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=5)
any_endpoint = st.sampled_from(
    [Endpoint.parse(url) for url in ENDPOINTS]
    + [Endpoint.parse(url, virtual_host_style=True) for url in ENDPOINTS if "[" not in url]
)


def time_of(timestamp: str) -> datetime:
    return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def botocore_credentials(credentials: Credentials) -> BotocoreCredentials:
    return BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.session_token)


any_request = st.builds(
    lambda endpoint, method, key, query, headers: (
        endpoint.url("bucket", endpoint.path("bucket", key)),
        HttpRequest(
            method,
            endpoint.path("bucket", key),
            encode_query(query),
            {"host": endpoint.host_header("bucket"), **headers},
        ),
        query,
    ),
    any_endpoint,
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    keys,
    any_query,
    any_headers,
)
EDGE_QUERY = {EVERY_BYTE: EVERY_BYTE, "uploads": "", "a": "1", "a-b": "2", "a.b": "3"}
EDGES = HttpRequest(
    "PUT",
    encode_path(f"/bucket/{EVERY_BYTE}"),
    encode_query(EDGE_QUERY),
    {"host": "minio:9000", "if-match": '  "a"   b ', "x-amz-meta-a": ""},
)


@settings(max_examples=1_000)
@given(any_credentials, any_request, st.binary(max_size=30))
@example(Credentials("id", "key", "token/+="), (f"http://minio:9000{EDGES.path}", EDGES, EDGE_QUERY), b"")
def test_signed_headers_equal_those_of_botocore(
    credentials: Credentials, case: tuple[str, HttpRequest, dict[str, str]], body: bytes
) -> None:
    url, request, query = case
    headers = {name: text for name, text in request.headers.items() if name != "host"}
    expected = AWSRequest(request.method, url, headers, body, params=query)
    S3SigV4Auth(botocore_credentials(credentials), "s3", REGION).add_auth(expected)

    now = time_of(expected.headers["X-Amz-Date"])
    signed = Signer(REGION).sign(credentials, now, request, sha256(body).hexdigest())

    for name in ("Authorization", "X-Amz-Content-SHA256", "X-Amz-Security-Token"):
        assert signed.headers.get(name.lower()) == expected.headers.get(name)


@settings(max_examples=1_000)
@given(credentials=any_credentials, endpoint=any_endpoint, key=keys, query=any_query, seconds=st.integers(1, 604_800))
def test_presigned_url_equals_that_of_botocore(
    credentials: Credentials, endpoint: Endpoint, key: str, query: dict[str, str], seconds: int
) -> None:
    path = endpoint.path("bucket", key)
    expected = AWSRequest("GET", endpoint.url("bucket", f"{path}?{encode_query(query)}" if query else path))
    S3SigV4QueryAuth(botocore_credentials(credentials), "s3", REGION, expires=seconds).add_auth(expected)
    wanted = urlsplit(str(expected.url))
    now = time_of(dict(parse_qsl(wanted.query))["X-Amz-Date"])

    request = HttpRequest("GET", path, encode_query(query), {"host": endpoint.host_header("bucket")})
    url = urlsplit(endpoint.url("bucket", Signer(REGION).presign(credentials, now, request, seconds)))

    assert (url.scheme, url.netloc, url.path) == (wanted.scheme, wanted.netloc, wanted.path)
    assert sorted(parse_qsl(url.query, True)) == sorted(parse_qsl(wanted.query, True))


@given(keys)
@example(EVERY_BYTE)
def test_path_encoding_equals_that_of_botocore(key: str) -> None:
    assert encode_path(key) == percent_encode(key, safe="/~")


def test_signing_key_is_renewed_for_another_day_and_secret() -> None:
    request = HttpRequest("GET", "/bucket/a", "", {"host": "minio:9000"})
    shared = Signer(REGION)
    for secret in ("one", "two"):
        for day in (25, 26):
            arguments = (Credentials("id", secret), datetime(2026, 1, day, tzinfo=UTC), request, UNSIGNED_PAYLOAD)
            assert shared.sign(*arguments) == Signer(REGION).sign(*arguments)


def test_credentials_have_no_secret_in_their_representation() -> None:
    assert repr(Credentials("id", "hunter2", "hunter3")) == "Credentials(access_key='id')"

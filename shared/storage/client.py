"""The S3 client: the operations that this project needs, by their names in the S3 API.

Each method raises S3Error if the server rejects the request or does not respond in time. A method that changes an
object may have done so nevertheless.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import md5

from shared.config.settings import Settings
from shared.errors import SettingsError
from shared.storage import credentials as credential_sources
from shared.storage import xml_documents
from shared.storage.connection import Body, Connections, HttpResponse, Timeouts
from shared.storage.credentials import CredentialSource
from shared.storage.endpoint import Endpoint
from shared.storage.errors import S3Error
from shared.storage.request import RequestSender, S3Request
from shared.storage.signature import UNSIGNED_PAYLOAD, HttpRequest, encode_query
from shared.storage.xml_documents import ListPage


@dataclass(frozen=True)
class StoredObject:
    """The body of an object and its entity tag, which a compare-and-swap requires."""

    body: bytes
    etag: str


class S3Client:
    """A client for one S3 server. All threads share it."""

    def __init__(
        self,
        endpoint: Endpoint,
        region: str,
        credentials: CredentialSource,
        *,
        public_endpoint: Endpoint | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
        connections: Connections | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._public_endpoint = public_endpoint or endpoint
        self._credentials = credentials
        self._connections = connections or Connections(endpoint, timeouts)
        self._sender = RequestSender(endpoint, region, credentials, self._connections, sleep)

    def get_object(self, bucket: str, key: str, *, if_none_match: str = "") -> StoredObject:
        """Return the object. With `if_none_match`, an object with this entity tag is an S3Error with status 304."""
        headers = {"if-none-match": if_none_match} if if_none_match else {}
        request = S3Request("GetObject", "GET", bucket, key, headers=headers)
        return self._sender.send(request, lambda response: StoredObject(response.body, _etag(response)))

    def head_object(self, bucket: str, key: str) -> None:
        """Check that the object exists."""
        self._sender.send(S3Request("HeadObject", "HEAD", bucket, key), _ignore)

    def put_object(
        self,
        bucket: str,
        key: str,
        body: Body,
        content_type: str,
        *,
        if_none_match: str = "",
        if_match: str = "",
        sha256: str = "",
    ) -> str:
        """Write the object and return its entity tag. `sha256` is the hex digest of the body, if it is known."""
        conditions = {"if-none-match": if_none_match, "if-match": if_match}
        headers = {"content-type": content_type} | {name: etag for name, etag in conditions.items() if etag}
        return self._sender.send(S3Request("PutObject", "PUT", bucket, key, {}, headers, body, sha256), _etag)

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete the object if it exists."""
        self._sender.send(S3Request("DeleteObject", "DELETE", bucket, key), _ignore)

    def delete_objects(self, bucket: str, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects. Raises S3Error with the first failure."""
        body = xml_documents.delete_document(keys)
        # The API requires a checksum; servers older than 2025 support no other.
        headers = {"content-md5": b64encode(md5(body, usedforsecurity=False).digest()).decode()}
        request = S3Request("DeleteObjects", "POST", bucket, query={"delete": ""}, headers=headers, body=body)
        self._sender.send(request, lambda response: xml_documents.check_delete_result(response.body))

    def list_objects(
        self, bucket: str, prefix: str, *, token: str = "", after: str = "", limit: int | None = None
    ) -> ListPage:
        """Return a page of keys in order: those of the next page by its `token`, or those that follow `after`."""
        query = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        optional = {"continuation-token": token, "start-after": after, "max-keys": "" if limit is None else str(limit)}
        query |= {name: text for name, text in optional.items() if text}
        request = S3Request("ListObjectsV2", "GET", bucket, query=query)
        return self._sender.send(request, lambda response: xml_documents.parse_list_page(response.body))

    def create_multipart_upload(self, bucket: str, key: str, content_type: str) -> str:
        """Start an upload and return its id."""
        headers = {"content-type": content_type}
        request = S3Request("CreateMultipartUpload", "POST", bucket, key, {"uploads": ""}, headers)
        return self._sender.send(request, lambda response: xml_documents.parse_upload_id(response.body))

    def upload_part(self, bucket: str, key: str, upload_id: str, number: int, body: Body) -> str:
        """Upload part `number` (from 1) and return its entity tag. The signature does not cover the body."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        # Without a type, SeaweedFS detects text and compresses each part, which takes a third of its processor time.
        headers = {"content-type": "binary/octet-stream"}
        request = S3Request("UploadPart", "PUT", bucket, key, query, headers, body, UNSIGNED_PAYLOAD)
        return self._sender.send(request, _etag)

    def complete_multipart_upload(self, bucket: str, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Create the object from the parts with these entity tags, in order."""
        body = xml_documents.complete_document(etags)
        headers = {"content-type": "application/xml"}
        request = S3Request("CompleteMultipartUpload", "POST", bucket, key, {"uploadId": upload_id}, headers, body)
        self._sender.send(request, _check_completed)

    def abort_multipart_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Delete the upload and its parts."""
        self._sender.send(S3Request("AbortMultipartUpload", "DELETE", bucket, key, {"uploadId": upload_id}), _ignore)

    def list_multipart_uploads(self, bucket: str, prefix: str) -> list[tuple[str, str]]:
        """Return key and id of all unfinished uploads whose key starts with `prefix`."""
        found: list[tuple[str, str]] = []
        marker: dict[str, str] = {}
        while True:
            query = {"uploads": "", "encoding-type": "url", "prefix": prefix, **marker}
            request = S3Request("ListMultipartUploads", "GET", bucket, query=query)
            uploads, marker = self._sender.send(request, lambda response: xml_documents.parse_uploads(response.body))
            found += uploads
            if not marker:
                return found

    def presign(self, method: str, bucket: str, key: str, query: dict[str, str], expires_seconds: int) -> str:
        """Return a URL on the public endpoint that is valid for one method. Sends no request."""
        endpoint = self._public_endpoint
        headers = {"host": endpoint.host_header(bucket)}
        request = HttpRequest(method, endpoint.path(bucket, key), encode_query(query), headers)
        target = self._sender.signer.presign(self._credentials(), self._sender.now(), request, expires_seconds)
        return endpoint.url(bucket, target)

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()


def client(
    settings: Settings,
    credentials: CredentialSource | None = None,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
    connections: Connections | None = None,
) -> S3Client:
    """Create the client of the settings. `credentials` default to those of the settings, `connections` to new ones.

    Raises SettingsError for an invalid proxy, certificate file or profile, and for an IP address in virtual-host style.
    """
    endpoint, public_endpoint = Endpoint.of_settings(settings), Endpoint.of_presigned_urls(settings)
    if endpoint.is_virtual_host_style and (endpoint.is_ip_address or public_endpoint.is_ip_address):
        raise SettingsError("S3_ADDRESSING_STYLE: virtual needs endpoints with host names, not IP addresses")
    return S3Client(
        endpoint,
        settings.AWS_REGION,
        credentials or credential_sources.of_settings(settings),
        public_endpoint=public_endpoint,
        timeouts=timeouts,
        connections=connections,
    )


def _ignore(_: HttpResponse) -> None:
    return


def _etag(response: HttpResponse) -> str:
    """Return the entity tag. A page of a server that is not S3 has none."""
    etag = response.headers.get("etag")
    if not etag:
        raise S3Error(response.status, "MissingETag")
    return etag


def _check_completed(response: HttpResponse) -> None:
    """Raise S3Error for an error that the server found after it had sent status 200."""
    if xml_documents.is_error(response.body):
        raise S3Error(500, xml_documents.error_code(response.body) or "500")

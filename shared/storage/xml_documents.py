"""The XML documents of S3: listings, uploads, deletions and errors."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from shared.storage.errors import S3Error

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,64})\s*</Code>")
_REGION = re.compile(rb"<Region>\s*([a-z0-9-]{1,63})\s*</Region>")
_ERROR = re.compile(rb"\s*(<\?xml[^>]*\?>)?\s*<Error[\s>]")


@dataclass(frozen=True)
class ObjectSummary:
    """The key of an object and its last modification, by the clock of the storage."""

    key: str
    last_modified: datetime


@dataclass(frozen=True)
class ListPage:
    """A page of a listing: keys, times as text, and the token of the next page, None on the last one."""

    keys: list[str]
    modified: list[str]
    next_token: str | None

    def summaries(self) -> list[ObjectSummary]:
        """Return the objects with their times."""
        times = map(datetime.fromisoformat, self.modified)
        return [ObjectSummary(key, time) for key, time in zip(self.keys, times, strict=True)]


def error_code(body: bytes) -> str:
    """Return the code of an error document, or ""."""
    found = _CODE.search(body)
    return found[1].decode() if found else ""


def error_region(body: bytes) -> str:
    """Return the region that an error document names, or ""."""
    found = _REGION.search(body)
    return found[1].decode() if found else ""


def is_error(body: bytes) -> bool:
    """Whether a response with status 200 is an error document."""
    return _ERROR.match(body) is not None


def parse_list_page(body: bytes) -> ListPage:
    """Parse a ListBucketResult. Raises S3Error if the body is none."""
    page = _parse(body, "ListBucketResult")
    namespace = page.tag.removesuffix("ListBucketResult")
    keys = [item.text or "" for item in page.iterfind(f"{namespace}Contents/{namespace}Key")]
    if page.findtext(f"{namespace}EncodingType") == "url":
        keys = [unquote_plus(key) for key in keys]
    modified = [item.text or "" for item in page.iterfind(f"{namespace}Contents/{namespace}LastModified")]
    token = page.findtext(f"{namespace}NextContinuationToken")
    return ListPage(keys, modified, token if page.findtext(f"{namespace}IsTruncated") == "true" else None)


def parse_upload_id(body: bytes) -> str:
    """Parse an InitiateMultipartUploadResult. Raises S3Error if the body is none."""
    result = _parse(body, "InitiateMultipartUploadResult")
    return result.findtext("{*}UploadId") or ""


def parse_uploads(body: bytes) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Parse a ListMultipartUploadsResult.

    Returns the key and the id of each upload, and the query of the next page, empty on the last one.
    """
    result = _parse(body, "ListMultipartUploadsResult")
    is_encoded = result.findtext("{*}EncodingType") == "url"
    decode = unquote_plus if is_encoded else str
    uploads = [
        (decode(item.findtext("{*}Key") or ""), item.findtext("{*}UploadId") or "")
        for item in result.iterfind("{*}Upload")
    ]
    if result.findtext("{*}IsTruncated") != "true":
        return uploads, {}
    return uploads, {
        "key-marker": decode(result.findtext("{*}NextKeyMarker") or ""),
        "upload-id-marker": result.findtext("{*}NextUploadIdMarker") or "",
    }


def check_delete_result(body: bytes) -> None:
    """Raise S3Error with the code of the first object that was not deleted."""
    result = _parse(body, "DeleteResult")
    if (code := result.findtext("{*}Error/{*}Code")) is not None:
        raise S3Error(200, code or "DeleteObjects")


def delete_document(keys: Iterable[str]) -> bytes:
    """Return a Delete document, whose response names only failures."""
    objects = "".join(f"<Object><Key>{_escape(key)}</Key></Object>" for key in keys)
    return f"<Delete>{objects}<Quiet>true</Quiet></Delete>".encode()


def complete_document(etags: Iterable[str]) -> bytes:
    """Return a CompleteMultipartUpload document for the parts 1, 2, …"""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{_escape(etag)}</ETag></Part>"
        for number, etag in enumerate(etags, 1)
    )
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<CompleteMultipartUpload xmlns="{namespace}">{parts}</CompleteMultipartUpload>'.encode()


def _escape(text: str) -> str:
    """Escape text for XML. Line ends and tabs need references, since parsers normalize them."""
    for character in '&<>"\r\n\t':
        text = text.replace(character, f"&#{ord(character)};")
    return text


def _parse(body: bytes, name: str) -> "Element":
    """Parse a document. A page of a server that is not S3 must not count as an empty result."""
    from xml.etree.ElementTree import ParseError, fromstring  # noqa: PLC0415 - status and submit parse no documents

    try:
        root = fromstring(body)  # noqa: S314 - from our own storage; expat refuses entity bombs
    except ParseError:
        raise S3Error(500 if body else 200, "ParseError") from None  # a retry may help if the body is truncated
    if root.tag.rpartition("}")[2] != name:
        raise S3Error(200, "ParseError")
    return root

"""XML documents of S3."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.storage import xml_documents
from shared.storage.errors import S3Error

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
# The characters of XML 1.0, without its line ends, which tests below cover.
texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@pytest.mark.parametrize("namespace", ["", NAMESPACE])
def test_list_page_has_keys_times_and_the_next_token(namespace: str) -> None:
    page = xml_documents.parse_list_page(
        f"""<?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult {namespace}><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>
        <Contents><Key>a%2Bb+c/%C3%BC</Key><LastModified>2026-01-25T01:02:03.004Z</LastModified></Contents>
        <NextContinuationToken>to+ken</NextContinuationToken></ListBucketResult>""".encode()
    )
    assert (page.keys, page.next_token) == (["a+b c/ü"], "to+ken")
    (summary,) = page.summaries()
    assert (summary.key, summary.last_modified.isoformat()) == ("a+b c/ü", "2026-01-25T01:02:03.004000+00:00")


def test_keys_without_encoding_are_taken_as_they_are() -> None:
    body = (
        b"<ListBucketResult><Contents><Key>a%2Bb+c</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>"
    )
    page = xml_documents.parse_list_page(body)
    assert (page.keys, page.next_token) == (["a%2Bb+c"], None)


@pytest.mark.parametrize(("body", "status"), [(b"<html", 500), (b"", 200), (b"<html>Sign in</html>", 200)])
def test_body_that_is_no_listing_is_an_error_that_is_retried_if_truncated(body: bytes, status: int) -> None:
    for parse in (xml_documents.parse_list_page, xml_documents.parse_upload_id, xml_documents.check_delete_result):
        with pytest.raises(S3Error, match="ParseError") as raised:
            parse(body)
        assert raised.value.status == status


def test_entity_bomb_is_rejected() -> None:
    entities = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 10}">' for number in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "0123456789">{entities}]><ListBucketResult>&e11;</ListBucketResult>'
    with pytest.raises(S3Error, match="ParseError"):
        xml_documents.parse_list_page(bomb.encode())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<Error><Code>NoSuchKey</Code><Message>text</Message></Error>", "NoSuchKey"),
        (b"<Error><Message>text</Message><Code> SlowDown </Code></Error>", "SlowDown"),
        (b"<html><h1>404</h1></html>", ""),
        (b"<Code>with secret text</Code>", ""),
        (b"", ""),
    ],
)
def test_error_code_is_read_from_an_error_document(body: bytes, code: str) -> None:
    assert xml_documents.error_code(body) == code


def test_uploads_have_keys_and_the_markers_of_the_next_page() -> None:
    body = f"""<ListMultipartUploadsResult {NAMESPACE}><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
        <NextKeyMarker>a%20b</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker>
        <Upload><Key>a+b</Key><UploadId>1</UploadId></Upload><Upload><Key>a%20b</Key><UploadId>2</UploadId></Upload>
        </ListMultipartUploadsResult>"""
    uploads, marker = xml_documents.parse_uploads(body.encode())
    assert uploads == [("a b", "1"), ("a b", "2")]
    assert marker == {"key-marker": "a b", "upload-id-marker": "2"}


@given(st.lists(texts, max_size=5))
def test_documents_contain_all_keys_and_entity_tags(names: list[str]) -> None:
    deleted = fromstring(xml_documents.delete_document(names))
    assert [item.text or "" for item in deleted.iterfind("Object/Key")] == names
    completed = fromstring(xml_documents.complete_document(names))
    assert [item.text or "" for item in completed.iterfind("{*}Part/{*}ETag")] == names
    assert [item.text for item in completed.iterfind("{*}Part/{*}PartNumber")] == [
        str(number) for number in range(1, len(names) + 1)
    ]


def test_line_ends_and_tabs_of_keys_are_preserved() -> None:
    names = ["a\nb", "a\rb", "a\tb", 'a"&<>b']
    assert [item.text for item in fromstring(xml_documents.delete_document(names)).iterfind("Object/Key")] == names

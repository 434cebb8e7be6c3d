"""Whatever settings accept, the library that uses them accepts."""

import json
from urllib.parse import unquote, urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.config.settings import Settings
from shared.errors import SettingsError
from tests.unit.test_setting_values import (
    ENVIRON,
    KEYS,
    database,
    extends_events,
    outcome,
    sent,
    signs_for_its_endpoint,
    started,
)

_HOSTS = st.from_regex(r"(?a)[A-Za-z0-9_.-]{1,20}|\[[0-9a-f:.]{2,20}\]", fullmatch=True)
_ANY_URL = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://", "http:", "http:///", "ftp://", "http://user@"]),
    _HOSTS | st.text(max_size=8),
    st.sampled_from(["", ":9000", ":", ":0", ":65535", ":99999"]) | st.text(max_size=4),
    st.from_regex(r"(?a)(/[!-~]{0,10})?", fullmatch=True) | st.text(max_size=8),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
@given(_ANY_URL.filter(lambda text: isinstance(outcome(ENVIRON | {"AWS_ENDPOINT_URL_S3": text}), Settings)))
def test_whatever_is_accepted_as_endpoint_botocore_signs_for(endpoint: str) -> None:
    signs_for_its_endpoint(started(ENVIRON | {"AWS_ENDPOINT_URL_S3": endpoint}))


@given(_ANY_URL)
def test_whatever_is_accepted_as_sink_urllib3_sends_to(url: str) -> None:
    if not isinstance(outcome(ENVIRON | {"K_SINK": url}), str):
        host = (urlsplit(url.strip()).hostname or "").encode()
        assert host in sent(url.strip()).lower().partition(b"\r\n\r\n")[0]
        if not host.startswith(b"["):
            host.decode().encode("idna")  # as the resolver does


@given(st.text(st.characters(exclude_characters="=", exclude_categories=["Cs", "Cc"]), max_size=20))
def test_a_password_in_a_url_is_that_password_or_refused(password: str) -> None:
    try:
        found = started(KEYS | {"DATABASE_URL": f"postgresql://u:{password}@db.example:6432/x"})
    except SettingsError as exc:
        assert str(exc).startswith("DATABASE_URL: ")  # noqa: PT017 - either is right
        return
    parsed = database(found)
    assert (parsed["host"], parsed["port"], parsed["dbname"]) == ("db.example", "6432", "x")
    assert parsed.get("password", "") == unquote(password)


@given(
    st.text(max_size=60) | st.recursive(st.none() | st.text(), lambda x: st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_whatever_is_accepted_as_overrides_an_event_carries(text: str) -> None:
    found = outcome(ENVIRON | {"K_CE_OVERRIDES": text})
    if isinstance(found, Settings):
        extends_events(found)

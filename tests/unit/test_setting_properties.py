"""Property tests: libraries accept all values that settings accept."""

import json
from urllib.parse import unquote, urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.config.settings import Settings
from shared.errors import SettingsError
from tests.unit.setting_uses import check_event_extensions, check_signed_host, connection_parameters, send
from tests.unit.test_setting_values import ENVIRON, KEYS, load, outcome

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
def test_signed_host_is_sent_for_each_accepted_endpoint(endpoint: str) -> None:
    check_signed_host(load(ENVIRON | {"AWS_ENDPOINT_URL_S3": endpoint}))


@given(_ANY_URL)
def test_urllib3_sends_to_each_accepted_sink(url: str) -> None:
    if not isinstance(outcome(ENVIRON | {"K_SINK": url}), str):
        host = (urlsplit(url.strip()).hostname or "").rstrip(".").encode()  # urllib3 sends the name without the dot
        assert host in send(url.strip()).lower().partition(b"\r\n\r\n")[0]
        if not host.startswith(b"["):
            host.decode().encode("idna")  # as the resolver does


@given(st.text(st.characters(exclude_characters="=", exclude_categories=["Cs", "Cc"]), max_size=20))
def test_password_in_url_is_parsed_or_rejected(password: str) -> None:
    try:
        loaded = load(KEYS | {"DATABASE_URL": f"postgresql://u:{password}@db.example:6432/x"})
    except SettingsError as exc:
        assert str(exc).startswith("DATABASE_URL: ")  # noqa: PT017 - an error is valid, too
        return
    parsed = connection_parameters(loaded)
    assert (parsed["host"], parsed["port"], parsed["dbname"]) == ("db.example", "6432", "x")
    assert parsed.get("password", "") == unquote(password)


@given(
    st.text(max_size=60) | st.recursive(st.none() | st.text(), lambda x: st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_events_carry_all_accepted_overrides(text: str) -> None:
    loaded = outcome(ENVIRON | {"K_CE_OVERRIDES": text})
    if isinstance(loaded, Settings):
        check_event_extensions(loaded)

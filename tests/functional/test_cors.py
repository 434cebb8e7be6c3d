"""What pages of other origins may do."""

import pytest
from flask.testing import FlaskClient

from shared.config.settings import read
from shared.errors import SettingsError
from shared.http.cors import EXPOSED_HEADERS, Cors
from shared.http.service import Options
from tests.contract.world import World

PAGE = "https://maps.example"
QUESTION = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@pytest.fixture
def client() -> FlaskClient:
    return World(Options(cors=Cors(frozenset({"http://localhost:5173", PAGE})))).client(3)


def cors(answer: object) -> dict[str, str]:
    headers = dict(answer.headers)  # type: ignore[attr-defined] # of a response
    return {name: text for name, text in headers.items() if name.startswith(("Access-Control", "Vary"))}


def test_a_page_that_is_named_may_ask_and_sees_what_it_needs(client: FlaskClient) -> None:
    for path, status in (("/api/distance/jobs", 200), ("/api/distance/jobs?limit=0", 400)):
        answer = client.get(path, headers={"Origin": PAGE})
        assert answer.status_code == status
        assert cors(answer) == {
            "Access-Control-Allow-Origin": PAGE,
            "Access-Control-Expose-Headers": EXPOSED_HEADERS,
            "Vary": "Origin",
        }


def test_its_browser_asks_first(client: FlaskClient) -> None:
    answer = client.options("/api/distance/jobs", headers=QUESTION)
    told = cors(answer)
    assert (answer.status_code, answer.data) == (204, b"")
    assert told["Access-Control-Allow-Origin"] == PAGE
    assert "Idempotency-Key" in told["Access-Control-Allow-Headers"]
    assert told["Access-Control-Allow-Methods"] == "GET, POST, DELETE"
    assert "Access-Control-Allow-Credentials" not in told


@pytest.mark.parametrize("origin", ["https://maps.example.evil", "http://maps.example", "null", ""])
def test_others_get_no_word_of_it(client: FlaskClient, origin: str) -> None:
    assert cors(client.get("/api/distance/jobs", headers={"Origin": origin})) == {"Vary": "Origin"}
    assert cors(client.options("/api/distance/jobs", headers=QUESTION | {"Origin": origin})) == {"Vary": "Origin"}


def test_without_a_question_options_is_a_method_like_others(client: FlaskClient) -> None:
    assert client.options("/api/distance/jobs", headers={"Origin": PAGE}).status_code == 405


def test_it_is_off_unless_it_is_asked_for() -> None:
    answer = World().client(3).get("/api/distance/jobs", headers={"Origin": PAGE})
    assert cors(answer) == {}
    assert read(KEYS, "list").cors_origins == frozenset()
    assert read({**KEYS, "CORS_ORIGINS": PAGE}, "list").cors_origins == {PAGE}


@pytest.mark.parametrize("text", ["*", "maps.example", "https://maps.example/path", f"{PAGE};{PAGE}", ","])
def test_what_is_no_origin_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS: expected comma-separated origins"):
        read({**KEYS, "CORS_ORIGINS": text}, "list")

"""Cross-origin requests."""

import pytest
from flask.testing import FlaskClient

from shared.config.settings import read
from shared.errors import SettingsError
from shared.http.cors import EXPOSED_HEADERS, Cors
from shared.http.service import Options
from tests.contract.world import World

PAGE = "https://maps.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@pytest.fixture
def client() -> FlaskClient:
    return World(Options(cors=Cors(frozenset({"http://localhost:5173", PAGE})))).client(3)


def cors_headers(response: object) -> dict[str, str]:
    headers = dict(response.headers)  # type: ignore[attr-defined] # of a response
    return {name: text for name, text in headers.items() if name.startswith(("Access-Control", "Vary"))}


def test_allowed_origin_gets_cors_headers(client: FlaskClient) -> None:
    responses = {"/api/distance/jobs": 200, "/api/distance/jobs?limit=0": 400, "/api/distance/days": 400}
    for path, status in responses.items():
        response = client.get(path, headers={"Origin": PAGE})
        assert response.status_code == status
        assert cors_headers(response) == {
            "Access-Control-Allow-Origin": PAGE,
            "Access-Control-Expose-Headers": EXPOSED_HEADERS,
            "Vary": "Origin",
        }


def test_preflight_of_allowed_origin(client: FlaskClient) -> None:
    response = client.options("/api/distance/jobs", headers=PREFLIGHT)
    headers = cors_headers(response)
    assert (response.status_code, response.data) == (204, b"")
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert "Idempotency-Key" in headers["Access-Control-Allow-Headers"]
    assert headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE"
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("origin", ["https://maps.example.evil", "http://maps.example", "null", ""])
def test_other_origins_get_no_cors_headers(client: FlaskClient, origin: str) -> None:
    assert cors_headers(client.get("/api/distance/jobs", headers={"Origin": origin})) == {"Vary": "Origin"}
    assert cors_headers(client.options("/api/distance/jobs", headers=PREFLIGHT | {"Origin": origin})) == {
        "Vary": "Origin"
    }


def test_options_without_preflight_headers_is_405(client: FlaskClient) -> None:
    assert client.options("/api/distance/jobs", headers={"Origin": PAGE}).status_code == 405


def test_cors_is_disabled_by_default() -> None:
    response = World().client(3).get("/api/distance/jobs", headers={"Origin": PAGE})
    assert cors_headers(response) == {}
    assert read(KEYS, "list").cors_origins == frozenset()
    assert read({**KEYS, "CORS_ORIGINS": PAGE}, "list").cors_origins == {PAGE}


@pytest.mark.parametrize("text", ["*", "maps.example", "https://maps.example/path", f"{PAGE};{PAGE}", ","])
def test_invalid_origin_is_a_settings_error(text: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS: expected comma-separated origins"):
        read({**KEYS, "CORS_ORIGINS": text}, "list")

"""The settings of the web page."""

from dataclasses import dataclass

from shared.config import types
from shared.config.types import setting

_BASE_URL = "URL of {} as browsers reach it, without /api/distance. Default: the origin and path of the page."


@dataclass(frozen=True)
class PageSettings:
    """Where the page finds the API, and the map tiles (docs/guides/web-page.md)."""

    SUBMIT_URL: str | None = setting(types.base_url, None, _BASE_URL.format("submit"))
    STATUS_URL: str | None = setting(types.base_url, None, _BASE_URL.format("status"))
    LIST_URL: str | None = setting(types.base_url, None, _BASE_URL.format("list"))
    MAP_TILES_URL: str | None = setting(
        types.tiles_url,
        None,
        "URL template of map tiles with {z}, {x} and {y}. Without it, the map has no tiles. The tile server learns "
        "which places are looked at.",
    )
    MAP_ATTRIBUTION: str | None = setting(types.text, None, "Attribution that the tile server requires, as plain text.")

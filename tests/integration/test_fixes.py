"""The fixes of a day, from a real PostgreSQL as installations have it."""

import math
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from functions.calculate.blocks import NULL, ROWS, Block
from functions.calculate.csv_rows import CsvRows
from functions.calculate.distance import DayNumbers
from functions.calculate.fixes import FixSource
from local import postgres
from shared import days
from shared.errors import SettingsError, Unavailable
from shared.models import Home, Numbers
from shared.settings import Settings
from tests.integration.conftest import SCHEMA, free_port

START = datetime(2026, 1, 25, tzinfo=UTC)
END = START + timedelta(days=1)
HOME = Home(latitude=40.736097, longitude=-74.039373)


def source(url: str, **settings: object) -> FixSource:
    return FixSource(Settings.model_validate({"DATABASE_URL": url, **settings}))


def read(fixes: FixSource, start: datetime = START, end: datetime = END, device_id: str = "") -> list[Block]:
    with fixes.of_day(start, end, device_id) as blocks:
        return list(blocks)


def rows(found: list[Block]) -> list[tuple[datetime, str, float, float, int | None, int | None, int | None]]:
    def value(number: int) -> int | None:
        return None if number == NULL else number

    return [
        (
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(block.time_us[n])),
            block.devices[block.device[n]],
            float(block.latitude[n]),
            float(block.longitude[n]),
            *(value(int(column[n])) for column in (block.accuracy, block.battery, block.velocity)),
        )
        for block in found
        for n in range(len(block))
    ]


def insert(url: str, *values: tuple[object, ...], columns: str = "created_at, device_id, latitude, longitude") -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        marks = ", ".join(["%s"] * len(values[0]))
        connection.cursor().executemany(
            f'INSERT INTO locations ("timestamp", {columns}) VALUES (now(), {marks})',
            values,
        )


def fill(url: str, count: int, seconds: float = 86_400) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            INSERT INTO locations (device_id, latitude, longitude, accuracy, battery, velocity, "timestamp", created_at)
            SELECT CASE WHEN n %% 3 = 0 THEN 'garmin' ELSE 'iphone_stuart' END, 40.7 + sin(n / 500.0) / 50,
                   -74.0 + cos(n / 700.0) / 50, nullif(n %% 40, 0), 100 - n %% 100, n %% 120, t, t
            FROM (SELECT n, timestamptz '2026-01-25 00:00Z' + n * interval '1 second' * %s / %s AS t
                  FROM generate_series(0, %s - 1) AS n) AS made
            """,
            [seconds, count, count],
        )
        connection.execute("ANALYZE locations")


def numbers(found: list[Block]) -> tuple[Numbers, bytes]:
    adding, csv = DayNumbers(HOME, 0.5), CsvRows()
    text = b"".join(bytes(csv.of(adding.add(block))) for block in found)
    return adding.numbers(), text


def test_every_column_arrives_as_it_was_stored(database_url: str) -> None:
    at = START + timedelta(hours=1, microseconds=123456)
    insert(
        database_url,
        (at, "p", 40.5, -74.25, 5, 90, 12),
        (at + timedelta(seconds=1), "q", -1e-9, 180.0, None, None, None),
        columns="created_at, device_id, latitude, longitude, accuracy, battery, velocity",
    )
    assert rows(read(source(database_url))) == [
        (at, "p", 40.5, -74.25, 5, 90, 12),
        (at + timedelta(seconds=1), "q", -1e-9, 180.0, None, None, None),
    ]


def test_a_day_is_half_open_and_ordered_by_time_then_id(database_url: str) -> None:
    noon = START + timedelta(hours=12)
    insert(
        database_url,
        (END, "end", 1, 1),
        (noon, "second", 1, 1),
        (START, "start", 1, 1),
        (noon, "third", 1, 1),
        (START - timedelta(microseconds=1), "before", 1, 1),
        (END - timedelta(microseconds=1), "last", 1, 1),
    )
    assert [row[1] for row in rows(read(source(database_url)))] == ["start", "second", "third", "last"]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_of_23_or_25_hours_is_read_whole(database_url: str, day: date, hours: int) -> None:
    start, end = days.interval(day, "Europe/Berlin")
    insert(database_url, *((start + timedelta(hours=n), "p", 1, 1) for n in range(-2, 28)))
    assert len(rows(read(source(database_url), start, end))) == hours


def test_one_device_is_read_alone(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1), (START, "q", 2, 2), (START, "P", 3, 3))
    assert [row[1] for row in rows(read(source(database_url), device_id="p"))] == ["p"]
    assert read(source(database_url), device_id="none") == []


def test_a_device_id_is_never_part_of_the_statement(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    assert read(source(database_url), device_id="x' OR 'a'='a") == []


@pytest.mark.parametrize("device", ['a,"b"', "line\nbreak", "ü€𝄞", "x" * 100, "%s %d {}", "\\N", "a'b"])
def test_any_text_is_a_device(database_url: str, device: str) -> None:
    insert(database_url, (START, device, 1, 1), (START, "p", 1, 1))
    assert [row[1] for row in rows(read(source(database_url)))] == [device, "p"]
    assert len(rows(read(source(database_url), device_id=device))) == 1


def test_the_day_column_may_be_the_time_of_the_fix(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            'INSERT INTO locations (device_id, latitude, longitude, "timestamp", created_at) VALUES (%s, 1, 1, %s, %s)',
            ["p", START, END],
        )
    assert read(source(database_url)) == []
    assert rows(read(source(database_url, DAY_COLUMN="timestamp")))[0][0] == START


LOOSE = SCHEMA.replace(" NOT NULL,", ",").replace(" NOT NULL", "")
WITHOUT_ZONE = SCHEMA.replace("created_at timestamptz", "created_at timestamp")
DOUBLES = SCHEMA.replace("accuracy integer", "accuracy double precision").replace(
    "velocity integer", "velocity double precision"
)


def test_places_that_are_null_or_none_are_left_out_and_counted(new_database: Callable[[str], str]) -> None:
    url = new_database(LOOSE)
    bad: list[tuple[object, object]] = [(None, 1), (1, None), (math.nan, 1), (1, math.inf), (91, 1), (1, -181)]
    insert(url, *((START, "p", *place) for place in bad), (START, "p", 1, 1))
    found, text = numbers(read(source(url)))
    assert (found.total_locations, found.rejected_locations, text.count(b"\n")) == (1, 6, 1)


def test_a_column_without_zone_is_taken_as_utc(new_database: Callable[[str], str]) -> None:
    url = new_database(WITHOUT_ZONE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'Asia/Tokyo'")
        connection.execute("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")
        try:
            insert(url, *((f"2026-01-25 {hour:02d}:00:00", "p", 1, 1) for hour in range(24)))
            found = rows(read(source(url)))
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET timezone")
    assert [row[0] for row in found] == [START + timedelta(hours=hour) for hour in range(24)]


def test_doubles_are_rounded_to_integers(new_database: Callable[[str], str]) -> None:
    url = new_database(DOUBLES)
    columns = "created_at, device_id, latitude, longitude, accuracy, velocity"
    insert(url, (START, "p", 1, 1, 4.5, 5.5), (START, "p", 1, 1, -0.4, None), columns=columns)
    assert [(row[4], row[6]) for row in rows(read(source(url)))] == [(4, 6), (0, None)]


def test_what_no_integer_can_be_takes_the_general_path_from_where_it_stands(new_database: Callable[[str], str]) -> None:
    plain, odd = new_database(DOUBLES), new_database(DOUBLES)
    count = ROWS + ROWS // 2
    for url in (plain, odd):
        fill(url, count)
    with psycopg.connect(odd, autocommit=True) as connection:
        connection.execute("UPDATE locations SET accuracy = 1e12 WHERE id = %s", [count - 5])
        connection.execute("UPDATE locations SET accuracy = 'NaN', velocity = 'inf' WHERE id = %s", [count - 2])
        connection.execute("UPDATE locations SET accuracy = NULL, velocity = NULL WHERE id = %s", [count - 1])
    expected, found = rows(read(source(plain))), rows(read(source(odd)))
    expected[count - 6] = (*expected[count - 6][:4], 10**12, *expected[count - 6][5:])
    for n in (count - 3, count - 2):
        expected[n] = (*expected[n][:4], None, expected[n][5], None)
    assert found == expected


def test_the_general_path_gives_the_very_same_bytes(new_database: Callable[[str], str]) -> None:
    plain, odd = new_database(DOUBLES), new_database(DOUBLES)
    for url in (plain, odd):
        fill(url, 3000)
    with psycopg.connect(odd, autocommit=True) as connection:
        connection.execute("UPDATE locations SET accuracy = 'NaN' WHERE id = 1")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("UPDATE locations SET accuracy = NULL WHERE id = 1")
    assert numbers(read(source(plain))) == numbers(read(source(odd)))


def test_a_device_that_is_null_or_empty_is_read_all_the_same(new_database: Callable[[str], str]) -> None:
    url = new_database(LOOSE)
    insert(url, (START, "p", 1, 1), (START, None, 1, 1), (START, "", 1, 1), (START, "q", 1, 1))
    assert [row[1] for row in rows(read(source(url)))] == ["p", "", "", "q"]


@pytest.mark.parametrize("schema", [SCHEMA, WITHOUT_ZONE])
def test_a_day_is_found_by_the_index(new_database: Callable[[str], str], schema: str) -> None:
    url = new_database(schema)
    fill(url, 50_000, seconds=86_400 * 40)
    where = source(url)._range(START, END, "")
    with psycopg.connect(url) as connection:
        query = f"EXPLAIN SELECT 1 FROM locations WHERE {where.as_string(connection)} ORDER BY created_at, id"
        plan = "\n".join(row[0] for row in connection.execute(query))
    assert "Scan on locations_created_at_id" in plan or "Scan using locations_created_at_id" in plan
    assert "Index Cond: ((created_at >= " in plan
    assert "Seq Scan" not in plan


def test_many_blocks_are_one_snapshot(database_url: str) -> None:
    fill(database_url, 5 * ROWS)
    with source(database_url).of_day(START, END, "") as blocks:
        first = next(blocks)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM locations")
        assert len(first) + sum(len(block) for block in blocks) == 5 * ROWS


def test_a_user_who_may_only_read_is_enough(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader_only")
        connection.execute("CREATE ROLE reader_only LOGIN PASSWORD 'read'")
        connection.execute("GRANT SELECT ON locations TO reader_only")
    server = database_url.split("@")[1]
    reader = source(f"postgresql://reader_only:read@{server}")
    assert len(rows(read(reader))) == 1
    reader.ping()


def test_the_parts_of_an_address_may_hold_anything(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute('DROP ROLE IF EXISTS "odd user"')
        connection.execute("CREATE ROLE \"odd user\" LOGIN PASSWORD 'p@ss ''w\\ord/?'")
        connection.execute('GRANT SELECT ON locations TO "odd user"')
        info = connection.info
        parts = {"POSTGRES_HOST": info.host, "POSTGRES_PORT": info.port, "POSTGRES_DB": info.dbname}
    secret = {"POSTGRES_USER": "odd user", "POSTGRES_PASSWORD": "p@ss 'w\\ord/?"}
    FixSource(Settings.model_validate(parts | secret)).ping()


@pytest.mark.parametrize("url", ["postgresql://host:port/x?nonsense=1", "host='x"])
def test_an_address_that_is_none_stops_at_start_and_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: ") as caught:
        source(url)
    assert "nonsense" not in str(caught.value)


def unavailable(fixes: FixSource) -> str:
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        read(fixes)
    assert time.monotonic() - began < 30
    with pytest.raises(Unavailable):
        fixes.ping()
    assert caught.value.dependency == "database"
    return caught.value.cause


def test_a_server_that_is_away_is_unavailable() -> None:
    assert unavailable(source(f"postgresql://u:p@127.0.0.1:{free_port()}/x")) == "OperationalError"


def test_a_server_that_never_answers_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert unavailable(source(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/x")) == "ConnectionTimeout"


def test_a_wrong_password_is_unavailable_and_not_told(database_url: str) -> None:
    cause = unavailable(source(f"postgresql://postgres:wrong@{database_url.split('@')[1]}"))
    assert "wrong" not in cause


def test_a_missing_table_is_unavailable(new_database: Callable[[str], str]) -> None:
    assert unavailable(source(new_database("SELECT 1"))) == "42P01"


def test_a_statement_that_takes_too_long_is_unavailable(database_url: str) -> None:
    insert(database_url, (START, "p", 1, 1))
    with psycopg.connect(database_url) as locking:
        locking.execute("LOCK TABLE locations")
        with pytest.raises(Unavailable, match="57014"):
            source(database_url).ping()


def terminate(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'otel-worker'"
        )


def test_a_connection_that_breaks_midway_is_unavailable(database_url: str) -> None:
    fill(database_url, 20 * ROWS)
    found: list[int] = []

    def broken() -> None:
        with source(database_url).of_day(START, END, "") as blocks:
            for block in blocks:
                found.append(len(block))
                terminate(database_url)

    with pytest.raises(Unavailable):
        broken()
    assert 0 < sum(found) < 20 * ROWS


def test_no_connection_is_left_behind(database_url: str) -> None:
    fill(database_url, 20 * ROWS)

    def given_up() -> None:
        with source(database_url).of_day(START, END, "") as blocks:
            next(blocks)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        given_up()
    read(source(database_url))
    deadline = time.monotonic() + 10
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute(
            "SELECT FROM pg_stat_activity WHERE application_name = 'otel-worker' AND datname = current_database()"
        ).rowcount:
            assert time.monotonic() < deadline


@pytest.fixture
def pgbouncer(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The database through PgBouncer in transaction mode, with one connection to the server for all."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("no pgbouncer on this machine (Debian's package of that name has it)")
    port = free_port()
    parts = psycopg.conninfo.conninfo_to_dict(database_url)
    target = " ".join(f"{name}={parts[name]}" for name in ("host", "port", "user", "password"))
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{parts['dbname']} = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        "unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n"
    )
    command = [*postgres._run_as(), program, str(config)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                assert server.poll() is None
        yield f"postgresql://anyone@127.0.0.1:{port}/{parts['dbname']}"
    finally:
        server.terminate()
        server.wait()


def test_behind_pgbouncer_in_transaction_mode_day_after_day_is_right(pgbouncer: str, database_url: str) -> None:
    fill(database_url, 2 * ROWS)
    wanted = numbers(read(source(database_url)))
    for _ in range(3):
        assert numbers(read(source(pgbouncer))) == wanted
        source(pgbouncer).ping()
    with psycopg.connect(pgbouncer) as connection:  # the one server connection is as it was
        for name, value in (("jit", "on"), ("statement_timeout", "0"), ("transaction_read_only", "off")):
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)

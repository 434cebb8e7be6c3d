"""A day with a fix each second: 86,400, which is the most that the page is made for."""

from datetime import UTC, date, datetime

import psycopg

FIXES = 86_400
TRIPS = 4
REJECTED = FIXES // 60  # one fix a minute has an accuracy of 20 km

# The device rests at home with a noise of some metres. Every six hours it moves up to 12 km away and back.
_INSERT = """
INSERT INTO public.locations (device_id, tid, latitude, longitude, accuracy, altitude, velocity, battery,
                              battery_status, connection_type, trigger, "timestamp", created_at)
SELECT %(device)s, 'xx',
       40.736097 + (km * sin(angle) + 0.004 * sin(second / 37.0) + 3e-6 * (second * 919 %% 1000 - 500)) / 111.2,
       -74.039373 + (km * cos(angle) + 0.004 * cos(second / 53.0) + 3e-6 * (second * 701 %% 1000 - 500)) / 84.3,
       CASE WHEN second %% 60 = 30 THEN 20000 ELSE 5 + second * 7 %% 16 END, 12, 0, 80, 1, 'm', 't', at, at
FROM (SELECT second, %(start)s::timestamptz + second * interval '1 second' AS at, 2.4 * (second / 21600) AS angle,
             12 * sin(pi() * greatest(0, second %% 21600 - 16800) / 4800) AS km
      FROM generate_series(0, %(count)s::int - 1) second) moves
"""


def insert_fixes(url: str, device: str, day: date) -> None:
    """Store the fixes of a device on a day in UTC in the database at `url`, as a superuser."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_INSERT, {"device": device, "start": start, "count": FIXES})
        connection.execute("VACUUM ANALYZE public.locations")

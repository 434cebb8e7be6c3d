-- The table of fixes as OwnTracks' recorder fills it; otel-worker only ever reads it.
CREATE TABLE public.locations (
    id serial PRIMARY KEY,
    device_id varchar(100) NOT NULL,
    tid varchar(10),
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    accuracy integer,
    altitude double precision,
    velocity integer, -- km/h
    battery integer,
    battery_status integer,
    connection_type varchar(10),
    trigger varchar(10),
    "timestamp" timestamptz NOT NULL, -- of the fix
    created_at timestamptz DEFAULT now(), -- of its arrival
    raw_payload jsonb
);

-- A day is a range of the day column, read in the order of it and id: with this index neither a scan of the table nor a sort.
-- An installation with DAY_COLUMN=timestamp wants the same on ("timestamp", id).
CREATE INDEX locations_created_at_id ON public.locations (created_at, id);

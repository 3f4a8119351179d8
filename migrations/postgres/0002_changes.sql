-- Changes: deploys, configurations, models, experiments, holidays. The id is derived from the content.
CREATE TABLE changes (
    id       TEXT COLLATE "C" NOT NULL CONSTRAINT changes_pkey PRIMARY KEY,
    time_ms  BIGINT NOT NULL,
    document JSONB  NOT NULL
);

CREATE INDEX changes_time_idx ON changes (time_ms, id);

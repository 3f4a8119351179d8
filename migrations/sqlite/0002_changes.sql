-- Changes: deploys, configurations, models, experiments, holidays. The id is derived from the content.
CREATE TABLE changes (
    id       TEXT    NOT NULL CONSTRAINT changes_pkey PRIMARY KEY,
    time_ms  INTEGER NOT NULL,
    document TEXT    NOT NULL,
    CONSTRAINT changes_document_check CHECK (json_valid(document))
) STRICT;

CREATE INDEX changes_time_idx ON changes (time_ms, id);

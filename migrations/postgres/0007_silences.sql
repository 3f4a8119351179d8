-- Silences that people set; one that was ended early has the time of that as its end.
CREATE TABLE silences (
    id       TEXT COLLATE "C" NOT NULL CONSTRAINT silences_pkey PRIMARY KEY,
    until_ms BIGINT NOT NULL,
    document JSONB  NOT NULL
);

CREATE INDEX silences_until_idx ON silences (until_ms DESC, id);

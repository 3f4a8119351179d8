-- Silences that people set; one that was ended early has the time of that as its end.
CREATE TABLE silences (
    id       TEXT    NOT NULL CONSTRAINT silences_pkey PRIMARY KEY,
    until_ms INTEGER NOT NULL,
    document TEXT    NOT NULL,
    CONSTRAINT silences_document_check CHECK (json_valid(document))
) STRICT;

CREATE INDEX silences_until_idx ON silences (until_ms DESC, id);

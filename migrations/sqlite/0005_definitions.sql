-- Metric definitions that people saved, every version of each: rows are only ever added. Without a document it was removed.
-- The document is the text that was saved, with its keys in their order.
CREATE TABLE definitions (
    name     TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL,
    who      TEXT NOT NULL,
    document TEXT,
    CONSTRAINT definitions_pkey PRIMARY KEY (name, version),
    CONSTRAINT definitions_document_check CHECK (document IS NULL OR json_valid(document))
) STRICT;

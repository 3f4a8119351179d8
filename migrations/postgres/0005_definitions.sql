-- Metric definitions that people saved, every version of each: rows are only ever added. Without a document it was removed.
-- The document is the text that was saved, with its keys in their order.
CREATE TABLE definitions (
    name     TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    at_ms    BIGINT NOT NULL,
    who      TEXT NOT NULL,
    document TEXT,
    CONSTRAINT definitions_pkey PRIMARY KEY (name, version)
);

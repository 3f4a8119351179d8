-- Models that were made elsewhere, every version of each name; what they hold is in files of their own, called after their
-- checksums.
CREATE TABLE imported_models (
    name     TEXT COLLATE "C" NOT NULL,
    number   BIGINT NOT NULL,
    checksum TEXT COLLATE "C" NOT NULL,
    document JSONB  NOT NULL,
    CONSTRAINT imported_models_pkey PRIMARY KEY (name, number)
);

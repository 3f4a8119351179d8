-- Models that were made elsewhere, every version of each name; what they hold is in files of their own, called after their
-- checksums.
CREATE TABLE imported_models (
    name     TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    checksum TEXT    NOT NULL,
    document TEXT    NOT NULL,
    CONSTRAINT imported_models_pkey PRIMARY KEY (name, number),
    CONSTRAINT imported_models_document_check CHECK (json_valid(document))
) STRICT;

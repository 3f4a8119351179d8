-- Versions of the models that judge metrics, one row each, as they last stood; what they hold is in files of their own.
CREATE TABLE models (
    metric   TEXT    NOT NULL,
    detector TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    document TEXT    NOT NULL,
    CONSTRAINT models_pkey PRIMARY KEY (metric, detector, number),
    CONSTRAINT models_document_check CHECK (json_valid(document))
) STRICT;

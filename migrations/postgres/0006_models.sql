-- Versions of the models that judge metrics, one row each, as they last stood; what they hold is in files of their own.
CREATE TABLE models (
    metric   TEXT COLLATE "C" NOT NULL,
    detector TEXT COLLATE "C" NOT NULL,
    number   BIGINT NOT NULL,
    document JSONB  NOT NULL,
    CONSTRAINT models_pkey PRIMARY KEY (metric, detector, number)
);

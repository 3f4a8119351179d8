-- Alerts: what the pipeline says (document), what people did (acts), and beside them what lists are filtered by.
-- Times are milliseconds since 1970-01-01T00:00:00Z. Constraint and index names are API.
CREATE TABLE alerts (
    id           TEXT    NOT NULL CONSTRAINT alerts_pkey PRIMARY KEY,
    metric       TEXT    NOT NULL,
    opened_at_ms INTEGER NOT NULL,
    status       TEXT    NOT NULL,
    document     TEXT    NOT NULL,
    acts         TEXT    NOT NULL,
    CONSTRAINT alerts_status_check CHECK (status IN ('firing', 'acknowledged', 'resolved', 'silenced')),
    CONSTRAINT alerts_document_check CHECK (json_valid(document)),
    CONSTRAINT alerts_acts_check CHECK (json_valid(acts))
) STRICT;

CREATE INDEX alerts_opened_at_idx ON alerts (opened_at_ms DESC, id);
CREATE INDEX alerts_status_opened_at_idx ON alerts (status, opened_at_ms DESC, id);
CREATE INDEX alerts_metric_opened_at_idx ON alerts (metric, opened_at_ms DESC, id);

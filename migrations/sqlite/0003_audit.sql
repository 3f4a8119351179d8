-- Audit: who did what to which subject, and when. Rows are only ever added; the id gives their order.
CREATE TABLE audit (
    id      INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    who     TEXT,
    what    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id AUTOINCREMENT)
) STRICT;

CREATE INDEX audit_subject_idx ON audit (subject, id);

-- Audit: who did what to which subject, and when. Rows are only ever added; the id gives their order.
CREATE TABLE audit (
    id      BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_pkey PRIMARY KEY,
    at_ms   BIGINT NOT NULL,
    who     TEXT,
    what    TEXT   NOT NULL,
    subject TEXT   NOT NULL
);

CREATE INDEX audit_subject_idx ON audit (subject, id);

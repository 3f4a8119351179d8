-- How an incident stands, however many alerts it has, is told from the index alone.
DROP INDEX alerts_incident_idx;
CREATE INDEX alerts_incident_idx ON alerts (json_extract(document, '$.incident_id'), opened_at_ms, id, status);

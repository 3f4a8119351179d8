-- Alerts that belong together are found by the incident that their document names.
CREATE INDEX alerts_incident_idx ON alerts (json_extract(document, '$.incident_id'), opened_at_ms, id);

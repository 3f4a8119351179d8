-- The oldest and the newest alerts of an incident are read from either end of the index, however many it has.
DROP INDEX alerts_incident_idx;
CREATE INDEX alerts_incident_idx ON alerts (md5(document ->> 'incident_id'), opened_at_ms, id);

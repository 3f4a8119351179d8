-- Alerts that belong together are found by the incident that their document names; by its hash, since an index holds no long text.
CREATE INDEX alerts_incident_idx ON alerts (md5(document ->> 'incident_id'));

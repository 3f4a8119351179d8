-- Whose alerts: the team that owns the metric, and the person who looks after the alert. The pipeline's document and
-- the people's have both; beside them they can be listed by. Alerts of before keep the owner that their document has.
ALTER TABLE alerts ADD COLUMN owner text;
ALTER TABLE alerts ADD COLUMN assignee text;

UPDATE alerts SET
    owner = CASE WHEN octet_length(document ->> 'owner') <= 512 THEN document ->> 'owner' END,
    assignee = acts #>> '{acknowledged,by}';

CREATE INDEX alerts_metric_status_opened_at_idx ON alerts (metric, status, opened_at_ms DESC, id);
CREATE INDEX alerts_owner_opened_at_idx ON alerts (owner, opened_at_ms DESC, id);
CREATE INDEX alerts_owner_status_opened_at_idx ON alerts (owner, status, opened_at_ms DESC, id);
CREATE INDEX alerts_assignee_opened_at_idx ON alerts (assignee, opened_at_ms DESC, id) WHERE assignee IS NOT NULL;
CREATE INDEX alerts_assignee_status_opened_at_idx ON alerts (assignee, status, opened_at_ms DESC, id)
    WHERE assignee IS NOT NULL;

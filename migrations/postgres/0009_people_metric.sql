-- Alerts of one metric that are one team's or one person's. Whether they are of one status is told from the index too.
CREATE INDEX alerts_owner_metric_opened_at_idx ON alerts (owner, metric, opened_at_ms DESC, id, status);
CREATE INDEX alerts_assignee_metric_opened_at_idx ON alerts (assignee, metric, opened_at_ms DESC, id, status)
    WHERE assignee IS NOT NULL;

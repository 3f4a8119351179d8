-- What is told of an alert, in small letters, for words to be looked for in it. Alerts of before are told in short, until
-- they are written again.
ALTER TABLE alerts ADD COLUMN told text NOT NULL DEFAULT '';

UPDATE alerts SET told = lower(left(
    concat_ws(' ', status, assignee, id, metric, document ->> 'statistic',
        coalesce((SELECT string_agg(key || ':' || value, ',') FROM jsonb_each_text(document -> 'slice')), 'all traffic'),
        CASE document ->> 'direction' WHEN 'up' THEN 'rose' ELSE 'fell' END,
        document ->> 'severity', owner, document ->> 'incident_id',
        document #>> '{suspects,0,title}', document #>> '{errors,0,signature}'),
    400));

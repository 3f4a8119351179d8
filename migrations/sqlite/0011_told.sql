-- What is told of an alert, in small letters, for words to be looked for in it. The index holds a copy, so that the
-- documents, which are long, are not read for that. Alerts of before are told in short, until they are written again;
-- their letters other than a to z stay as they are.
ALTER TABLE alerts ADD COLUMN told TEXT NOT NULL DEFAULT '';

UPDATE alerts SET told = lower(substr(
    status || ' ' || coalesce(assignee, '') || ' ' || id || ' ' || metric
        || ' ' || coalesce(json_extract(document, '$.statistic'), '')
        || ' ' || coalesce((SELECT group_concat(key || ':' || value, ',') FROM json_each(document, '$.slice')), 'all traffic')
        || CASE json_extract(document, '$.direction') WHEN 'up' THEN ' rose ' ELSE ' fell ' END
        || coalesce(json_extract(document, '$.severity'), '') || ' ' || coalesce(owner, '')
        || ' ' || coalesce(json_extract(document, '$.incident_id'), '')
        || ' ' || coalesce(json_extract(document, '$.suspects[0].title'), '')
        || ' ' || coalesce(json_extract(document, '$.errors[0].signature'), ''),
    1, 400));

CREATE INDEX alerts_told_idx ON alerts (opened_at_ms DESC, id, told);

-- An imported model that was removed keeps its number, so that no other one ever gets it.
ALTER TABLE imported_models ADD COLUMN removed_at_ms bigint;

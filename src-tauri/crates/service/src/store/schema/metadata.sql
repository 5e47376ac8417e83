-- What clients say about pins counts too: of those that have not ended against the quota, of the others (`ended` 1) against
-- a limit of its own.
ALTER TABLE pins ADD COLUMN metadata_bytes INTEGER GENERATED ALWAYS AS (
    octet_length(name) + ifnull(octet_length(mime_type), 0) + ifnull(octet_length(keyvalues), 0)
        + ifnull(octet_length(origins), 0)
) VIRTUAL;
CREATE TABLE metadata_usage (
    owner INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (owner, ended)
) STRICT, WITHOUT ROWID;
INSERT INTO metadata_usage SELECT owner, status = 'unpinned' AS ended, sum(metadata_bytes) FROM pins GROUP BY owner, ended;

CREATE TRIGGER metadata_insert AFTER INSERT ON pins BEGIN
    INSERT INTO metadata_usage VALUES (new.owner, new.status = 'unpinned', new.metadata_bytes)
        ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER metadata_update AFTER UPDATE OF status, name, mime_type, keyvalues, origins ON pins
WHEN (old.status = 'unpinned') <> (new.status = 'unpinned') OR old.metadata_bytes <> new.metadata_bytes
BEGIN
    UPDATE metadata_usage SET bytes = bytes - old.metadata_bytes
        WHERE owner = old.owner AND ended = (old.status = 'unpinned');
    INSERT INTO metadata_usage VALUES (new.owner, new.status = 'unpinned', new.metadata_bytes)
        ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER metadata_delete AFTER DELETE ON pins BEGIN
    UPDATE metadata_usage SET bytes = bytes - old.metadata_bytes
        WHERE owner = old.owner AND ended = (old.status = 'unpinned');
END;

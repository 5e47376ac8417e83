-- What owners may store: no row is the service's default, NULL is no limit.
CREATE TABLE quotas (
    owner INTEGER PRIMARY KEY REFERENCES owners (id),
    bytes INTEGER
) STRICT;

-- Bytes of the different blocks of a DAG, by its root.
CREATE TABLE dag_sizes (
    root BLOB PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an owner's live pins hold: for each root once the DAG's bytes, and those of its files where that is not known.
CREATE TABLE usage (
    owner INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO usage SELECT owner, sum(bytes) FROM (
    SELECT owner, max(ifnull(size, 0)) AS bytes FROM pins WHERE pinned = 1 GROUP BY owner, root
) GROUP BY owner;
-- The triggers below look for other pins of a root by `pins_by_root`; a bare `pinned` would lead the planner to an index by
-- state, and with it through all pins of the owner.
CREATE INDEX pins_of_root ON pins (root) WHERE pinned = 1;

CREATE TRIGGER usage_insert AFTER INSERT ON pins
WHEN new.pinned = 1
    AND NOT EXISTS (SELECT 1 FROM pins WHERE root = new.root AND owner = new.owner AND +pinned = 1 AND row <> new.row)
BEGIN
    INSERT INTO usage VALUES (
        new.owner, ifnull((SELECT bytes FROM dag_sizes WHERE root = new.root), ifnull(new.size, 0))
    ) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER usage_begin AFTER UPDATE OF pinned ON pins
WHEN new.pinned = 1 AND old.pinned = 0
    AND NOT EXISTS (SELECT 1 FROM pins WHERE root = new.root AND owner = new.owner AND +pinned = 1 AND row <> new.row)
BEGIN
    INSERT INTO usage VALUES (
        new.owner, ifnull((SELECT bytes FROM dag_sizes WHERE root = new.root), ifnull(new.size, 0))
    ) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER usage_end AFTER UPDATE OF pinned ON pins
WHEN new.pinned = 0 AND old.pinned = 1
    AND NOT EXISTS (SELECT 1 FROM pins WHERE root = old.root AND owner = old.owner AND +pinned = 1)
BEGIN
    UPDATE usage
        SET bytes = bytes - ifnull((SELECT bytes FROM dag_sizes WHERE root = old.root), ifnull(old.size, 0))
        WHERE owner = old.owner;
END;
CREATE TRIGGER usage_delete AFTER DELETE ON pins
WHEN old.pinned = 1
    AND NOT EXISTS (SELECT 1 FROM pins WHERE root = old.root AND owner = old.owner AND +pinned = 1)
BEGIN
    UPDATE usage
        SET bytes = bytes - ifnull((SELECT bytes FROM dag_sizes WHERE root = old.root), ifnull(old.size, 0))
        WHERE owner = old.owner;
END;
-- A size that becomes known counts for all who have it pinned already.
CREATE TRIGGER dag_sizes_insert AFTER INSERT ON dag_sizes BEGIN
    UPDATE usage SET bytes = bytes + new.bytes - (
        SELECT max(ifnull(size, 0)) FROM pins WHERE root = new.root AND owner = usage.owner AND +pinned = 1
    ) WHERE owner IN (SELECT owner FROM pins WHERE root = new.root AND pinned = 1);
END;

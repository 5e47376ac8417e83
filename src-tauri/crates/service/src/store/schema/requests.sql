-- Pins that are fetched, pins by the Pinning Service API (`origins` is not null), and pages found without counting rows.
DROP TRIGGER pins_insert;
DROP TRIGGER pins_update;
DROP TRIGGER pins_delete;
DROP TABLE totals;
DROP INDEX pins_live;
DROP INDEX pins_failed;
DROP INDEX pins_by_size;
DROP INDEX pins_by_name;
DROP INDEX pins_by_state_size;
DROP INDEX pins_by_state_name;

UPDATE pins SET status = CASE status WHEN 'retrieveFailed' THEN 'failed' WHEN 'unpinNormally' THEN 'unpinned' ELSE status END;
ALTER TABLE pins ADD COLUMN origins TEXT;
ALTER TABLE pins ADD COLUMN failure TEXT;
-- A size that is not known yet sorts before all others.
ALTER TABLE pins ADD COLUMN order_size INTEGER NOT NULL DEFAULT -1;
UPDATE pins SET order_size = ifnull(size, -1);
CREATE INDEX pins_by_root ON pins (owner, root, created_at);
-- With the date, which differs among an owner's pins, a range of an index can begin between equal keys.
CREATE INDEX pins_by_size ON pins (owner, order_size, created_at);
CREATE INDEX pins_by_name ON pins (owner, name, created_at);
CREATE INDEX pins_by_state_size ON pins (owner, pinned, order_size, created_at);
CREATE INDEX pins_by_state_name ON pins (owner, pinned, name, created_at);
CREATE INDEX pins_by_status ON pins (owner, status, created_at);
CREATE INDEX pins_queued ON pins (created_at) WHERE status = 'queued';

-- Who is shown as the transferring peer of this service; random, but the same over restarts.
ALTER TABLE service ADD COLUMN peer_digest BLOB;
UPDATE service SET peer_digest = randomblob(32);

CREATE TABLE totals (
    owner INTEGER NOT NULL,
    status TEXT NOT NULL,
    files INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (owner, status)
) STRICT, WITHOUT ROWID;
INSERT INTO totals SELECT owner, status, count(*), ifnull(sum(size), 0) FROM pins GROUP BY owner, status;

-- For each order of a list, where runs of about a thousand pins begin and how many are in each.
CREATE TABLE runs (
    owner INTEGER NOT NULL,
    sort TEXT NOT NULL,
    first_key ANY NOT NULL,
    first_created INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    other INTEGER NOT NULL,
    PRIMARY KEY (owner, sort, first_key, first_created)
) STRICT, WITHOUT ROWID;
INSERT INTO runs
    SELECT owners.id, sorts.column1, sorts.column2, 0, ifnull(sum(pins.pinned), 0), count(pins.row) - ifnull(sum(pins.pinned), 0)
    FROM owners
    JOIN (VALUES ('created_at', -9223372036854775808), ('order_size', -9223372036854775808), ('name', '')) AS sorts
    LEFT JOIN pins ON pins.owner = owners.id
    GROUP BY owners.id, sorts.column1;
CREATE TRIGGER owners_insert AFTER INSERT ON owners BEGIN
    INSERT INTO runs VALUES
        (new.id, 'created_at', -9223372036854775808, 0, 0, 0),
        (new.id, 'order_size', -9223372036854775808, 0, 0, 0),
        (new.id, 'name', '', 0, 0, 0);
END;

-- Takes a pin into its owner's totals and the three runs that it is in (`change` 1), or out of them (-1).
CREATE VIEW counted_pins AS SELECT owner, status, pinned, size, created_at, order_size, name, 0 AS change FROM pins WHERE false;
CREATE TRIGGER counted_pins_insert INSTEAD OF INSERT ON counted_pins BEGIN
    INSERT INTO totals VALUES (new.owner, new.status, new.change, new.change * ifnull(new.size, 0))
        ON CONFLICT DO UPDATE SET files = files + excluded.files, size = size + excluded.size;
    UPDATE runs SET pinned = pinned + new.change * new.pinned, other = other + new.change * (1 - new.pinned)
        WHERE owner = new.owner AND sort = 'created_at' AND (first_key, first_created) = (
            SELECT first_key, first_created FROM runs WHERE owner = new.owner AND sort = 'created_at'
            AND (first_key, first_created) <= (new.created_at, new.created_at) ORDER BY first_key DESC, first_created DESC LIMIT 1);
    UPDATE runs SET pinned = pinned + new.change * new.pinned, other = other + new.change * (1 - new.pinned)
        WHERE owner = new.owner AND sort = 'order_size' AND (first_key, first_created) = (
            SELECT first_key, first_created FROM runs WHERE owner = new.owner AND sort = 'order_size'
            AND (first_key, first_created) <= (new.order_size, new.created_at) ORDER BY first_key DESC, first_created DESC LIMIT 1);
    UPDATE runs SET pinned = pinned + new.change * new.pinned, other = other + new.change * (1 - new.pinned)
        WHERE owner = new.owner AND sort = 'name' AND (first_key, first_created) = (
            SELECT first_key, first_created FROM runs WHERE owner = new.owner AND sort = 'name'
            AND (first_key, first_created) <= (new.name, new.created_at) ORDER BY first_key DESC, first_created DESC LIMIT 1);
END;
CREATE TRIGGER pins_insert AFTER INSERT ON pins BEGIN
    INSERT INTO counted_pins VALUES (new.owner, new.status, new.pinned, new.size, new.created_at, new.order_size, new.name, 1);
END;
CREATE TRIGGER pins_delete AFTER DELETE ON pins BEGIN
    INSERT INTO counted_pins VALUES (old.owner, old.status, old.pinned, old.size, old.created_at, old.order_size, old.name, -1);
END;
CREATE TRIGGER pins_update AFTER UPDATE OF owner, status, pinned, size, order_size, name, created_at ON pins BEGIN
    INSERT INTO counted_pins VALUES (old.owner, old.status, old.pinned, old.size, old.created_at, old.order_size, old.name, -1);
    INSERT INTO counted_pins VALUES (new.owner, new.status, new.pinned, new.size, new.created_at, new.order_size, new.name, 1);
END;

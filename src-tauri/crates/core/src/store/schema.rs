//! Tables, and how older ones become them. `user_version` counts the steps taken.

use rusqlite::Connection;

use super::{StoreError, sheets};

const STEPS: [&str; 23] = [
    r"
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    label TEXT NOT NULL UNIQUE COLLATE NOCASE,
    kind TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    gateway TEXT,
    this_computer INTEGER NOT NULL,
    profile TEXT,
    position INTEGER NOT NULL
) STRICT;

CREATE TABLE pin (
    account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    cid TEXT NOT NULL,
    name TEXT,
    shown_folded TEXT NOT NULL,
    bytes INTEGER,
    status TEXT NOT NULL,
    raw_status TEXT NOT NULL,
    message TEXT,
    is_directory INTEGER NOT NULL,
    pinned_at INTEGER,
    metadata TEXT NOT NULL,
    proof TEXT NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pin_by_cid ON pin(cid);
CREATE INDEX pin_by_name ON pin(shown_folded, account, id);
CREATE INDEX pin_by_bytes ON pin(bytes, account, id);
CREATE INDEX pin_by_status ON pin(status, account, id);
CREATE INDEX pin_by_pinned_at ON pin(pinned_at, account, id);

CREATE TABLE transfer (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
    work TEXT NOT NULL,
    source BLOB,
    folder TEXT,
    name TEXT NOT NULL,
    metadata TEXT NOT NULL,
    state TEXT NOT NULL,
    until INTEGER,
    code TEXT,
    failure TEXT,
    details TEXT,
    bytes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    unanswered_since INTEGER,
    pin TEXT,
    cid TEXT,
    verified INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX transfer_by_state ON transfer(state, sequence);
CREATE INDEX transfer_by_due ON transfer(until) WHERE state = 'waiting';
CREATE INDEX transfer_by_source ON transfer(folder, source) WHERE folder IS NOT NULL;

CREATE TABLE receipt (
    sequence INTEGER PRIMARY KEY,
    transfer TEXT UNIQUE,
    account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
    pin TEXT NOT NULL,
    cid TEXT NOT NULL,
    proof TEXT NOT NULL,
    profile TEXT,
    reason TEXT,
    compared_at INTEGER,
    source BLOB,
    bytes INTEGER NOT NULL,
    modified_ns INTEGER,
    changed_ns INTEGER,
    device INTEGER,
    inode INTEGER,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipt_by_pin ON receipt(account, pin);
CREATE INDEX receipt_by_source ON receipt(account, source);
CREATE INDEX receipt_by_bytes ON receipt(account, bytes);

CREATE TABLE folder (
    id TEXT PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
    settle_ms INTEGER NOT NULL,
    last_scan INTEGER
) STRICT;

CREATE TABLE observed (
    folder TEXT NOT NULL REFERENCES folder(id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    skipped TEXT,
    settled INTEGER NOT NULL,
    PRIMARY KEY (folder, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
",
    r"ALTER TABLE account ADD COLUMN credentials TEXT NOT NULL DEFAULT 'key_and_secret';",
    r"ALTER TABLE account ADD COLUMN card TEXT; ALTER TABLE account ADD COLUMN check_mark TEXT;",
    // A mirror that the next step puts another in the place of.
    "",
    // The mirror with short indexes; what it had comes back with the next listing. `number` stands for the provider's id,
    // `content` for a CID's digest, `fingerprint` for all that the provider said; `asked` is when it was last asked about a pin
    // that it is working on, NULL for those that it is done with.
    r"
DROP TABLE pin;
CREATE TABLE pin (
    row INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    cid TEXT NOT NULL,
    content INTEGER NOT NULL,
    name TEXT,
    shown_folded TEXT NOT NULL,
    bytes INTEGER,
    status TEXT NOT NULL,
    raw_status TEXT NOT NULL,
    message TEXT,
    is_directory INTEGER NOT NULL,
    pinned_at INTEGER,
    metadata TEXT NOT NULL,
    fingerprint INTEGER NOT NULL,
    proof TEXT NOT NULL,
    seen INTEGER NOT NULL,
    asked INTEGER
) STRICT;
CREATE INDEX pin_by_number ON pin(account, number);
CREATE INDEX pin_by_content ON pin(content);
CREATE INDEX pin_by_name ON pin(shown_folded);
CREATE INDEX pin_by_bytes ON pin(bytes);
CREATE INDEX pin_by_status ON pin(status);
CREATE INDEX pin_by_pinned_at ON pin(pinned_at);
CREATE INDEX pin_under_way ON pin(account, asked) WHERE asked IS NOT NULL;
",
    // Which version of a file or directory its node was given.
    r"ALTER TABLE transfer ADD COLUMN relayed_version INTEGER;",
    // The accounts, also of the past, that the keyring may have a secret of.
    r"
CREATE TABLE keyring_entry (account TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO keyring_entry SELECT id FROM account WHERE credentials <> 'none';
",
    // Whether that secret is one that the account had before.
    r"ALTER TABLE keyring_entry ADD COLUMN outdated INTEGER NOT NULL DEFAULT 0;",
    // The tries of which only so many are made.
    r"ALTER TABLE transfer ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;",
    // The directory that nothing on the way to an upload's source leads out of.
    r"
ALTER TABLE transfer ADD COLUMN root BLOB;
UPDATE transfer SET root = (SELECT path FROM folder WHERE folder.id = transfer.folder);
",
    // What a service was asked to pin and works on, by the pin that it ends with.
    r"CREATE INDEX transfer_by_pin_asked_for ON transfer(account, pin) WHERE state = 'asked';",
    // When an account last answered, and why it does not, where that is so.
    r"
ALTER TABLE account ADD COLUMN told_at INTEGER;
ALTER TABLE account ADD COLUMN trouble_code TEXT;
ALTER TABLE account ADD COLUMN trouble TEXT;
",
    // That bytes read here have a CID is known of the CID, whoever holds it; what an account's copy was found to be, and whether
    // files here are what is pinned, is a history. `known` is empty where all blocks were looked at.
    r"
CREATE TABLE content_proof (
    content INTEGER NOT NULL,
    cid TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (content, cid)
) STRICT, WITHOUT ROWID;
CREATE TABLE proof (
    sequence INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
    content INTEGER NOT NULL,
    cid TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    checked INTEGER,
    known INTEGER,
    outcome TEXT NOT NULL,
    code TEXT,
    reason TEXT,
    path BLOB
) STRICT;
CREATE INDEX proof_by_content ON proof(content, account);
INSERT OR IGNORE INTO content_proof
    SELECT content_number(cid), cid, at FROM receipt
    WHERE proof = 'verified' AND content_number(cid) IS NOT NULL ORDER BY sequence;
UPDATE receipt SET proof = 'not_reproduced' WHERE proof = 'differs';
ALTER TABLE pin DROP COLUMN proof;
",
    // How many of a pin's texts are not kept as the provider has them.
    r"ALTER TABLE pin ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;",
    // How much an account uses, and when its service said so.
    r"
ALTER TABLE account ADD COLUMN used_bytes INTEGER;
ALTER TABLE account ADD COLUMN quota_bytes INTEGER;
ALTER TABLE account ADD COLUMN used_at INTEGER;
UPDATE account SET used_at = card ->> '$.checked_at', used_bytes = card ->> '$.usage.used_bytes',
    quota_bytes = card ->> '$.usage.quota_bytes'
WHERE json_valid(card) AND card ->> '$.usage.used_bytes' IS NOT NULL;
",
    // The queue: what goes before what, what was sent in vain, and indexes for the next one of each account, for the newest, and
    // for what does some work already. `until` is NULL for what waits at its account's gate.
    r"
ALTER TABLE transfer ADD COLUMN lane INTEGER NOT NULL DEFAULT 1;
ALTER TABLE transfer ADD COLUMN sent_in_vain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
DROP INDEX transfer_by_due;
CREATE INDEX transfer_by_turn ON transfer(account, work, lane, sequence) WHERE state = 'queued';
CREATE INDEX transfer_by_due ON transfer(account, work, until) WHERE state = 'waiting';
CREATE INDEX transfer_open ON transfer(sequence) WHERE state IN ('queued', 'running', 'waiting', 'asked');
CREATE INDEX transfer_ended ON transfer(sequence) WHERE state IN ('failed', 'done', 'cancelled');
CREATE INDEX transfer_open_by_source ON transfer(account, source) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX transfer_open_by_pin ON transfer(account, pin) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX transfer_open_by_cid ON transfer(account, cid) WHERE state IN ('queued', 'running', 'waiting', 'asked');
CREATE TABLE transfer_count (state TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO transfer_count SELECT state, count(*) FROM transfer GROUP BY state;
CREATE TRIGGER transfer_counted_in AFTER INSERT ON transfer BEGIN
    INSERT INTO transfer_count VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER transfer_counted_out AFTER DELETE ON transfer BEGIN
    UPDATE transfer_count SET count = count - 1 WHERE state = old.state;
END;
CREATE TRIGGER transfer_counted_over AFTER UPDATE OF state ON transfer WHEN new.state <> old.state BEGIN
    UPDATE transfer_count SET count = count - 1 WHERE state = old.state;
    INSERT INTO transfer_count VALUES (new.state, 1) ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;
",
    // The newest pin that an account was known to have when a request went out whose answer may be lost.
    r"ALTER TABLE transfer ADD COLUMN newest_then INTEGER;",
    // The pins of one status at one account are a shelf, which is counted as it changes and has an index for each order. In these
    // nothing is NULL, so that places can be compared. A sum of sizes is kept in two parts, so that whatever a service says of
    // them it neither overflows nor loses anything.
    r"
CREATE TABLE pin_shelf (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account(id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    pins INTEGER NOT NULL DEFAULT 0,
    bytes_high INTEGER NOT NULL DEFAULT 0,
    bytes_low INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, status)
) STRICT;
INSERT INTO pin_shelf (account, status, pins, bytes_high, bytes_low)
    SELECT account, status, count(*), sum(ifnull(bytes, 0) >> 32), sum(ifnull(bytes, 0) & 4294967295)
    FROM pin GROUP BY account, status;
DROP INDEX pin_by_status;
ALTER TABLE pin ADD COLUMN shelf INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pin ADD COLUMN bytes_or_none INTEGER NOT NULL DEFAULT -1;
ALTER TABLE pin ADD COLUMN pinned_at_or_none INTEGER NOT NULL DEFAULT -1;
UPDATE pin SET bytes_or_none = ifnull(bytes, -1), pinned_at_or_none = ifnull(pinned_at, -1),
    shelf = (SELECT number FROM pin_shelf WHERE pin_shelf.account = pin.account AND pin_shelf.status = pin.status);
CREATE INDEX pin_by_shelf ON pin(shelf);
CREATE INDEX pin_by_shelf_and_name ON pin(shelf, shown_folded);
CREATE INDEX pin_by_shelf_and_bytes ON pin(shelf, bytes_or_none);
CREATE INDEX pin_by_shelf_and_pinned_at ON pin(shelf, pinned_at_or_none);
CREATE TRIGGER pin_put_on_shelf AFTER INSERT ON pin BEGIN
    UPDATE pin_shelf SET pins = pins + 1, bytes_high = bytes_high + (ifnull(new.bytes, 0) >> 32),
        bytes_low = bytes_low + (ifnull(new.bytes, 0) & 4294967295) WHERE number = new.shelf;
END;
CREATE TRIGGER pin_taken_off_shelf AFTER DELETE ON pin BEGIN
    UPDATE pin_shelf SET pins = pins - 1, bytes_high = bytes_high - (ifnull(old.bytes, 0) >> 32),
        bytes_low = bytes_low - (ifnull(old.bytes, 0) & 4294967295) WHERE number = old.shelf;
END;
",
    // Pins that are removed together, by the first and the last of their transfers, and until when that waits to be undone. What
    // waits is found by its lane.
    r"
CREATE TABLE unpinning (
    id TEXT PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    pins INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
DROP INDEX transfer_by_due;
CREATE INDEX transfer_by_due ON transfer(account, work, lane, until) WHERE state = 'waiting';
",
    // Batches: what was asked for together, with totals that change as its transfers do. What is done still counts when its
    // transfers are forgotten. `turn` is below 0 for what was moved to the front, the lowest for what was moved last.
    r"
CREATE TABLE batch (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL,
    name TEXT NOT NULL,
    items INTEGER NOT NULL,
    folder TEXT,
    lane INTEGER NOT NULL,
    turn INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    transfers INTEGER NOT NULL DEFAULT 0,
    queued INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    paused INTEGER NOT NULL DEFAULT 0,
    asked INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    bytes_done INTEGER NOT NULL DEFAULT 0,
    standing INTEGER AS (CASE WHEN running > 0 THEN 0 WHEN failed > 0 THEN 1
        WHEN queued + waiting + paused + asked > 0 THEN 2 ELSE 3 END) VIRTUAL,
    ahead INTEGER AS (CASE WHEN running + failed + queued + waiting + paused + asked = 0 THEN -number ELSE lane END) VIRTUAL
) STRICT;
CREATE TABLE batch_account (
    batch INTEGER NOT NULL REFERENCES batch(number) ON DELETE CASCADE,
    account TEXT NOT NULL,
    PRIMARY KEY (batch, account)
) STRICT, WITHOUT ROWID;
CREATE TABLE batch_trouble (
    batch INTEGER NOT NULL REFERENCES batch(number) ON DELETE CASCADE,
    account TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL,
    transfers INTEGER NOT NULL,
    failure TEXT NOT NULL,
    details TEXT,
    PRIMARY KEY (batch, account, state, code)
) STRICT, WITHOUT ROWID;
ALTER TABLE transfer ADD COLUMN batch INTEGER;
ALTER TABLE transfer ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN standing INTEGER AS (CASE state WHEN 'running' THEN 0 WHEN 'failed' THEN 1 WHEN 'queued' THEN 2
    WHEN 'waiting' THEN 2 WHEN 'paused' THEN 3 WHEN 'asked' THEN 4 ELSE 5 END) VIRTUAL;
INSERT INTO batch (number, origin, name, items, folder, lane, created_at)
    SELECT min(sequence), CASE WHEN folder IS NOT NULL THEN 'folder' WHEN work = 'upload' THEN 'added'
            WHEN work = 'pin' THEN 'pinned' ELSE 'unpinned' END,
        coalesce(nullif(name, ''), cid, ''), count(*), folder, max(lane), min(created_at)
    FROM transfer GROUP BY work, folder, account;
UPDATE transfer SET batch = old.batch
    FROM (SELECT min(sequence) AS batch, work, folder, account FROM transfer GROUP BY work, folder, account) AS old
    WHERE old.work = transfer.work AND old.folder IS transfer.folder AND old.account = transfer.account;
INSERT INTO batch_account SELECT DISTINCT batch, account FROM transfer;
INSERT INTO batch_trouble
    SELECT batch, account, state, code, count(*), ifnull(failure, ''), details FROM transfer
    WHERE state IN ('failed', 'waiting') AND code IS NOT NULL GROUP BY batch, account, state, code;
UPDATE batch SET (transfers, queued, running, waiting, paused, asked, failed, done, cancelled, bytes, bytes_done) = (
    SELECT count(*), sum(state = 'queued'), sum(state = 'running'), sum(state = 'waiting'), 0, sum(state = 'asked'),
        sum(state = 'failed'), sum(state = 'done'), sum(state = 'cancelled'), sum((state <> 'cancelled') * bytes),
        sum((state IN ('done', 'asked')) * bytes)
    FROM transfer WHERE batch = number);
CREATE INDEX batch_in_order ON batch(standing, ahead, turn, number);
CREATE INDEX batch_open ON batch(number) WHERE queued + running + waiting + paused > 0;
CREATE INDEX batch_by_folder ON batch(folder) WHERE folder IS NOT NULL;
CREATE INDEX transfer_of_batch ON transfer(batch, standing, turn, sequence);
CREATE INDEX transfer_waits_in_batch ON transfer(batch, until) WHERE state = 'waiting' AND until IS NOT NULL;
CREATE INDEX transfer_moved_up ON transfer(turn) WHERE turn < 0;
DROP INDEX transfer_by_turn;
DROP INDEX transfer_open;
DROP INDEX transfer_open_by_source;
DROP INDEX transfer_open_by_pin;
DROP INDEX transfer_open_by_cid;
CREATE INDEX transfer_by_turn ON transfer(account, work, lane, turn, sequence) WHERE state = 'queued';
CREATE INDEX transfer_open ON transfer(sequence) WHERE state IN ('queued', 'running', 'waiting', 'paused', 'asked');
CREATE INDEX transfer_open_by_source ON transfer(account, source) WHERE state IN ('queued', 'running', 'waiting', 'paused');
CREATE INDEX transfer_open_by_pin ON transfer(account, pin) WHERE state IN ('queued', 'running', 'waiting', 'paused');
CREATE INDEX transfer_open_by_cid ON transfer(account, cid) WHERE state IN ('queued', 'running', 'waiting', 'paused', 'asked');
CREATE TRIGGER batch_counts_in AFTER INSERT ON transfer WHEN new.batch IS NOT NULL BEGIN
    UPDATE batch SET transfers = transfers + 1, queued = queued + (new.state = 'queued'), running = running + (new.state = 'running'),
        waiting = waiting + (new.state = 'waiting'), paused = paused + (new.state = 'paused'),
        asked = asked + (new.state = 'asked'), failed = failed + (new.state = 'failed'),
        done = done + (new.state = 'done'), cancelled = cancelled + (new.state = 'cancelled'),
        bytes = bytes + (new.state <> 'cancelled') * new.bytes,
        bytes_done = bytes_done + (new.state IN ('done', 'asked')) * new.bytes
    WHERE number = new.batch;
    INSERT OR IGNORE INTO batch_account VALUES (new.batch, new.account);
END;
CREATE TRIGGER batch_counts_over AFTER UPDATE OF state, bytes ON transfer
WHEN new.batch IS NOT NULL AND (new.state <> old.state OR new.bytes <> old.bytes) BEGIN
    UPDATE batch SET queued = queued + (new.state = 'queued') - (old.state = 'queued'),
        running = running + (new.state = 'running') - (old.state = 'running'),
        waiting = waiting + (new.state = 'waiting') - (old.state = 'waiting'),
        paused = paused + (new.state = 'paused') - (old.state = 'paused'),
        asked = asked + (new.state = 'asked') - (old.state = 'asked'),
        failed = failed + (new.state = 'failed') - (old.state = 'failed'),
        done = done + (new.state = 'done') - (old.state = 'done'),
        cancelled = cancelled + (new.state = 'cancelled') - (old.state = 'cancelled'),
        bytes = bytes + (new.state <> 'cancelled') * new.bytes - (old.state <> 'cancelled') * old.bytes,
        bytes_done = bytes_done + (new.state IN ('done', 'asked')) * new.bytes - (old.state IN ('done', 'asked')) * old.bytes
    WHERE number = new.batch;
END;
CREATE TRIGGER batch_counts_out AFTER DELETE ON transfer WHEN old.batch IS NOT NULL BEGIN
    UPDATE batch SET transfers = transfers - 1, queued = queued - (old.state = 'queued'), running = running - (old.state = 'running'),
        waiting = waiting - (old.state = 'waiting'), paused = paused - (old.state = 'paused'), asked = asked - (old.state = 'asked'),
        failed = failed - (old.state = 'failed'),
        bytes = bytes - (old.state NOT IN ('done', 'cancelled')) * old.bytes,
        bytes_done = bytes_done - (old.state = 'asked') * old.bytes
    WHERE number = old.batch;
    UPDATE batch_trouble SET transfers = transfers - 1 WHERE old.state IN ('failed', 'waiting') AND batch = old.batch
        AND account = old.account AND state = old.state AND code = old.code;
    DELETE FROM batch WHERE number = old.batch AND transfers = 0;
END;
CREATE TRIGGER batch_left AFTER UPDATE OF batch ON transfer WHEN old.batch IS NOT NULL AND new.batch IS NULL BEGIN
    UPDATE batch SET transfers = transfers - 1, queued = queued - (old.state = 'queued'), running = running - (old.state = 'running'),
        waiting = waiting - (old.state = 'waiting'), paused = paused - (old.state = 'paused'), asked = asked - (old.state = 'asked'),
        failed = failed - (old.state = 'failed'),
        bytes = bytes - (old.state NOT IN ('done', 'cancelled')) * old.bytes,
        bytes_done = bytes_done - (old.state = 'asked') * old.bytes
    WHERE number = old.batch;
    UPDATE batch_trouble SET transfers = transfers - 1 WHERE old.state IN ('failed', 'waiting') AND batch = old.batch
        AND account = old.account AND state = old.state AND code = old.code;
    DELETE FROM batch WHERE number = old.batch AND transfers = 0;
END;
CREATE TRIGGER batch_in_trouble AFTER UPDATE OF state, code ON transfer
WHEN new.batch IS NOT NULL AND (old.state IN ('failed', 'waiting') OR new.state IN ('failed', 'waiting')) BEGIN
    UPDATE batch_trouble SET transfers = transfers - 1 WHERE old.state IN ('failed', 'waiting') AND batch = old.batch
        AND account = old.account AND state = old.state AND code = old.code;
    INSERT INTO batch_trouble
        SELECT new.batch, new.account, new.state, new.code, 1, ifnull(new.failure, ''), new.details
        WHERE new.state IN ('failed', 'waiting') AND new.code IS NOT NULL
    ON CONFLICT DO UPDATE SET transfers = transfers + 1, failure = excluded.failure, details = excluded.details;
END;
",
    // What is searched and counted of the mirror: see `sheets` and `marks`. With these an order needs no index over all shelves,
    // and a number none with the account in it: hardly two pins have the same.
    r"
DROP INDEX pin_by_number;
DROP INDEX pin_by_name;
DROP INDEX pin_by_bytes;
DROP INDEX pin_by_pinned_at;
CREATE INDEX pin_by_number ON pin(number);
CREATE TABLE pin_sheet (number INTEGER PRIMARY KEY, rows BLOB NOT NULL) STRICT;
CREATE TABLE pin_cid_sheet (number INTEGER PRIMARY KEY, cids BLOB NOT NULL) STRICT;
CREATE TABLE pin_mark (
    shelf INTEGER NOT NULL,
    sort INTEGER NOT NULL,
    value ANY NOT NULL,
    row INTEGER NOT NULL,
    pins INTEGER NOT NULL,
    PRIMARY KEY (shelf, sort, value, row)
) STRICT, WITHOUT ROWID;
CREATE TABLE pin_sheet_outdated (number INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER pin_sheet_lacks AFTER INSERT ON pin BEGIN
    INSERT INTO pin_sheet_outdated VALUES (new.row >> 6) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER pin_sheet_has_gone AFTER DELETE ON pin BEGIN
    INSERT INTO pin_sheet_outdated VALUES (old.row >> 6) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER pin_sheet_has_otherwise AFTER UPDATE OF shelf, bytes_or_none, pinned_at_or_none, shown_folded, cid ON pin BEGIN
    INSERT INTO pin_sheet_outdated VALUES (new.row >> 6) ON CONFLICT DO NOTHING;
END;
INSERT INTO pin_sheet_outdated SELECT DISTINCT row >> 6 FROM pin;
",
    // Whether an account's whole list is to be asked for before anything is sent there: its mirror went with a damaged database.
    r"ALTER TABLE account ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0;",
    // When its list was last gone through, and in how many requests.
    r"ALTER TABLE account ADD COLUMN walked_at INTEGER; ALTER TABLE account ADD COLUMN walked_requests INTEGER;",
];

/// The number of the newest schema.
#[cfg(test)]
pub(super) const NEWEST: i64 = STEPS.len() as i64;

/// Brings the database to the newest schema, each step in one transaction with its number.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    migrate_to(connection, None)
}

/// The same, and only as far as to the schema of that number, where there is one.
pub(super) fn migrate_to(connection: &mut Connection, wanted: Option<i64>) -> Result<(), StoreError> {
    let known = STEPS.len() as i64;
    if let Some(found) = wanted.filter(|wanted| *wanted > known) {
        return Err(StoreError::Newer { found, known });
    }
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (step, sql) in (1..=wanted.unwrap_or(known)).zip(STEPS).skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        if step == known {
            sheets::renew(&transaction)?;
        }
        transaction.pragma_update(None, "user_version", step)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::codec::register_functions;

    fn opened() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        register_functions(&connection).unwrap();
        connection
    }

    #[test]
    fn a_database_of_a_newer_holdfast_is_left_alone() {
        let mut connection = opened();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Newer { found: 99, .. })));
    }

    #[test]
    fn a_database_of_every_earlier_step_becomes_one_of_the_newest() {
        let tables = |connection: &Connection| -> Vec<String> {
            let mut names =
                connection.prepare("SELECT name || coalesce(sql, '') FROM sqlite_schema ORDER BY 1").unwrap();
            names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let mut newest = opened();
        migrate(&mut newest).unwrap();
        for found in 1..STEPS.len() {
            let mut connection = opened();
            connection.execute_batch(&STEPS[..found].concat()).unwrap();
            connection.pragma_update(None, "user_version", found as i64).unwrap();
            migrate(&mut connection).unwrap();
            assert_eq!(tables(&connection), tables(&newest), "from step {found}");
        }
    }

    #[test]
    fn what_an_earlier_version_verified_stays_verified() {
        let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        let mut connection = opened();
        connection.execute_batch(&STEPS[..12].concat()).unwrap();
        connection.pragma_update(None, "user_version", 12).unwrap();
        let receipt = |cid: &str, proof: &str| {
            format!(
                "INSERT INTO receipt (account, pin, cid, proof, bytes, at) VALUES ('a', '{proof}', '{cid}', '{proof}', 1, 2);"
            )
        };
        let account = "INSERT INTO account (id, label, kind, endpoint, this_computer, position, credentials)
            VALUES ('a', 'A', 'aioz', 'https://example.org', 0, 1, 'key_and_secret');";
        connection.execute_batch(account).unwrap();
        connection.execute_batch(&receipt(cid, "verified")).unwrap();
        connection.execute_batch(&receipt("bafkqaaa", "differs")).unwrap();
        migrate(&mut connection).unwrap();
        let verified: Vec<String> = {
            let mut select = connection.prepare("SELECT cid FROM content_proof").unwrap();
            select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(verified, [cid]);
        let differs = "SELECT count(*) FROM receipt WHERE proof = 'differs'";
        assert_eq!(connection.query_row(differs, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }

    #[test]
    fn what_an_earlier_version_had_in_its_queue_is_in_batches_with_their_totals() {
        let mut connection = opened();
        connection.execute_batch(&STEPS[..19].concat()).unwrap();
        connection.pragma_update(None, "user_version", 19).unwrap();
        let account = "INSERT INTO account (id, label, kind, endpoint, this_computer, position, credentials)
            VALUES ('a', 'A', 'aioz', 'https://example.org', 0, 1, 'key_and_secret');";
        connection.execute_batch(account).unwrap();
        let states = [("upload", "queued"), ("upload", "done"), ("pin", "failed"), ("upload", "cancelled")];
        for (number, (work, state)) in (1..).zip(states) {
            let sql = "INSERT INTO transfer (id, account, work, name, metadata, state, bytes, attempts, created_at, updated_at)
                VALUES (?1, 'a', ?2, 'n' || ?1, '{}', ?3, 10, 0, 5, 5)";
            connection.execute(sql, (number, work, state)).unwrap();
        }
        migrate(&mut connection).unwrap();
        let sql = "SELECT format('%s %s %d: %d %d %d %d %d/%d', origin, name, items, queued, failed, done, cancelled, bytes_done, bytes)
            FROM batch ORDER BY number";
        let mut select = connection.prepare(sql).unwrap();
        let batches: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches, ["added n1 3: 1 0 1 1 10/20", "pinned n3 1: 0 1 0 0 0/10"]);
    }
}

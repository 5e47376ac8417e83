//! The tables, and how older databases become today's.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::ServiceError;

/// One script per schema version; `user_version` counts those that were run.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE service (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    unclean INTEGER NOT NULL
) STRICT;
INSERT INTO service VALUES (1, 0);

CREATE TABLE owners (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    user_id BLOB NOT NULL
) STRICT;

CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES owners (id),
    name TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    secret_hash BLOB NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- Times are microseconds since 1970. `root` is the CID's version 1 in binary; `cid` is the text that the client knows.
CREATE TABLE pins (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    owner INTEGER NOT NULL REFERENCES owners (id),
    file_record_id BLOB NOT NULL,
    cid TEXT NOT NULL,
    root BLOB NOT NULL,
    size INTEGER,
    name TEXT NOT NULL,
    mime_type TEXT,
    keyvalues TEXT,
    is_dir INTEGER NOT NULL,
    is_pin_by_hash INTEGER NOT NULL,
    status TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    date_pinned INTEGER,
    date_unpinned INTEGER
) STRICT;
CREATE UNIQUE INDEX pins_live ON pins (owner, root) WHERE pinned = 1;
CREATE UNIQUE INDEX pins_failed ON pins (owner, root) WHERE status = 'retrieveFailed';
CREATE UNIQUE INDEX pins_by_date ON pins (owner, created_at);
CREATE INDEX pins_by_size ON pins (owner, size);
CREATE INDEX pins_by_name ON pins (owner, name);
CREATE INDEX pins_by_state_date ON pins (owner, pinned, created_at);
CREATE INDEX pins_by_state_size ON pins (owner, pinned, size);
CREATE INDEX pins_by_state_name ON pins (owner, pinned, name);

-- Counting a million rows for each page of a list would be slow.
CREATE TABLE totals (
    owner INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    files INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (owner, pinned)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER pins_insert AFTER INSERT ON pins BEGIN
    INSERT INTO totals VALUES (new.owner, new.pinned, 1, ifnull(new.size, 0))
        ON CONFLICT DO UPDATE SET files = files + 1, size = size + excluded.size;
END;
CREATE TRIGGER pins_update AFTER UPDATE OF owner, pinned, size ON pins BEGIN
    UPDATE totals SET files = files - 1, size = size - ifnull(old.size, 0)
        WHERE owner = old.owner AND pinned = old.pinned;
    INSERT INTO totals VALUES (new.owner, new.pinned, 1, ifnull(new.size, 0))
        ON CONFLICT DO UPDATE SET files = files + 1, size = size + excluded.size;
END;
CREATE TRIGGER pins_delete AFTER DELETE ON pins BEGIN
    UPDATE totals SET files = files - 1, size = size - ifnull(old.size, 0)
        WHERE owner = old.owner AND pinned = old.pinned;
END;
",
    include_str!("schema/requests.sql"),
    include_str!("schema/scopes.sql"),
    include_str!("schema/quotas.sql"),
    include_str!("schema/visits.sql"),
    include_str!("schema/metadata.sql"),
    include_str!("schema/damage.sql"),
];

/// Runs the scripts that the database has not seen.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), ServiceError> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let known = MIGRATIONS.len() as i64;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Some(missing) = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done..)) else {
        return Err(ServiceError::NewerSchema { found, known });
    };
    for script in missing {
        transaction.execute_batch(script)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
}

/// How the last run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastEnd {
    Clean,
    /// It was killed, or is running.
    Unclean,
    /// It ended properly and left blocks that no pin needs.
    WithGarbage,
}

/// Says how the last run ended, and notes that another one runs.
pub(crate) fn take_last_end(transaction: &Transaction<'_>) -> rusqlite::Result<LastEnd> {
    let noted: i64 = transaction.query_row("SELECT unclean FROM service", [], |row| row.get(0))?;
    note_end(transaction, LastEnd::Unclean)?;
    Ok(match noted {
        0 => LastEnd::Clean,
        2 => LastEnd::WithGarbage,
        _ => LastEnd::Unclean,
    })
}

pub(crate) fn note_end(transaction: &Transaction<'_>, end: LastEnd) -> rusqlite::Result<()> {
    let noted = match end {
        LastEnd::Clean => 0,
        LastEnd::Unclean => 1,
        LastEnd::WithGarbage => 2,
    };
    transaction.execute("UPDATE service SET unclean = ?1", [noted]).map(drop)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_database_of_a_later_version_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut connection), Err(ServiceError::NewerSchema { found: 99, .. })));
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
    }

    #[test]
    fn the_pins_of_the_first_version_are_counted_and_keep_their_state() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection
            .execute_batch(
                "INSERT INTO owners VALUES (1, 'a', zeroblob(16)), (2, 'b', zeroblob(16));
                 INSERT INTO keys VALUES (1, 1, 'k', x'01', x'02', 5);
                 INSERT INTO pins VALUES
                     (1, x'01', 1, x'', 'c', x'01', 7, 'n', NULL, NULL, 0, 0, 'pinned', 1, 10, 10, NULL),
                     (2, x'02', 1, x'', 'c', x'02', NULL, 'm', NULL, NULL, 0, 1, 'retrieveFailed', 0, 20, 20, NULL),
                     (3, x'03', 1, x'', 'c', x'01', 7, 'n', NULL, NULL, 0, 0, 'unpinNormally', 0, 30, 30, 40);",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let texts = |sql: &str| -> Vec<String> {
            let mut select = connection.prepare(sql).unwrap();
            let rows = select.query_map((), |row| row.get(0)).unwrap();
            rows.collect::<rusqlite::Result<_>>().unwrap()
        };
        assert_eq!(texts("SELECT status FROM pins ORDER BY row"), ["pinned", "failed", "unpinned"]);
        assert_eq!(
            texts("SELECT status || files || ',' || size FROM totals ORDER BY status"),
            ["failed1,0", "pinned1,7", "unpinned1,7"]
        );
        assert_eq!(
            texts("SELECT owner || sort || pinned || ',' || other FROM runs ORDER BY owner, sort"),
            ["1created_at1,2", "1name1,2", "1order_size1,2", "2created_at0,0", "2name0,0", "2order_size0,0"]
        );
        assert_eq!(texts("SELECT ended || ',' || bytes FROM metadata_usage ORDER BY ended"), ["0,2", "1,1"]);
        assert_eq!(texts("SELECT scopes FROM keys"), ["admin list pin pin_by_hash unpin"]);
    }

    #[test]
    fn a_pin_costs_the_same_however_many_its_owner_has() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO owners VALUES (1, 'a', zeroblob(16))", ()).unwrap();
        let steps = |sql: &str, row: i64| {
            let mut statement = connection.prepare(sql).unwrap();
            statement.execute([row]).unwrap();
            statement.get_status(StatementStatus::VmStep)
        };
        let insert = "INSERT INTO pins (id, owner, file_record_id, cid, root, name, is_dir, is_pin_by_hash, status, pinned, created_at, date_pinned)
            VALUES (randomblob(16), 1, x'', 'c', randomblob(36), 'n', 0, 0, 'pinned', 1, ?1, ?1)";
        let (update, delete) = (
            "UPDATE pins SET pinned = 0, status = 'unpinned', keyvalues = '{}' WHERE row = ?1",
            "DELETE FROM pins WHERE row = ?1 + (SELECT min(row) FROM pins)",
        );
        let few = [steps(insert, 1), steps(insert, 2), steps(update, 1), steps(delete, 1)];
        for row in 3..1_000 {
            steps(insert, row);
        }
        let many = [steps(insert, 1_000), steps(insert, 1_001), steps(update, 500), steps(delete, 700)];
        assert!(many.iter().zip(few).all(|(many, few)| *many < 2 * few), "{few:?} became {many:?}");
    }
}

//! A new database of all that can still be read of a damaged one.
//!
//! What services can tell again, the mirror, is not looked for in it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row, config::DbConfig, params_from_iter, types::Value};

use super::{Store, StoreError, accounts, codec, schema, settings};

/// The setting with the damaged database's name, and whether all of it could be read.
const SET_ASIDE: &str = "set_aside";

/// The setting that says that receipts may be missing.
pub(super) const RECEIPTS_LOST: &str = "receipts_lost";

/// Before a setting that was read whole.
const WHOLE: &str = "whole ";
const PART: &str = "part ";

/// A damaged database that another was put in the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetAside {
    /// What its file is called.
    pub(crate) name: String,
    /// Whether everything but the mirror was still to be read in it.
    pub(crate) is_whole: bool,
}

impl Store {
    /// The damaged database that was set aside, until that was told.
    pub(crate) async fn set_aside(&self) -> Result<Option<SetAside>, StoreError> {
        let noted = self.setting(SET_ASIDE).await?;
        let parts = noted.as_deref().and_then(|noted| {
            let whole = noted.strip_prefix(WHOLE).map(|name| (name, true));
            whole.or_else(|| noted.strip_prefix(PART).map(|name| (name, false)))
        });
        Ok(parts.map(|(name, is_whole)| SetAside { name: name.into(), is_whole }))
    }

    /// People were told of it.
    pub(crate) async fn forget_set_aside(&self) -> Result<(), StoreError> {
        self.set_setting(SET_ASIDE, None).await
    }
}

/// Fills a new file with a database of what can be read of another, which will be called `name`.
pub(super) fn rescue(damaged: &Path, new: &Path, name: &str) -> Result<(), StoreError> {
    let mut to = open_new(new)?;
    let from = open_damaged(damaged).map_err(StoreError::from);
    let found =
        from.as_ref().ok().map(|from| from.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)));
    let found = match found.transpose().map_err(StoreError::from) {
        Err(error) if error.passes() && damaged.exists() => return Err(error),
        found => found.ok().flatten().filter(|found| *found > 0),
    };
    schema::migrate_to(&mut to, found)?;
    to.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let mut is_whole = found.is_some();
    let transaction = to.transaction()?;
    if let (Ok(from), Some(_)) = (&from, found) {
        for table in tables(&transaction)? {
            is_whole &= copy_table(from, &transaction, &table)?;
        }
    }
    transaction.commit()?;
    to.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    schema::migrate(&mut to)?;
    to.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let transaction = to.transaction()?;
    is_whole &= accounts::remove_unreadable(&transaction)? == 0;
    is_whole &= remove_orphans(&transaction)? == 0;
    count_anew(&transaction)?;
    begin_anew(&transaction, is_whole)?;
    let noted = format!("{}{name}", if is_whole { WHOLE } else { PART });
    transaction.execute("INSERT OR REPLACE INTO setting VALUES (?1, ?2)", [SET_ASIDE, &noted])?;
    transaction.commit()?;
    Ok(to.close().map_err(|(_, error)| error)?)
}

/// A database that is made whole before anybody relies on it, in one file.
pub(super) fn open_new(path: &Path) -> Result<Connection, StoreError> {
    let db = Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "MEMORY")?;
    db.pragma_update(None, "synchronous", "OFF")?;
    db.pragma_update(None, "foreign_keys", false)?;
    codec::register_functions(&db)?;
    Ok(db)
}

/// Nothing of it is changed.
fn open_damaged(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // Some of a schema that is not understood whole is better than none.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    drop(db.pragma_update(None, "writable_schema", true));
    Ok(db)
}

/// What stands in no other table, and nobody else can tell.
fn is_kept(table: &str) -> bool {
    table != "pin" && !table.starts_with("pin_") && table != "transfer_count" && !table.starts_with("sqlite_")
}

/// A table, and how its rows are gone through.
struct Table {
    name: String,
    columns: Vec<String>,
    has_rowid: bool,
}

fn tables(db: &Connection) -> Result<Vec<Table>, StoreError> {
    let mut named = db.prepare("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")?;
    let named = named.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)))?;
    let named = named.collect::<Result<Vec<_>, _>>()?;
    let kept = named.into_iter().filter(|(name, _)| is_kept(name));
    kept.map(|(name, without_rowid)| {
        let columns = names(db, "SELECT name FROM pragma_table_info(?1)", &name)?;
        Ok(Table { name, columns, has_rowid: !without_rowid })
    })
    .collect()
}

fn names(db: &Connection, sql: &str, table: &str) -> Result<Vec<String>, StoreError> {
    Ok(db.prepare(sql)?.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Copies the rows of a table that can be read. Whether these were all.
fn copy_table(from: &Connection, to: &Connection, table: &Table) -> Result<bool, StoreError> {
    let (name, columns) = (&table.name, table.columns.join(", "));
    let places = vec!["?"; table.columns.len()].join(", ");
    let mut insert = to.prepare(&format!("INSERT OR IGNORE INTO {name} ({columns}) VALUES ({places})"))?;
    let mut are_all_taken = true;
    let mut keep = |row: &Row<'_>, first: usize| -> rusqlite::Result<()> {
        let values = (0..table.columns.len()).map(|column| row.get::<_, Value>(first + column));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        match insert.execute(params_from_iter(values)) {
            // No version writes such a row.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                are_all_taken = false;
                Ok(())
            }
            inserted => inserted.map(drop),
        }
    };
    let are_all_read = if table.has_rowid {
        let sql = format!("SELECT rowid, {columns} FROM {name} WHERE rowid > ?1 ORDER BY rowid");
        copy_past_holes(from, &sql, |row| keep(row, 1))?
    } else {
        let keys = names(to, "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", name)?;
        let mut copied = |order: String| -> Result<bool, StoreError> {
            read_each(from, &format!("SELECT {columns} FROM {name} ORDER BY {order}"), [], |row| keep(row, 0))
        };
        let backwards = keys.iter().map(|key| format!("{key} DESC")).collect::<Vec<_>>().join(", ");
        let is_whole = copied(keys.join(", "))?;
        if !is_whole {
            // From the other end, as far as that goes.
            copied(backwards)?;
        }
        is_whole
    };
    Ok(are_all_read && are_all_taken)
}

/// Goes through a table in the order of its rows, and where one cannot be read on behind it: ever further, until one can.
fn copy_past_holes(
    from: &Connection,
    sql: &str,
    mut keep: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<bool, StoreError> {
    let (mut last, mut step, mut is_whole) = (i64::MIN, 1_i64, true);
    loop {
        let ended = read_each(from, sql, [last], |row| {
            last = last.max(row.get(0)?);
            step = 1;
            keep(row)
        })?;
        if ended {
            return Ok(is_whole);
        }
        is_whole = false;
        let Some(next) = last.max(0).checked_add(step) else { return Ok(false) };
        (last, step) = (next, step.saturating_mul(2));
    }
}

/// Reads rows as far as they can be read; whether to the last. What fails for another reason than damage ends it all.
fn read_each(
    db: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    mut keep: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<bool, StoreError> {
    let read = || -> rusqlite::Result<()> {
        let mut select = db.prepare(sql)?;
        let mut rows = select.query(values)?;
        while let Some(row) = rows.next()? {
            keep(row)?;
        }
        Ok(())
    };
    match read().map_err(StoreError::from) {
        Err(error) if error.passes() => Err(error),
        read => Ok(read.is_ok()),
    }
}

/// Removes what belongs to something that could not be read. Says how many rows that were.
fn remove_orphans(db: &Connection) -> Result<usize, StoreError> {
    let mut removed = 0;
    loop {
        let before = removed;
        for Table { name, .. } in tables(db)? {
            let sql = "SELECT \"table\", \"from\", coalesce(\"to\", 'rowid') FROM pragma_foreign_key_list(?1)";
            let keys = db
                .prepare(sql)?
                .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<Vec<(String, String, String)>, _>>()?;
            for (parent, column, key) in keys {
                let sql = format!(
                    "DELETE FROM {name} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {parent})"
                );
                removed += db.execute(&sql, [])?;
            }
        }
        if removed == before {
            return Ok(removed);
        }
    }
}

/// Counts what is counted as transfers come and go, of those that there are.
fn count_anew(db: &Connection) -> Result<(), StoreError> {
    let sql = "
        DELETE FROM transfer_count;
        INSERT INTO transfer_count SELECT state, count(*) FROM transfer GROUP BY state;
        UPDATE transfer SET batch = NULL WHERE batch NOT IN (SELECT number FROM batch);
        UPDATE batch SET (transfers, queued, running, waiting, paused, asked, failed) = (
            SELECT count(*), total(state = 'queued'), total(state = 'running'), total(state = 'waiting'),
                total(state = 'paused'), total(state = 'asked'), total(state = 'failed')
            FROM transfer WHERE batch = number);
        DELETE FROM batch WHERE transfers = 0;
        DELETE FROM batch_account WHERE batch NOT IN (SELECT number FROM batch);
        DELETE FROM batch_trouble;
        INSERT INTO batch_trouble
            SELECT batch, account, state, code, count(*), ifnull(failure, ''), details FROM transfer
            WHERE batch IS NOT NULL AND state IN ('failed', 'waiting') AND code IS NOT NULL
            GROUP BY batch, account, state, code;";
    Ok(db.execute_batch(sql)?)
}

/// What the services have is asked for before anything is sent there; where receipts may be missing, everything is looked for
/// there first. The secrets of accounts that could not be read stay in the keyring.
fn begin_anew(db: &Connection, is_whole: bool) -> Result<(), StoreError> {
    db.execute("UPDATE account SET unlisted = 1, walked_at = NULL", [])?;
    if !is_whole {
        db.execute("DELETE FROM keyring_entry WHERE account NOT IN (SELECT id FROM account)", [])?;
        db.execute("INSERT OR REPLACE INTO setting VALUES (?1, '')", [RECEIPTS_LOST])?;
    }
    Ok(())
}

/// Whether receipts may be missing.
pub(super) fn has_lost_receipts(db: &Connection) -> Result<bool, StoreError> {
    Ok(settings::get(db, RECEIPTS_LOST)?.is_some())
}

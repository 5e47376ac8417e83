//! Where the pin at any offset of a list is, without walking over those before it.
//!
//! For each order that a list can have, the table `runs` cuts an owner's pins into runs of about a thousand and says how
//! many pins are in each. Triggers keep the counts; runs that grew too long are cut in two here. An offset is then found
//! by adding up counts and skipping less than one run.

use rusqlite::{OptionalExtension, Transaction, types::Value};

use super::{
    StoreError,
    keys::Owner,
    order::{SortKey, SortOrder},
};

/// A run of more pins than this is cut in two.
const LONGEST_RUN: i64 = 2048;

/// So many stay in the first of the two.
const KEPT: i64 = LONGEST_RUN / 2;

/// Where a page begins: at the `skip`-th of the pins from `bound` on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Start {
    /// Key and date: the first pin of a run when ascending, the one after its last when descending.
    pub(crate) bound: Option<(Value, i64)>,
    pub(crate) skip: i64,
}

/// Finds the pin at `offset`; `pinned` says which pins count. `None` if there are not so many.
pub(crate) fn start(
    transaction: &Transaction<'_>,
    owner: Owner,
    (key, order): (SortKey, SortOrder),
    pinned: Option<bool>,
    offset: u32,
) -> Result<Option<Start>, StoreError> {
    let direction = order.sql();
    let mut select = transaction.prepare_cached(&format!(
        "SELECT first_key, first_created, {} FROM runs WHERE owner = ?1 AND sort = ?2
         ORDER BY first_key {direction}, first_created {direction}",
        counted(pinned)
    ))?;
    let mut rows = select.query((owner.id, key.column()))?;
    let mut before = None;
    let mut skip = i64::from(offset);
    while let Some(row) = rows.next()? {
        let first = (row.get(0)?, row.get(1)?);
        let files: i64 = row.get(2)?;
        if skip < files {
            let bound = if order == SortOrder::Ascending { Some(first) } else { before };
            return Ok(Some(Start { bound, skip }));
        }
        before = Some(first);
        skip -= files;
    }
    Ok(None)
}

/// How many pinned pins were created before `created_at` (microseconds).
pub(crate) fn pinned_before(
    transaction: &Transaction<'_>,
    owner: Owner,
    created_at: i64,
) -> Result<i64, rusqlite::Error> {
    let whole: (i64, Option<i64>) = transaction
        .prepare_cached(
            "SELECT ifnull(sum(pinned), 0), max(first_key) FROM runs
             WHERE owner = ?1 AND sort = 'created_at' AND first_key <= ?2",
        )?
        .query_row((owner.id, created_at), |row| Ok((row.get(0)?, row.get(1)?)))?;
    // The last of those runs may go on after that moment.
    let last = whole.1.unwrap_or(i64::MIN);
    let counts: (i64, i64) = transaction
        .prepare_cached(
            "SELECT (SELECT pinned FROM runs WHERE owner = ?1 AND sort = 'created_at' AND first_key = ?2),
                    (SELECT count(*) FROM pins WHERE owner = ?1 AND pinned = 1 AND created_at >= ?2 AND created_at < ?3)",
        )?
        .query_row((owner.id, last, created_at), |row| Ok((row.get::<_, Option<i64>>(0)?.unwrap_or(0), row.get(1)?)))?;
    Ok(whole.0 - counts.0 + counts.1)
}

/// Cuts the runs that a pin is in, where they have grown too long.
pub(crate) fn cut_long(transaction: &Transaction<'_>, owner: Owner, row: i64) -> Result<(), rusqlite::Error> {
    for key in SortKey::ALL {
        let column = key.column();
        let found: Option<(Value, i64, i64)> = transaction
            .prepare_cached(&format!(
                "SELECT first_key, first_created, runs.pinned + other FROM runs
                 JOIN pins ON pins.row = ?3
                 WHERE runs.owner = ?1 AND sort = ?2 AND (first_key, first_created) <= (pins.{column}, pins.created_at)
                 ORDER BY first_key DESC, first_created DESC LIMIT 1"
            ))?
            .query_row((owner.id, column, row), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        if let Some((first_key, first_created, files)) = found
            && files > LONGEST_RUN
        {
            cut(transaction, owner.id, key, (first_key, first_created))?;
        }
    }
    Ok(())
}

/// Cuts all runs that are too long: those of a database that did not have runs before.
pub(crate) fn cut_all(transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    for key in SortKey::ALL {
        let long: Vec<(i64, Value, i64, i64)> = transaction
            .prepare_cached(
                "SELECT owner, first_key, first_created, pinned + other FROM runs
                 WHERE sort = ?1 AND pinned + other > ?2",
            )?
            .query_map((key.column(), LONGEST_RUN), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (owner, first_key, first_created, mut files) in long {
            let mut first = (first_key, first_created);
            while files > LONGEST_RUN {
                let Some(rest) = cut(transaction, owner, key, first)? else { break };
                first = rest;
                files -= KEPT;
            }
        }
    }
    Ok(())
}

/// Leaves the first pins of a run in it and begins another with the rest. Gives where that begins.
fn cut(
    transaction: &Transaction<'_>,
    owner: i64,
    key: SortKey,
    (first_key, first_created): (Value, i64),
) -> Result<Option<(Value, i64)>, rusqlite::Error> {
    let column = key.column();
    let second: Option<(Value, i64)> = transaction
        .prepare_cached(&format!(
            "SELECT {column}, created_at FROM pins WHERE owner = ?1 AND ({column}, created_at) >= (?2, ?3)
             ORDER BY {column}, created_at LIMIT 1 OFFSET ?4"
        ))?
        .query_row((owner, &first_key, first_created, KEPT), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((second_key, second_created)) = second else {
        return Ok(None);
    };
    let pinned: i64 = transaction
        .prepare_cached(&format!(
            "SELECT ifnull(sum(pinned), 0) FROM (SELECT pinned FROM pins
             WHERE owner = ?1 AND ({column}, created_at) >= (?2, ?3) ORDER BY {column}, created_at LIMIT ?4)"
        ))?
        .query_row((owner, &first_key, first_created, KEPT), |row| row.get(0))?;
    transaction
        .prepare_cached(
            "INSERT INTO runs SELECT owner, sort, ?5, ?6, pinned - ?7, other - ?8 FROM runs
             WHERE owner = ?1 AND sort = ?2 AND first_key = ?3 AND first_created = ?4",
        )?
        .execute((owner, column, &first_key, first_created, &second_key, second_created, pinned, KEPT - pinned))?;
    transaction
        .prepare_cached(
            "UPDATE runs SET pinned = ?5, other = ?6 WHERE owner = ?1 AND sort = ?2 AND first_key = ?3 AND first_created = ?4",
        )?
        .execute((owner, column, first_key, first_created, pinned, KEPT - pinned))?;
    Ok(Some((second_key, second_created)))
}

const fn counted(pinned: Option<bool>) -> &'static str {
    match pinned {
        None => "pinned + other",
        Some(true) => "pinned",
        Some(false) => "other",
    }
}

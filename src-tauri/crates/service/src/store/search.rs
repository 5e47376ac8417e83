//! Lists of pins as the Pinning Service API asks for them: newest first, by filters, paged by date.

use holdfast_content::Cid;
use rusqlite::{Transaction, types::Value};

use super::{
    StoreError,
    database::fold,
    keys::Owner,
    pin::{self, COLUMNS, Pin, PinStatus, root_bytes},
    pins::Pins,
    runs,
};

/// How a name is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Match {
    #[default]
    Exact,
    ExactIgnoringCase,
    Partial,
    PartialIgnoringCase,
}

/// Which pins of an owner are asked for. Those that were given up are never among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PinSearch {
    /// Any of these, whatever their version; all if there are none.
    pub(crate) roots: Vec<Cid>,
    pub(crate) name: Option<(Match, String)>,
    /// Any of these.
    pub(crate) statuses: Vec<PinStatus>,
    /// Only pins created before; microseconds since 1970.
    pub(crate) before: Option<i64>,
    /// Only pins created after; microseconds since 1970.
    pub(crate) after: Option<i64>,
    /// Pairs that must all be among a pin's own.
    pub(crate) meta: Vec<(String, String)>,
    pub(crate) limit: u32,
}

/// The newest of the pins that were asked for, and how many there are in all.
#[derive(Debug)]
pub(crate) struct FoundPins {
    pub(crate) count: u64,
    pub(crate) pins: Vec<Pin>,
}

impl Pins {
    pub(crate) fn search(&self, owner: Owner, search: &PinSearch) -> Result<FoundPins, StoreError> {
        self.database.read(|transaction| {
            let count = count(transaction, owner, search)?;
            let (page, values) = newest(owner, search);
            let sql = format!("SELECT {COLUMNS} FROM pins WHERE row IN ({page}) ORDER BY created_at DESC");
            let mut select = transaction.prepare_cached(&sql)?;
            let pins = pin::page(select.query(rusqlite::params_from_iter(values))?)?;
            Ok(FoundPins { count, pins })
        })
    }
}

fn count(transaction: &Transaction<'_>, owner: Owner, search: &PinSearch) -> Result<u64, StoreError> {
    let only_by_date = search.roots.is_empty() && search.name.is_none() && search.meta.is_empty();
    let mut sum = 0_i64;
    let mut rest = search.clone();
    if only_by_date && search.statuses.contains(&PinStatus::Pinned) {
        let until = runs::pinned_before(transaction, owner, search.before.unwrap_or(i64::MAX))?;
        let from = match search.after {
            Some(after) => runs::pinned_before(transaction, owner, after.saturating_add(1))?,
            None => 0,
        };
        sum = (until - from).max(0);
        rest.statuses.retain(|status| *status != PinStatus::Pinned);
    }
    let counted = |(condition, values): (String, Vec<Value>), index: &str| {
        let mut select = transaction.prepare_cached(&format!("SELECT count(*) FROM pins {index} WHERE {condition}"))?;
        select.query_row(rusqlite::params_from_iter(values), |row| row.get::<_, i64>(0))
    };
    if !rest.statuses.is_empty() {
        sum += counted(condition(owner, &rest, &rest.statuses), index(search))?;
    }
    // Damaged pins count as failed, and not as pinned.
    let shows = |status| i64::from(search.statuses.contains(&status));
    let times = shows(PinStatus::Failed) - shows(PinStatus::Pinned);
    if times != 0 {
        sum += times * counted(damaged(owner, search), OF_ROOT)?;
    }
    Ok(sum.cast_unsigned())
}

/// The rows of the first page. Each status by itself, so that each is read in order from an index and no further than
/// the page goes.
fn newest(owner: Owner, search: &PinSearch) -> (String, Vec<Value>) {
    let mut all = Vec::new();
    let mut part = |(condition, values): (String, Vec<Value>), index: &str| {
        all.extend(values);
        all.push(Value::from(search.limit));
        format!(
            "SELECT * FROM (SELECT row, created_at FROM pins {index} WHERE {condition} ORDER BY created_at DESC LIMIT ?)"
        )
    };
    let mut parts = Vec::new();
    for status in &search.statuses {
        let (mut condition, values) = condition(owner, search, std::slice::from_ref(status));
        if *status == PinStatus::Pinned {
            condition.push_str(" AND root NOT IN (SELECT root FROM damage)");
        }
        parts.push(part((condition, values), index(search)));
        if *status == PinStatus::Failed {
            parts.push(part(damaged(owner, search), OF_ROOT));
        }
    }
    all.push(Value::from(search.limit));
    (format!("SELECT row FROM ({}) ORDER BY created_at DESC LIMIT ?", parts.join(" UNION ALL ")), all)
}

const OF_ROOT: &str = "INDEXED BY pins_by_root";

/// The pins that are not complete any more, which are few.
fn damaged(owner: Owner, search: &PinSearch) -> (String, Vec<Value>) {
    let (condition, values) = condition(owner, search, &[PinStatus::Pinned]);
    (format!("{condition} AND root IN (SELECT root FROM damage)"), values)
}

/// SQLite keeps no statistics here that would tell it how few pins have one CID or one name.
const fn index(search: &PinSearch) -> &'static str {
    match &search.name {
        _ if !search.roots.is_empty() => OF_ROOT,
        Some((Match::Exact, _)) => "INDEXED BY pins_by_name",
        _ => "INDEXED BY pins_by_status",
    }
}

fn condition(owner: Owner, search: &PinSearch, statuses: &[PinStatus]) -> (String, Vec<Value>) {
    let mut sql = format!("owner = ? AND status IN ({})", places(statuses.len()));
    let mut values = vec![Value::from(owner.id)];
    values.extend(statuses.iter().map(|status| Value::from(status.word().to_owned())));
    for (comparison, moment) in [("<", search.before), (">", search.after)] {
        if let Some(moment) = moment {
            sql.push_str(&format!(" AND created_at {comparison} ?"));
            values.push(Value::from(moment));
        }
    }
    if !search.roots.is_empty() {
        sql.push_str(&format!(" AND root IN ({})", places(search.roots.len())));
        values.extend(search.roots.iter().map(|root| Value::from(root_bytes(root))));
    }
    if let Some((matching, name)) = &search.name {
        let (comparison, name) = match matching {
            Match::Exact => (" AND name = ?", name.clone()),
            Match::ExactIgnoringCase => (" AND folded(name) = ?", fold(name)),
            Match::Partial => (" AND instr(name, ?) > 0", name.clone()),
            Match::PartialIgnoringCase => (" AND instr(folded(name), ?) > 0", fold(name)),
        };
        sql.push_str(comparison);
        values.push(Value::from(name));
    }
    for (key, value) in &search.meta {
        // As text, because that is how the API shows what another API stored as a number or a truth value.
        sql.push_str(
            " AND EXISTS (SELECT 1 FROM json_each(keyvalues) AS pair WHERE pair.key = ? AND
             CASE WHEN pair.type IN ('true', 'false') THEN pair.type ELSE CAST(pair.value AS TEXT) END = ?)",
        );
        values.extend([Value::from(key.clone()), Value::from(value.clone())]);
    }
    (sql, values)
}

fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

//! Which rows of the mirror a page has. Every order and filter is read from an index; where several shelves match, the place at
//! which a page begins is found in each of them, and only the page itself is merged.

use std::cmp::Ordering;

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{StoreError, shelves::Shelf};
use crate::pin::PinSort;

/// Rows that are merged one by one rather than that a closer place is looked for.
const CLOSE: u64 = 512;

/// A part of an order, of which the whole has `total` rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) limit: u64,
    pub(super) descending: bool,
}

/// The rows of a part of everything that is on these shelves; `everything` where that is the whole mirror.
pub(super) fn rows(
    db: &Connection,
    shelves: &[Shelf],
    everything: bool,
    sort: PinSort,
    part: Part,
) -> Result<Vec<i64>, StoreError> {
    let total: u64 = shelves.iter().map(|shelf| shelf.pins).sum();
    let limit = part.limit.min(total.saturating_sub(part.offset));
    if limit == 0 {
        return Ok(Vec::new());
    }
    // Counted from the nearer end.
    let behind = total - part.offset - limit;
    let turned = behind < part.offset;
    let (offset, descending) = if turned { (behind, !part.descending) } else { (part.offset, part.descending) };
    let part = Part { offset, limit, descending };
    let mut rows = match Key::of(sort) {
        Some(key) if everything => of_all(db, key, part)?,
        Some(key) => merged(db, key, shelves, part)?,
        None => by_status(db, shelves, part)?,
    };
    if turned {
        rows.reverse();
    }
    Ok(rows)
}

/// What the rows of a shelf are in the order of, beside their own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Name,
    Bytes,
    PinnedAt,
    Row,
}

impl Key {
    const fn of(sort: PinSort) -> Option<Self> {
        match sort {
            PinSort::Name => Some(Self::Name),
            PinSort::Size => Some(Self::Bytes),
            PinSort::PinnedAt => Some(Self::PinnedAt),
            PinSort::Status => None,
        }
    }

    /// What stands in a shelf's index; never NULL, so that places can be compared.
    const fn value(self) -> &'static str {
        match self {
            Self::Name => "shown_folded",
            Self::Bytes => "bytes_or_none",
            Self::PinnedAt => "pinned_at_or_none",
            Self::Row => "0",
        }
    }

    const fn index(self) -> &'static str {
        match self {
            Self::Name => "pin_by_shelf_and_name",
            Self::Bytes => "pin_by_shelf_and_bytes",
            Self::PinnedAt => "pin_by_shelf_and_pinned_at",
            Self::Row => "pin_by_shelf",
        }
    }

    /// That a row stands so to the place of parameters `at` and `at` + 1.
    fn stands(self, comparison: &str, at: usize) -> String {
        match self {
            // The other parameter is named, for it is given in any case.
            Self::Row => format!("?{at} IS NOT NULL AND row {comparison} ?{}", at + 1),
            _ => format!("({}, row) {comparison} (?{at}, ?{})", self.value(), at + 1),
        }
    }
}

/// Where a row stands in an order.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    value: Value,
    row: i64,
}

impl Place {
    fn compare(&self, other: &Self) -> Ordering {
        let values = match (&self.value, &other.value) {
            (Value::Text(one), Value::Text(other)) => one.as_bytes().cmp(other.as_bytes()),
            (Value::Integer(one), Value::Integer(other)) => one.cmp(other),
            _ => Ordering::Equal,
        };
        values.then(self.row.cmp(&other.row))
    }

    fn values(&self) -> [Value; 2] {
        [self.value.clone(), self.row.into()]
    }
}

const fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

fn of_all(db: &Connection, key: Key, part: Part) -> Result<Vec<i64>, StoreError> {
    let column = match key {
        Key::Name => "shown_folded",
        Key::Bytes => "bytes",
        Key::PinnedAt => "pinned_at",
        Key::Row => "row",
    };
    let mut statement = db.prepare_cached(&of_all_sql(column, part.descending))?;
    let rows = statement.query_map((part.limit.cast_signed(), part.offset.cast_signed()), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn of_all_sql(column: &str, descending: bool) -> String {
    let direction = direction(descending);
    format!("SELECT row FROM pin ORDER BY {column} {direction}, row {direction} LIMIT ?1 OFFSET ?2")
}

/// One status after the other, each in the order of its rows.
fn by_status(db: &Connection, shelves: &[Shelf], part: Part) -> Result<Vec<i64>, StoreError> {
    let mut sorted = shelves.to_vec();
    sorted.sort_by(|one, other| one.status.cmp(&other.status));
    let mut groups: Vec<&[Shelf]> = sorted.chunk_by(|one, other| one.status == other.status).collect();
    if part.descending {
        groups.reverse();
    }
    let (mut rows, mut offset, mut limit) = (Vec::new(), part.offset, part.limit);
    for group in groups {
        let pins: u64 = group.iter().map(|shelf| shelf.pins).sum();
        let here = limit.min(pins.saturating_sub(offset));
        if here > 0 {
            rows.extend(merged(db, Key::Row, group, Part { offset, limit: here, ..part })?);
        }
        (offset, limit) = (offset.saturating_sub(pins), limit - here);
    }
    Ok(rows)
}

/// How much of a shelf is before the part: at least `least`, at most `most`.
struct Before {
    shelf: i64,
    least: u64,
    most: u64,
}

impl Before {
    const fn open(&self) -> u64 {
        self.most - self.least
    }
}

/// A part of several shelves in one order.
fn merged(db: &Connection, key: Key, shelves: &[Shelf], part: Part) -> Result<Vec<i64>, StoreError> {
    let order = Order { db, key, descending: part.descending };
    if let [shelf] = shelves {
        let places = order.places(shelf.number, None, part.limit, part.offset)?;
        return Ok(places.into_iter().map(|place| place.row).collect());
    }
    let bounds = |shelf: &Shelf| Before { shelf: shelf.number, least: 0, most: shelf.pins.min(part.offset) };
    let mut before: Vec<_> = shelves.iter().map(bounds).collect();
    // Everything of `least` is before this place.
    let mut from: Option<Place> = None;
    while before.iter().map(Before::open).sum::<u64>() > CLOSE {
        let Some(widest) = before.iter().max_by_key(|shelf| shelf.open()).filter(|shelf| shelf.open() > 1) else {
            break;
        };
        let half = widest.open() / 2;
        let Some(place) = order.places(widest.shelf, from.as_ref(), 1, half)?.pop() else { break };
        let mut counts = Vec::with_capacity(before.len());
        for shelf in &before {
            let between = match shelf.shelf == widest.shelf {
                true => half,
                false => order.count(shelf.shelf, from.as_ref(), &place)?,
            };
            counts.push(shelf.least + between);
        }
        if counts.iter().sum::<u64>() <= part.offset {
            for (shelf, count) in before.iter_mut().zip(counts) {
                (shelf.least, shelf.most) = (count, shelf.most.max(count));
            }
            from = Some(place);
        } else {
            for (shelf, count) in before.iter_mut().zip(counts) {
                shelf.most = shelf.most.min(count);
            }
        }
    }
    let passed: u64 = before.iter().map(|shelf| shelf.least).sum();
    let ahead = part.offset - passed;
    let mut places = Vec::new();
    for shelf in &before {
        places.extend(order.places(shelf.shelf, from.as_ref(), ahead + part.limit, 0)?);
    }
    places.sort_by(|one, other| if part.descending { other.compare(one) } else { one.compare(other) });
    let rows = places.into_iter().map(|place| place.row);
    Ok(rows.skip(usize::try_from(ahead).unwrap_or(usize::MAX)).take(usize::try_from(part.limit).unwrap_or(0)).collect())
}

/// Shelves in an order.
struct Order<'db> {
    db: &'db Connection,
    key: Key,
    descending: bool,
}

impl Order<'_> {
    /// Places of a shelf, from a place on.
    fn places(&self, shelf: i64, from: Option<&Place>, limit: u64, offset: u64) -> Result<Vec<Place>, StoreError> {
        let mut statement = self.db.prepare_cached(&self.places_sql(from.is_some()))?;
        let mut values = vec![shelf.into(), limit.cast_signed().into(), offset.cast_signed().into()];
        values.extend(from.into_iter().flat_map(Place::values));
        let places =
            statement.query_map(params_from_iter(values), |row| Ok(Place { value: row.get(0)?, row: row.get(1)? }))?;
        Ok(places.collect::<Result<_, _>>()?)
    }

    fn places_sql(&self, from: bool) -> String {
        let (value, index, direction) = (self.key.value(), self.key.index(), direction(self.descending));
        let order = match self.key {
            Key::Row => format!("row {direction}"),
            _ => format!("{value} {direction}, row {direction}"),
        };
        let from = if from { format!("AND {}", self.key.stands(self.not_before(), 4)) } else { String::new() };
        format!(
            "SELECT {value}, row FROM pin INDEXED BY {index} WHERE shelf = ?1 {from} ORDER BY {order} LIMIT ?2 OFFSET ?3"
        )
    }

    /// How many of a shelf are before a place, from another on.
    fn count(&self, shelf: i64, from: Option<&Place>, until: &Place) -> Result<u64, StoreError> {
        let values =
            std::iter::once(shelf.into()).chain(until.values()).chain(from.into_iter().flat_map(Place::values));
        let mut statement = self.db.prepare_cached(&self.count_sql(from.is_some()))?;
        let count: i64 = statement.query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    fn count_sql(&self, from: bool) -> String {
        let until = self.key.stands(if self.descending { ">" } else { "<" }, 2);
        let from = if from { format!("AND {}", self.key.stands(self.not_before(), 4)) } else { String::new() };
        let index = self.key.index();
        format!("SELECT count(*) FROM pin INDEXED BY {index} WHERE shelf = ?1 AND {until} {from}")
    }

    const fn not_before(&self) -> &'static str {
        if self.descending { "<=" } else { ">=" }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::{
        super::{codec, schema, shelves},
        *,
    };
    use crate::{
        ids::AccountId,
        pin::{PinQuery, PinStatus},
    };

    const STATUSES: [PinStatus; 3] = [PinStatus::Pinned, PinStatus::Failed, PinStatus::Queued];
    const ACCOUNTS: [&str; 3] = ["one", "three", "two"];
    const SORTS: [PinSort; 4] = [PinSort::Name, PinSort::Size, PinSort::Status, PinSort::PinnedAt];

    /// A row of the mirror as far as it is sorted and filtered.
    #[derive(Clone, Debug)]
    struct Row {
        row: i64,
        account: &'static str,
        status: PinStatus,
        name: String,
        bytes: Option<i64>,
        pinned_at: Option<i64>,
    }

    /// A mirror of so many pins at three accounts, with many equal values.
    fn mirror(pins: i64) -> (Connection, Vec<Row>) {
        let mut db = Connection::open_in_memory().unwrap();
        codec::register_functions(&db).unwrap();
        schema::migrate(&mut db).unwrap();
        for (position, account) in (0_i64..).zip(ACCOUNTS) {
            let sql = "INSERT INTO account (id, label, kind, endpoint, this_computer, position, credentials)
                VALUES (?1, ?1, 'aioz', 'https://example.org', 0, ?2, 'key_and_secret')";
            db.execute(sql, (account, position)).unwrap();
        }
        let mut rows = Vec::new();
        let mut of = shelves::Shelves::default();
        let transaction = db.transaction().unwrap();
        for row in 1..=pins {
            let mixed = row.wrapping_mul(2_654_435_761) >> 7;
            let pin = Row {
                row,
                account: ACCOUNTS[usize::try_from(mixed % 10).unwrap().saturating_sub(7)],
                status: STATUSES[usize::try_from(mixed / 10 % 7).unwrap().saturating_sub(4)],
                name: format!("{}{}", ["b", "A", "\u{e4}"][usize::try_from(row % 3).unwrap()], mixed % 997)
                    .to_lowercase(),
                bytes: (mixed % 5 != 0).then_some(mixed % 701),
                pinned_at: (mixed % 3 != 0).then_some(mixed % 1_009),
            };
            let shelf = of.of(&transaction, &AccountId(pin.account.into()), pin.status).unwrap();
            let sql =
                "INSERT INTO pin (row, number, account, id, cid, content, shown_folded, bytes, status, raw_status,
                    is_directory, pinned_at, metadata, fingerprint, seen, shelf, bytes_or_none, pinned_at_or_none)
                VALUES (?1, ?1, ?2, ?1, 'cid', ?1, ?3, ?4, ?5, '', 0, ?6, '{}', 0, 0, ?7, ifnull(?4, -1), ifnull(?6, -1))";
            let values = (row, pin.account, &pin.name, pin.bytes, pin.status.as_str(), pin.pinned_at, shelf);
            transaction.prepare_cached(sql).unwrap().execute(values).unwrap();
            rows.push(pin);
        }
        transaction.commit().unwrap();
        (db, rows)
    }

    fn ask(db: &Connection, query: &PinQuery) -> Vec<i64> {
        let shelves = shelves::matching(db, query, &[]).unwrap();
        let everything = query.account.is_none() && query.status.is_none();
        let part = Part { offset: query.offset, limit: query.limit.into(), descending: query.descending };
        rows(db, &shelves, everything, query.sort, part).unwrap()
    }

    fn filters() -> Vec<PinQuery> {
        let accounts = ACCOUNTS.map(|account| Some(AccountId(account.into()))).into_iter().chain([None]);
        let statuses = STATUSES.map(Some).into_iter().chain([None]);
        let filters = accounts.flat_map(|account| statuses.clone().map(move |status| (account.clone(), status)));
        let queries = filters.flat_map(|(account, status)| {
            SORTS.into_iter().flat_map(move |sort| {
                let query = PinQuery { account: account.clone(), status, sort, ..PinQuery::default() };
                [false, true].map(|descending| PinQuery { descending, ..query.clone() })
            })
        });
        queries.collect()
    }

    #[test]
    fn every_page_of_every_filter_and_order_is_that_part_of_all_rows_sorted() {
        let (db, rows) = mirror(4_000);
        for query in filters() {
            let mut expected = rows.clone();
            expected.retain(|row| {
                query.account.as_ref().is_none_or(|account| account.0 == row.account)
                    && query.status.is_none_or(|status| status == row.status)
            });
            expected.sort_by(|one, other| {
                let by = match query.sort {
                    PinSort::Name => one.name.cmp(&other.name),
                    PinSort::Size => one.bytes.cmp(&other.bytes),
                    PinSort::Status => one.status.as_str().cmp(other.status.as_str()),
                    PinSort::PinnedAt => one.pinned_at.cmp(&other.pinned_at),
                };
                by.then(one.row.cmp(&other.row))
            });
            if query.descending {
                expected.reverse();
            }
            let expected: Vec<i64> = expected.into_iter().map(|row| row.row).collect();
            let total = expected.len();
            for offset in [0, 1, total / 3, total / 2, total * 4 / 5, total.saturating_sub(7), total, total + 9] {
                let query = PinQuery { offset: offset as u64, limit: 60, ..query.clone() };
                let wanted: Vec<i64> = expected.iter().skip(offset).take(60).copied().collect();
                assert_eq!(ask(&db, &query), wanted, "{query:?}");
            }
        }
    }

    #[test]
    fn no_page_is_sorted_and_none_is_looked_for_through_the_table() {
        let (db, _) = mirror(10);
        let mut asked = Vec::new();
        for descending in [false, true] {
            asked.extend(["shown_folded", "bytes", "pinned_at"].map(|column| of_all_sql(column, descending)));
            for key in [Key::Name, Key::Bytes, Key::PinnedAt, Key::Row] {
                let order = Order { db: &db, key, descending };
                asked.extend([false, true].map(|from| order.places_sql(from)));
                asked.extend([false, true].map(|from| order.count_sql(from)));
            }
        }
        for sql in asked {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let none = vec![Value::Null; plan.parameter_count()];
            let steps = plan.query_map(params_from_iter(none), |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<_> = steps.map(Result::unwrap).collect();
            let is_read_from_an_index = |step: &String| step.contains("USING COVERING INDEX pin_by_");
            assert!(steps.iter().all(is_read_from_an_index), "{sql}\n{steps:#?}");
            let from_a_place = sql.contains(">=") || sql.contains("<=");
            let by_range = |step: &String| step.contains("(shelf=? AND ");
            assert!(!from_a_place || steps.iter().all(by_range), "{sql}\n{steps:#?}");
        }
    }

    #[test]
    fn the_deepest_page_of_several_shelves_takes_few_steps_for_each_row_before_it() {
        const PINS: i64 = 30_000;
        let (db, _) = mirror(PINS);
        let status = Some(PinStatus::Pinned);
        for sort in SORTS {
            let query = PinQuery { offset: 8_000, limit: 100, sort, status, ..PinQuery::default() };
            assert_eq!(ask(&db, &query).len(), 100);
        }
        let mut steps = 0;
        for key in [Key::Name, Key::Bytes, Key::PinnedAt, Key::Row] {
            for descending in [false, true] {
                let order = Order { db: &db, key, descending };
                for sql in [false, true].into_iter().flat_map(|from| [order.places_sql(from), order.count_sql(from)]) {
                    steps += db.prepare_cached(&sql).unwrap().get_status(StatementStatus::VmStep);
                }
            }
        }
        // Four pages, each at most half of all pins away from an end; some instructions a row.
        assert!(i64::from(steps) < 4 * PINS / 2 * 12, "{steps} instructions");
    }

    #[test]
    fn what_is_on_a_shelf_is_counted_whatever_becomes_of_it() {
        let (db, rows) = mirror(500);
        let totals = |query: &PinQuery| shelves::totals(&shelves::matching(&db, query, &[]).unwrap());
        let all = PinQuery::default();
        let bytes: i64 = rows.iter().filter_map(|row| row.bytes).sum();
        assert_eq!(totals(&all), (500, bytes.cast_unsigned()));
        // However much a service says that a pin has.
        for huge in [i64::MAX, i64::MAX, -1] {
            let sql = "INSERT INTO pin (number, account, id, cid, content, shown_folded, bytes, status, raw_status,
                    is_directory, metadata, fingerprint, seen, shelf)
                VALUES (0, 'one', 'huge', 'cid', 0, '', ?1, 'pinned', '', 0, '{}', 0, 0, 1)";
            db.execute(sql, [huge]).unwrap();
        }
        assert_eq!(totals(&all).0, 503);
        db.execute("DELETE FROM pin WHERE id = 'huge'", []).unwrap();
        assert_eq!(totals(&all), (500, bytes.cast_unsigned()));
        let of_two = rows.iter().filter(|row| row.account == "two").count() as u64;
        db.execute("DELETE FROM account WHERE id = 'two'", []).unwrap();
        assert_eq!(totals(&all).0, 500 - of_two);
        db.execute("DELETE FROM pin", []).unwrap();
        assert_eq!(totals(&all), (0, 0));
    }
}

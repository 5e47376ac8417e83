//! Which rows of the mirror a page has. Every order and filter is read from an index; where several shelves match, the place at
//! which a page begins is found in each of them, and only the page itself is merged.

use rusqlite::Connection;

use super::{
    StoreError, marks,
    orders::{Key, Place},
    shelves::Shelf,
};
use crate::pin::PinSort;

/// Rows that are merged one by one rather than that a closer place is looked for.
const CLOSE: u64 = 256;

/// A part of an order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) limit: u64,
    pub(super) descending: bool,
}

impl Part {
    /// Where it begins in the ascending order of `total` rows, and how many of them there are.
    pub(super) fn ascending(self, total: u64) -> (u64, u64) {
        let limit = self.limit.min(total.saturating_sub(self.offset));
        (if self.descending { total - limit - self.offset.min(total - limit) } else { self.offset }, limit)
    }
}

/// The rows of a part of everything that is on these shelves.
pub(super) fn rows(db: &Connection, shelves: &[Shelf], sort: PinSort, part: Part) -> Result<Vec<i64>, StoreError> {
    let (offset, limit) = part.ascending(shelves.iter().map(|shelf| shelf.pins).sum());
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut rows = match sort {
        PinSort::Name => merged(db, Key::Name, shelves, offset, limit)?,
        PinSort::Size => merged(db, Key::Bytes, shelves, offset, limit)?,
        PinSort::PinnedAt => merged(db, Key::PinnedAt, shelves, offset, limit)?,
        PinSort::Status => by_status(db, shelves, offset, limit)?,
    };
    if part.descending {
        rows.reverse();
    }
    Ok(rows)
}

/// One status after the other, each in the order of its rows.
fn by_status(db: &Connection, shelves: &[Shelf], mut offset: u64, mut limit: u64) -> Result<Vec<i64>, StoreError> {
    let mut sorted = shelves.to_vec();
    sorted.sort_by(|one, other| one.status.cmp(&other.status));
    let mut rows = Vec::new();
    for group in sorted.chunk_by(|one, other| one.status == other.status) {
        let pins: u64 = group.iter().map(|shelf| shelf.pins).sum();
        let here = limit.min(pins.saturating_sub(offset));
        if here > 0 {
            rows.extend(merged(db, Key::Row, group, offset, here)?);
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
        self.most.saturating_sub(self.least)
    }
}

/// A part of several shelves in one order.
fn merged(db: &Connection, key: Key, shelves: &[Shelf], offset: u64, limit: u64) -> Result<Vec<i64>, StoreError> {
    let numbers: Vec<_> = shelves.iter().map(|shelf| shelf.number).collect();
    let window = marks::window(db, key, &numbers, offset)?;
    // Everything of `least` is before this place.
    let mut from = window.from.unwrap_or_else(|| key.before_all());
    let mut before = Vec::with_capacity(numbers.len());
    for (shelf, around) in numbers.into_iter().zip(window.shelves) {
        let since_mark = match around.mark {
            Some(mark) => key.count(db, shelf, &mark, &from, u64::MAX)?,
            None => 0,
        };
        before.push(Before { shelf, least: around.before_mark + since_mark, most: around.most });
    }
    while before.len() > 1 && before.iter().map(Before::open).sum::<u64>() > CLOSE {
        let Some(widest) = before.iter().max_by_key(|shelf| shelf.open()).filter(|shelf| shelf.open() > 1) else {
            break;
        };
        let half = widest.open() / 2;
        let Some(place) = key.places(db, widest.shelf, &from, half, 1)?.pop() else { break };
        let (mut counts, mut is_behind) = (Vec::with_capacity(before.len()), false);
        for shelf in &before {
            let between = match shelf.shelf == widest.shelf {
                true => half,
                false => key.count(db, shelf.shelf, &from, &place, shelf.open())?,
            };
            // More of one shelf than there can be before the part: the place is somewhere behind its beginning.
            is_behind |= between > shelf.open();
            counts.push(shelf.least + between);
        }
        if !is_behind && counts.iter().sum::<u64>() <= offset {
            for (shelf, count) in before.iter_mut().zip(counts) {
                shelf.least = count;
            }
            from = place;
        } else {
            for (shelf, count) in before.iter_mut().zip(counts) {
                shelf.most = shelf.most.min(count);
            }
        }
    }
    let passed: u64 = before.iter().map(|shelf| shelf.least).sum();
    let ahead = offset.saturating_sub(passed);
    if let [shelf] = before.as_slice() {
        let places = key.places(db, shelf.shelf, &from, ahead, limit)?;
        return Ok(places.into_iter().map(|place| place.row).collect());
    }
    let mut places = Vec::new();
    for shelf in &before {
        places.extend(key.places(db, shelf.shelf, &from, 0, ahead + limit)?);
    }
    places.sort_by(Place::compare);
    let rows = places.into_iter().map(|place| place.row);
    Ok(rows.skip(usize::try_from(ahead).unwrap_or(usize::MAX)).take(usize::try_from(limit).unwrap_or(0)).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use rusqlite::{StatementStatus, params_from_iter, types::Value};

    use super::{
        super::{codec, schema, sheets, shelves},
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
    pub(in crate::store) struct Row {
        row: i64,
        account: &'static str,
        status: PinStatus,
        name: String,
        bytes: Option<i64>,
        pinned_at: Option<i64>,
    }

    /// A mirror of so many pins at three accounts, with many equal values.
    pub(in crate::store) fn mirror(pins: i64) -> (Connection, Vec<Row>) {
        mirror_of(pins, |row| {
            let mixed = row.wrapping_mul(2_654_435_761) >> 7;
            ACCOUNTS[usize::try_from(mixed % 10).unwrap().saturating_sub(7)]
        })
    }

    fn mirror_of(pins: i64, account_of: impl Fn(i64) -> &'static str) -> (Connection, Vec<Row>) {
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
                account: account_of(row),
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
        sheets::renew(&transaction).unwrap();
        transaction.commit().unwrap();
        (db, rows)
    }

    fn ask(db: &Connection, query: &PinQuery) -> Vec<i64> {
        let shelves = shelves::matching(db, query, &[]).unwrap();
        let part = Part { offset: query.offset, limit: query.limit.into(), descending: query.descending };
        rows(db, &shelves, query.sort, part).unwrap()
    }

    pub(in crate::store) fn filters() -> Vec<PinQuery> {
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
        for sql in Key::ALL.into_iter().flat_map(Key::questions) {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let none = vec![Value::Null; plan.parameter_count()];
            let steps = plan.query_map(params_from_iter(none), |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<_> = steps.map(Result::unwrap).collect();
            let is_counting =
                |step: &&String| ["CO-ROUTINE (subquery-1)", "SCAN (subquery-1)"].contains(&step.as_str());
            let is_by_range = |step: &String| {
                step.starts_with("SEARCH pin USING COVERING INDEX pin_by_") && step.contains("(shelf=? AND ")
            };
            assert!(steps.iter().filter(|step| !is_counting(step)).all(is_by_range), "{sql}\n{steps:#?}");
        }
    }

    #[test]
    fn a_page_in_the_middle_of_many_is_found_without_counting_up_to_it() {
        let (db, _) = mirror(60_000);
        let queries = filters();
        let asked = i64::try_from(queries.len()).unwrap();
        for query in queries {
            ask(&db, &PinQuery { offset: 15_000, limit: 100, ..query });
        }
        let mut steps = 0;
        for key in Key::ALL {
            for sql in key.questions() {
                steps += i64::from(db.prepare_cached(&sql).unwrap().get_status(StatementStatus::VmStep));
            }
        }
        // To count up to it is six steps for each row.
        assert!(steps / asked < 15_000 * 3, "{} steps", steps / asked);
    }

    #[test]
    fn no_page_costs_more_among_equal_values_or_where_accounts_were_listed_one_after_the_other() {
        let thirds = |row| ACCOUNTS[usize::try_from((row - 1) / 20_000).unwrap()];
        let (db, _) = mirror_of(60_000, thirds);
        db.execute("UPDATE pin SET bytes = 7, bytes_or_none = 7 WHERE row % 3 <> 0", []).unwrap();
        sheets::renew(&db).unwrap();
        let mut most = 0;
        for query in filters() {
            for offset in (0..60_000).step_by(4_999) {
                ask(&db, &PinQuery { offset, limit: 100, ..query.clone() });
                let steps = |sql: String| db.prepare_cached(&sql).unwrap().reset_status(StatementStatus::VmStep);
                most = most.max(Key::ALL.into_iter().flat_map(Key::questions).map(steps).sum());
            }
        }
        // To count through the pins of one account, once, is as much as that.
        assert!(most < 20_000 * 6, "{most} steps");
    }

    #[test]
    fn pages_are_right_whatever_came_and_went() {
        let (db, mut rows) = mirror(9_000);
        let mut random = 1_u64;
        for round in 0..6 {
            for _ in 0..700 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(random >> 33).unwrap() % rows.len();
                match random >> 62 {
                    0 => {
                        db.execute("DELETE FROM pin WHERE row = ?1", [rows.swap_remove(at).row]).unwrap();
                    }
                    _ => {
                        let row = &mut rows[at];
                        row.name = format!("b{}", random >> 50);
                        row.bytes = Some(i64::try_from(random >> 40).unwrap());
                        let sql = "UPDATE pin SET shown_folded = ?2, bytes = ?3, bytes_or_none = ?3 WHERE row = ?1";
                        db.execute(sql, (row.row, &row.name, row.bytes)).unwrap();
                    }
                }
            }
            if round == 3 {
                db.execute("DELETE FROM account WHERE id = 'one'", []).unwrap();
                rows.retain(|row| row.account != "one");
            }
            sheets::renew(&db).unwrap();
            for sort in [PinSort::Name, PinSort::Size] {
                rows.sort_by(|one, other| {
                    let by =
                        if sort == PinSort::Name { one.name.cmp(&other.name) } else { one.bytes.cmp(&other.bytes) };
                    by.then(one.row.cmp(&other.row))
                });
                for offset in [0, rows.len() / 3, rows.len() / 2, rows.len() - 60] {
                    let query = PinQuery { offset: offset as u64, limit: 60, sort, ..PinQuery::default() };
                    let expected: Vec<_> = rows[offset..offset + 60].iter().map(|row| row.row).collect();
                    assert_eq!(ask(&db, &query), expected, "{sort:?} {offset} round {round}");
                }
            }
        }
        let counted: i64 = db.query_row("SELECT sum(pins) FROM pin_mark WHERE sort = 0", [], |row| row.get(0)).unwrap();
        assert_eq!(counted, i64::try_from(rows.len()).unwrap());
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

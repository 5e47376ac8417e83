//! Pages of what has a text in it: one look through the sheets finds how many there are, and which of them the page has.

use std::cmp::Ordering;

use rusqlite::Connection;

use super::{
    StoreError,
    paging::Part,
    pins::folded,
    sheets::{self, Listed},
    shelves::Shelf,
};
use crate::pin::{PinQuery, PinSort};

/// Up to there a page is near its order's beginning or end: nothing is kept but what may be on it.
const NEAR: u64 = 2_048;

/// Bytes of a name by which the rows of a far page are told apart at first.
const PREFIX: usize = 24;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The page's rows.
    pub(super) rows: Vec<i64>,
    pub(super) total: u64,
    pub(super) total_bytes: u64,
}

/// A page of what a query searches for, on these shelves.
pub(super) fn page(db: &Connection, query: &PinQuery, part: Part, shelves: &[Shelf]) -> Result<Found, StoreError> {
    let text = folded(query.search.trim());
    let end = part.offset.saturating_add(part.limit);
    let is_near = end <= NEAR;
    let mut near = Near::new(if is_near { end as usize } else { 0 }, part.descending);
    let mut all: Vec<(Prefix, i64)> = Vec::new();
    let mut found = look(db, &text, shelves, query.sort, |key, row| match is_near {
        true => near.offer(key, row),
        false => all.push((prefix_of(key), row)),
    })?;
    let (offset, limit) = part.ascending(found.total);
    if is_near {
        found.rows = near.from(part.offset as usize);
    } else if limit > 0 {
        found.rows = far(db, all, query.sort, offset as usize, limit as usize)?;
        if part.descending {
            found.rows.reverse();
        }
    }
    Ok(found)
}

/// How many of all that is found stand before a row in the ascending order, and how many are found; `None` where the row is none of
/// them.
pub(super) fn before(
    db: &Connection,
    query: &PinQuery,
    shelves: &[Shelf],
    row: i64,
) -> Result<Option<(u64, u64)>, StoreError> {
    let text = folded(query.search.trim());
    let sql = "SELECT shown_folded, bytes_or_none, pinned_at_or_none, shelf FROM pin WHERE row = ?1";
    let own = db.prepare_cached(sql)?.query_row([row], |own| {
        Ok(match query.sort {
            PinSort::Name => own.get::<_, String>(0)?.into_bytes(),
            PinSort::Size => number_key(own.get(1)?).to_vec(),
            PinSort::PinnedAt => number_key(own.get(2)?).to_vec(),
            PinSort::Status => {
                let rank = Ranks::of(shelves).of_shelf(own.get(3)?);
                rank.map(|rank| number_key(rank).to_vec()).unwrap_or_default()
            }
        })
    })?;
    let (mut before, mut is_found) = (0, false);
    let found = look(db, &text, shelves, query.sort, |key, other| {
        before += u64::from((key, other) < (own.as_slice(), row));
        is_found |= other == row;
    })?;
    Ok(is_found.then_some((before, found.total)))
}

/// Gives `each` row that has the text in it, with its key in the order.
fn look(
    db: &Connection,
    text: &str,
    shelves: &[Shelf],
    sort: PinSort,
    mut each: impl FnMut(&[u8], i64),
) -> Result<Found, StoreError> {
    let ranks = Ranks::of(shelves);
    let mut found = Found::default();
    sheets::find(db, text, |listed: Listed<'_>| {
        let Some(rank) = ranks.of_shelf(listed.shelf) else { return };
        found.total += 1;
        found.total_bytes = found.total_bytes.saturating_add(u64::try_from(listed.bytes).unwrap_or_default());
        match sort {
            PinSort::Name => each(listed.name, listed.row),
            PinSort::Size => each(&number_key(listed.bytes), listed.row),
            PinSort::PinnedAt => each(&number_key(listed.pinned_at), listed.row),
            PinSort::Status => each(&number_key(rank), listed.row),
        }
    })?;
    Ok(found)
}

/// A number as bytes that are in its order.
const fn number_key(number: i64) -> [u8; 8] {
    (number ^ i64::MIN).to_be_bytes()
}

/// The shelves that match, and where each one's status stands in their order.
struct Ranks(Vec<Option<i64>>);

impl Ranks {
    fn of(shelves: &[Shelf]) -> Self {
        let mut statuses: Vec<_> = shelves.iter().map(|shelf| shelf.status.as_str()).collect();
        statuses.sort_unstable();
        let mut ranks = Vec::new();
        for shelf in shelves {
            let number = usize::try_from(shelf.number).unwrap_or_default();
            ranks.resize(ranks.len().max(number + 1), None);
            ranks[number] = statuses.iter().position(|status| *status == shelf.status).map(|rank| rank as i64);
        }
        Self(ranks)
    }

    fn of_shelf(&self, number: i64) -> Option<i64> {
        self.0.get(usize::try_from(number).ok()?).copied().flatten()
    }
}

/// The first rows of an order.
struct Near {
    most: usize,
    descending: bool,
    kept: Vec<(Box<[u8]>, i64)>,
    /// What none behind it is among them.
    last: Option<(Box<[u8]>, i64)>,
}

impl Near {
    const fn new(most: usize, descending: bool) -> Self {
        Self { most, descending, kept: Vec::new(), last: None }
    }

    fn offer(&mut self, key: &[u8], row: i64) {
        let is_behind = |(last, of): &(Box<[u8]>, i64)| self.compare((key, row), (last, *of)).is_gt();
        if self.most == 0 || self.last.as_ref().is_some_and(is_behind) {
            return;
        }
        self.kept.push((key.into(), row));
        if self.kept.len() >= 2 * self.most {
            self.leave_out();
        }
    }

    fn compare(&self, one: (&[u8], i64), other: (&[u8], i64)) -> Ordering {
        if self.descending { other.cmp(&one) } else { one.cmp(&other) }
    }

    fn leave_out(&mut self) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_unstable_by(|(one, row), (other, of)| self.compare((one, *row), (other, *of)));
        kept.truncate(self.most);
        self.last = if kept.len() == self.most { kept.last().cloned() } else { None };
        self.kept = kept;
    }

    fn from(mut self, offset: usize) -> Vec<i64> {
        self.leave_out();
        self.kept.into_iter().skip(offset).map(|(_, row)| row).collect()
    }
}

/// A key as far as it takes no memory of its own.
type Prefix = [u64; PREFIX / 8];

fn prefix_of(key: &[u8]) -> Prefix {
    let mut prefix = [0; PREFIX];
    let bytes = key.len().min(PREFIX);
    prefix[..bytes].copy_from_slice(&key[..bytes]);
    let [first, second, third] = *prefix.as_chunks().0 else { return Prefix::default() };
    [first, second, third].map(u64::from_be_bytes)
}

/// Rows far from both ends of an ascending order.
fn far(
    db: &Connection,
    mut all: Vec<(Prefix, i64)>,
    sort: PinSort,
    offset: usize,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    let last = all.len().saturating_sub(1);
    let (offset, end) = (offset.min(last), (offset + limit - 1).min(last));
    all.select_nth_unstable(offset);
    let from = all[offset].0;
    all[offset..].select_nth_unstable(end - offset);
    let until = all[end].0;
    let before = all.iter().filter(|(key, _)| *key < from).count();
    all.retain(|(key, _)| (from..=until).contains(key));
    all.sort_unstable();
    let mut rows = Vec::with_capacity(all.len());
    let mut name = db.prepare_cached("SELECT shown_folded FROM pin WHERE row = ?1")?;
    for same in all.chunk_by(|(one, _), (other, _)| one == other) {
        let is_cut = sort == PinSort::Name && same[0].0[2] & 0xff != 0 && same.len() > 1;
        if !is_cut {
            rows.extend(same.iter().map(|(_, row)| *row));
            continue;
        }
        let mut named = Vec::with_capacity(same.len());
        for (_, row) in same {
            named.push((name.query_row([row], |row| row.get::<_, String>(0))?, *row));
        }
        named.sort_unstable();
        rows.extend(named.into_iter().map(|(_, row)| row));
    }
    Ok(rows.into_iter().skip(offset - before).take(limit).collect())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            paging::tests::{filters, mirror},
            shelves,
        },
        *,
    };

    /// What a query finds, looked for in every row and sorted.
    fn all_that_matches(db: &Connection, query: &PinQuery) -> Vec<i64> {
        let shelves = shelves::matching(db, query, &[]).unwrap();
        let among: Vec<_> = shelves.iter().map(|shelf| shelf.number.to_string()).collect();
        let column = match query.sort {
            PinSort::Name => "shown_folded",
            PinSort::Size => "bytes",
            PinSort::Status => "status",
            PinSort::PinnedAt => "pinned_at",
        };
        let direction = if query.descending { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT row FROM pin WHERE shelf IN ({}) AND (instr(shown_folded, ?1) OR instr(cid, ?1))
             ORDER BY {column} {direction}, row {direction}",
            among.join(", ")
        );
        let mut statement = db.prepare(&sql).unwrap();
        statement.query_map([&query.search], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_search_has_the_pages_of_all_that_matches_in_every_order() {
        let (db, _) = mirror(6_000);
        let far_apart = "UPDATE pin SET shown_folded = 'a beginning that many have ' || shown_folded WHERE row % 3 = 0;
            UPDATE pin SET cid = 'q' || row WHERE row % 2 = 0;";
        db.execute_batch(far_apart).unwrap();
        sheets::renew(&db).unwrap();
        for text in ["b1", "many have", "cid", "q12", "zzzz", "9", "e b", "have ä"] {
            for query in filters() {
                let query = PinQuery { search: text.into(), ..query };
                let (matching, shelves) = (all_that_matches(&db, &query), shelves::matching(&db, &query, &[]).unwrap());
                for offset in [0, 90, 2_040, matching.len() / 2, matching.len().saturating_sub(20), 9_000] {
                    let part = Part { offset: offset as u64, limit: 40, descending: query.descending };
                    let found = page(&db, &query, part, &shelves).unwrap();
                    let expected: Vec<_> = matching.iter().copied().skip(offset).take(40).collect();
                    assert_eq!(found.rows, expected, "{query:?} {offset}");
                    assert_eq!(found.total, matching.len() as u64, "{query:?}");
                }
            }
        }
    }

    #[test]
    fn a_search_reads_sheets_and_no_rows_but_those_of_its_page() {
        let (db, _) = mirror(6_000);
        let query = PinQuery { search: "b1".into(), ..PinQuery::default() };
        let shelves = shelves::matching(&db, &query, &[]).unwrap();
        page(&db, &query, Part { offset: 0, limit: 40, descending: false }, &shelves).unwrap();
        let steps = db.prepare_cached(sheets::SHEETS).unwrap().get_status(rusqlite::StatementStatus::VmStep);
        assert!((1..2_000).contains(&steps), "{steps} steps for 94 sheets");
    }

    #[test]
    fn a_near_page_has_the_first_of_many_in_both_directions() {
        for descending in [false, true] {
            let mut near = Near::new(30, descending);
            let mut all: Vec<_> = (0..5_000_i64).map(|row| (number_key(row * 7_919 % 401 - 200), row)).collect();
            all.iter().for_each(|(key, row)| near.offer(key, *row));
            all.sort_unstable();
            if descending {
                all.reverse();
            }
            let expected: Vec<_> = all[10..30].iter().map(|(_, row)| *row).collect();
            assert_eq!(near.from(10), expected, "descending: {descending}");
        }
    }
}

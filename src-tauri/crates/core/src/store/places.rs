//! Where pins stand in the order of a question: found from marks, as pages are, not by counting up to them.

use std::cmp::Ordering;

use rusqlite::{Connection, OptionalExtension};

use super::{
    Store, StoreError,
    orders::{Key, Place},
    search,
    shelves::{self, Shelf},
};
use crate::{
    ids::{AccountId, PinKey},
    pin::{PinQuery, PinSort},
};

impl Store {
    /// How many rows stand before each of these pins; `None` of what does not match.
    pub(crate) async fn places(
        &self,
        query: PinQuery,
        outdated: Vec<AccountId>,
        pins: Vec<PinKey>,
    ) -> Result<Vec<Option<u64>>, StoreError> {
        self.read(move |db| {
            let shelves = shelves::matching(db, &query, &outdated)?;
            pins.iter().map(|key| place(db, &query, &shelves, key)).collect()
        })
        .await
    }
}

fn place(db: &Connection, query: &PinQuery, shelves: &[Shelf], key: &PinKey) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT row, shelf FROM pin WHERE account = ?1 AND number = pin_number(?2) AND id = ?2";
    let found = db
        .prepare_cached(sql)?
        .query_row((&key.account.0, &key.id.0), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    match found {
        Some((row, shelf)) => place_of(db, query, shelves, row, shelf),
        None => Ok(None),
    }
}

fn place_of(
    db: &Connection,
    query: &PinQuery,
    shelves: &[Shelf],
    row: i64,
    shelf: i64,
) -> Result<Option<u64>, StoreError> {
    let Some(own) = shelves.iter().find(|one| one.number == shelf) else { return Ok(None) };
    let found = match query.search.trim().is_empty() {
        true => Some((before(db, shelves, query.sort, own, row)?, shelves.iter().map(|shelf| shelf.pins).sum())),
        false => search::before(db, query, shelves, row)?,
    };
    Ok(found.map(|(before, total)| if query.descending { total - 1 - before } else { before }))
}

/// Of the ascending order of all that is on these shelves.
fn before(db: &Connection, shelves: &[Shelf], sort: PinSort, own: &Shelf, row: i64) -> Result<u64, StoreError> {
    let key = match sort {
        PinSort::Name => Key::Name,
        PinSort::Size => Key::Bytes,
        PinSort::PinnedAt => Key::PinnedAt,
        PinSort::Status => Key::Row,
    };
    let place = key.place_of(db, row)?;
    let mut before = 0;
    for shelf in shelves {
        before += match (sort, shelf.status.cmp(&own.status)) {
            (PinSort::Status, Ordering::Less) => shelf.pins,
            (PinSort::Status, Ordering::Greater) => 0,
            _ => key.before(db, shelf.number, &place)?,
        };
    }
    Ok(before)
}

/// Where a row stands.
impl Key {
    fn place_of(self, db: &Connection, row: i64) -> Result<Place, StoreError> {
        let sql = format!("SELECT {}, row FROM pin WHERE row = ?1", self.value());
        Ok(db.prepare_cached(&sql)?.query_row([row], Place::read)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            paging::{
                self, Part,
                tests::{filters, mirror},
            },
            sheets,
        },
        *,
    };

    fn shelf_of(db: &Connection, row: i64) -> i64 {
        db.query_row("SELECT shelf FROM pin WHERE row = ?1", [row], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_pin_stands_where_the_page_has_it_in_every_order_with_every_filter_and_search() {
        let (db, _) = mirror(3_000);
        sheets::renew(&db).unwrap();
        for search in ["", "b1"] {
            for query in filters() {
                let query = PinQuery { search: search.into(), ..query };
                let shelves = shelves::matching(&db, &query, &[]).unwrap();
                let part = Part { offset: 0, limit: 3_000, descending: query.descending };
                let rows = match search {
                    "" => paging::rows(&db, &shelves, query.sort, part).unwrap(),
                    _ => search::page(&db, &query, part, &shelves).unwrap().rows,
                };
                for at in [0, 1, rows.len() / 3, rows.len() / 2, rows.len().saturating_sub(1)] {
                    let Some(row) = rows.get(at) else { continue };
                    let found = place_of(&db, &query, &shelves, *row, shelf_of(&db, *row)).unwrap();
                    assert_eq!(found, Some(at as u64), "{query:?}");
                }
            }
        }
    }

    #[test]
    fn the_place_of_a_pin_is_found_without_counting_up_to_it() {
        let (db, rows) = mirror(40_000);
        let query = PinQuery::default();
        let shelves = shelves::matching(&db, &query, &[]).unwrap();
        let steps = |row: i64| {
            let own = shelves.iter().find(|_| true).unwrap();
            let key = Key::PinnedAt;
            key.before(&db, own.number, &key.place_of(&db, row).unwrap()).unwrap();
            let steps = |sql: String| db.prepare_cached(&sql).unwrap().reset_status(rusqlite::StatementStatus::VmStep);
            key.questions().into_iter().map(steps).sum::<i32>()
        };
        let most = (1..rows.len() as i64).step_by(997).map(steps).max().unwrap();
        assert!(most < 10_000, "{most} steps");
    }

    #[test]
    fn what_does_not_match_stands_nowhere() {
        let (db, _) = mirror(100);
        let query = PinQuery { account: Some(AccountId("one".into())), ..PinQuery::default() };
        let shelves = shelves::matching(&db, &query, &[]).unwrap();
        let row = "SELECT row FROM pin WHERE account = 'two' LIMIT 1";
        let row: i64 = db.query_row(row, [], |row| row.get(0)).unwrap();
        assert_eq!(place_of(&db, &query, &shelves, row, shelf_of(&db, row)).unwrap(), None);
    }
}

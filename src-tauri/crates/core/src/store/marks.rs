//! Where every few hundredth pin of a shelf stands in each order, and how many there are from there to the next mark: what finds
//! a place in the middle of a million without counting up to it.

use rusqlite::{Connection, OptionalExtension};

use super::{
    StoreError,
    orders::{Key, Place},
};

/// Pins from one mark to the next; one that has more is divided.
const FEWEST: i64 = 512;
const MOST: i64 = 2 * FEWEST;

/// Places that came or went, before they are counted.
const AT_ONCE: usize = 10_000;

/// A pin that came onto a shelf, or went off it.
#[derive(Debug)]
struct Moved {
    shelf: i64,
    place: [Place; 4],
    by: i64,
}

/// Counts what comes and goes.
pub(super) struct Counting<'db> {
    db: &'db Connection,
    moved: Vec<Moved>,
    /// Shelf, key and place of marks that have too many.
    too_long: Vec<(i64, Key, Place)>,
}

impl<'db> Counting<'db> {
    pub(super) const fn new(db: &'db Connection) -> Self {
        Self { db, moved: Vec::new(), too_long: Vec::new() }
    }

    /// One more, or one less, of a shelf: `places` as [`Key::ALL`] has them.
    pub(super) fn add(&mut self, shelf: i64, place: [Place; 4], by: i64) -> Result<(), rusqlite::Error> {
        self.moved.push(Moved { shelf, place, by });
        if self.moved.len() < AT_ONCE { Ok(()) } else { self.count() }
    }

    /// Counts the last ones, and divides what has become too long.
    pub(super) fn finish(mut self) -> Result<(), rusqlite::Error> {
        self.count()?;
        for (shelf, key, mark) in std::mem::take(&mut self.too_long) {
            self.divide(shelf, key, mark)?;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), rusqlite::Error> {
        let mut moved = std::mem::take(&mut self.moved);
        for (at, key) in Key::ALL.into_iter().enumerate() {
            moved.sort_by(|one, other| {
                one.shelf.cmp(&other.shelf).then_with(|| one.place[at].compare(&other.place[at]))
            });
            let mut left = moved.iter().peekable();
            while let Some(first) = left.next() {
                let mark = self.mark_before(first.shelf, key, &first.place[at])?;
                let next = self.mark_after(first.shelf, key, &mark)?;
                let is_before_next = |one: &&Moved| {
                    one.shelf == first.shelf && next.as_ref().is_none_or(|next| one.place[at].compare(next).is_lt())
                };
                let mut by = first.by;
                while let Some(one) = left.next_if(is_before_next) {
                    by += one.by;
                }
                self.add_to(first.shelf, key, mark, by)?;
            }
        }
        Ok(())
    }

    fn add_to(&mut self, shelf: i64, key: Key, mark: Place, by: i64) -> Result<(), rusqlite::Error> {
        let sql = "UPDATE pin_mark SET pins = pins + ?5 WHERE shelf = ?1 AND sort = ?2 AND value = ?3 AND row = ?4 RETURNING pins";
        let pins: i64 = self
            .db
            .prepare_cached(sql)?
            .query_row((shelf, key.number(), &mark.value, mark.row, by), |row| row.get(0))?;
        if pins > MOST {
            self.too_long.push((shelf, key, mark));
        } else if pins == 0 && mark.row != i64::MIN {
            let sql = "DELETE FROM pin_mark WHERE shelf = ?1 AND sort = ?2 AND value = ?3 AND row = ?4 AND pins = 0";
            self.db.prepare_cached(sql)?.execute((shelf, key.number(), &mark.value, mark.row))?;
        }
        Ok(())
    }

    /// The mark that a place is counted with; made where there is none.
    fn mark_before(&self, shelf: i64, key: Key, place: &Place) -> Result<Place, rusqlite::Error> {
        let sql = "SELECT value, row FROM pin_mark WHERE shelf = ?1 AND sort = ?2 AND (value, row) <= (?3, ?4)
                   ORDER BY value DESC, row DESC LIMIT 1";
        let values = (shelf, key.number(), &place.value, place.row);
        let found = self.db.prepare_cached(sql)?.query_row(values, Place::read).optional()?;
        match found {
            Some(mark) => Ok(mark),
            None => {
                let first = key.before_all();
                self.put(shelf, key, &first, 0)?;
                Ok(first)
            }
        }
    }

    fn mark_after(&self, shelf: i64, key: Key, mark: &Place) -> Result<Option<Place>, rusqlite::Error> {
        let sql = "SELECT value, row FROM pin_mark WHERE shelf = ?1 AND sort = ?2 AND (value, row) > (?3, ?4)
                   ORDER BY value, row LIMIT 1";
        let values = (shelf, key.number(), &mark.value, mark.row);
        self.db.prepare_cached(sql)?.query_row(values, Place::read).optional()
    }

    fn put(&self, shelf: i64, key: Key, mark: &Place, pins: i64) -> Result<(), rusqlite::Error> {
        let sql = "INSERT INTO pin_mark (shelf, sort, value, row, pins) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.db.prepare_cached(sql)?.execute((shelf, key.number(), &mark.value, mark.row, pins)).map(drop)
    }

    fn divide(&self, shelf: i64, key: Key, mut mark: Place) -> Result<(), rusqlite::Error> {
        let sql = "SELECT pins FROM pin_mark WHERE shelf = ?1 AND sort = ?2 AND value = ?3 AND row = ?4";
        let values = (shelf, key.number(), &mark.value, mark.row);
        let found: Option<i64> = self.db.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        let Some(mut pins) = found else { return Ok(()) };
        while pins > MOST {
            let Some(half) = key.places(self.db, shelf, &mark, FEWEST.cast_unsigned(), 1)?.pop() else { break };
            pins -= FEWEST;
            let sql = "UPDATE pin_mark SET pins = ?5 WHERE shelf = ?1 AND sort = ?2 AND value = ?3 AND row = ?4";
            self.db.prepare_cached(sql)?.execute((shelf, key.number(), &mark.value, mark.row, FEWEST))?;
            self.put(shelf, key, &half, pins)?;
            mark = half;
        }
        Ok(())
    }
}

/// The mark of a shelf before a place, and how many stand before that.
pub(super) fn before(db: &Connection, key: Key, shelf: i64, place: &Place) -> Result<Option<(Place, u64)>, StoreError> {
    let sql = "SELECT value, row FROM pin_mark WHERE shelf = ?1 AND sort = ?2 AND (value, row) <= (?3, ?4)
               ORDER BY value DESC, row DESC LIMIT 1";
    let values = (shelf, key.number(), &place.value, place.row);
    let mark = db.prepare_cached(sql)?.query_row(values, Place::read).optional()?;
    let Some(mark) = mark else { return Ok(None) };
    let sql = "SELECT ifnull(sum(pins), 0) FROM pin_mark WHERE shelf = ?1 AND sort = ?2 AND (value, row) < (?3, ?4)";
    let values = (shelf, key.number(), &mark.value, mark.row);
    let before: i64 = db.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    Ok(Some((mark, before.cast_unsigned())))
}

/// Between which places a row stands that has so many before it.
#[derive(Debug)]
pub(super) struct Window {
    /// A place that it does not stand before.
    pub(super) from: Option<Place>,
    /// For each shelf the mark before that place with how many stand before the mark, and how many at most stand before the row.
    pub(super) shelves: Vec<Around>,
}

/// What a window has of a shelf.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) mark: Option<Place>,
    pub(super) before_mark: u64,
    pub(super) most: u64,
}

/// The window around the row that has `offset` others of these shelves before it.
pub(super) fn window(db: &Connection, key: Key, shelves: &[i64], offset: u64) -> Result<Window, StoreError> {
    let mut marks = Vec::new();
    let mut now = vec![Now::default(); shelves.len()];
    let sql = "SELECT value, row, pins FROM pin_mark WHERE shelf = ?1 AND sort = ?2 ORDER BY value, row";
    let mut statement = db.prepare_cached(sql)?;
    for (at, shelf) in shelves.iter().enumerate() {
        let mut rows = statement.query((shelf, key.number()))?;
        let mut before = 0;
        while let Some(row) = rows.next()? {
            let pins = row.get::<_, i64>(2)?.cast_unsigned();
            marks.push(Mark { place: Place::read(row)?, shelf: at, before, pins });
            before += pins;
        }
    }
    marks.sort_by(|one, other| one.place.compare(&other.place));
    let (mut from, mut least, mut most) = (None, 0, 0);
    for (at, mark) in marks.iter().enumerate() {
        let shelf = &mut now[mark.shelf];
        least += mark.before - shelf.before;
        // At the mark itself, as many of its shelf are before it as before the mark.
        if most + mark.before - shelf.until <= offset {
            from = Some(at);
        }
        most += mark.before + mark.pins - shelf.until;
        *shelf = Now { mark: Some(at), before: mark.before, until: mark.before + mark.pins };
        if least > offset {
            break;
        }
    }
    let ends: Vec<_> = now.iter().map(|shelf| shelf.until.min(offset)).collect();
    now.fill(Now::default());
    for (at, mark) in marks.iter().enumerate().take(from.map_or(0, |at| at + 1)) {
        now[mark.shelf] = Now { mark: Some(at), before: mark.before, until: 0 };
    }
    let place = |at: usize| marks[at].place.clone();
    let around = |(now, most): (Now, u64)| Around { mark: now.mark.map(place), before_mark: now.before, most };
    Ok(Window { from: from.map(place), shelves: now.into_iter().zip(ends).map(around).collect() })
}

struct Mark {
    place: Place,
    shelf: usize,
    before: u64,
    pins: u64,
}

/// The last mark of a shelf that a sweep has come to.
#[derive(Clone, Copy, Default)]
struct Now {
    mark: Option<usize>,
    before: u64,
    until: u64,
}

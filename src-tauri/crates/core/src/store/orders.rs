//! The orders that a shelf's rows are read in, each from an index of its own.
//!
//! Many rows may have one value, so that what a place has before and behind it is asked for in ranges: those of its own value by
//! their numbers, the others by theirs.

use std::cmp::Ordering;

use rusqlite::{Connection, Row, types::Value};

use super::{StoreError, marks};

/// What the rows of a shelf are in the order of, beside their own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Name,
    Bytes,
    PinnedAt,
    Row,
}

impl Key {
    pub(super) const ALL: [Self; 4] = [Self::Name, Self::Bytes, Self::PinnedAt, Self::Row];

    /// What it is called in the database.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Name => 0,
            Self::Bytes => 1,
            Self::PinnedAt => 2,
            Self::Row => 3,
        }
    }

    /// A place that no row stands before.
    pub(super) const fn before_all(self) -> Place {
        let value = match self {
            Self::Name => Value::Text(String::new()),
            Self::Bytes | Self::PinnedAt | Self::Row => Value::Integer(i64::MIN),
        };
        Place { value, row: i64::MIN }
    }

    /// What stands in a shelf's index; never NULL, so that places can be compared.
    pub(super) const fn value(self) -> &'static str {
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

    /// Places of a shelf, from a place on.
    pub(super) fn places(
        self,
        db: &Connection,
        shelf: i64,
        from: &Place,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Place>, rusqlite::Error> {
        let wanted = offset.saturating_add(limit).cast_signed();
        let mut same = db.prepare_cached(&self.same_sql())?;
        let mut places: Vec<_> =
            same.query_map((shelf, &from.value, from.row, i64::MAX, wanted), Place::read)?.collect::<Result<_, _>>()?;
        let left = wanted - places.len() as i64;
        if left > 0 && self != Self::Row {
            let mut others = db.prepare_cached(&self.behind_sql())?;
            for place in others.query_map((shelf, &from.value, left), Place::read)? {
                places.push(place?);
            }
        }
        places.drain(..places.len().min(usize::try_from(offset).unwrap_or(usize::MAX)));
        Ok(places)
    }

    /// How many of a shelf are before a place.
    pub(super) fn before(self, db: &Connection, shelf: i64, place: &Place) -> Result<u64, StoreError> {
        Ok(match marks::before(db, self, shelf, place)? {
            Some((mark, before)) => before + self.count(db, shelf, &mark, place, u64::MAX)?,
            None => 0,
        })
    }

    /// How many of a shelf are before a place, from another on; where there are more than `most`, that it is more.
    pub(super) fn count(
        self,
        db: &Connection,
        shelf: i64,
        from: &Place,
        until: &Place,
        most: u64,
    ) -> Result<u64, StoreError> {
        let most = most.saturating_add(1).min(i64::MAX.cast_unsigned()).cast_signed();
        let mut same = db.prepare_cached(&count_of(&self.same_sql()))?;
        let mut of_value = |value: &Value, from: i64, until: i64, most: i64| -> Result<i64, rusqlite::Error> {
            same.query_row((shelf, value, from, until, most), |row| row.get(0))
        };
        if self == Self::Row || from.value == until.value {
            return Ok(of_value(&from.value, from.row, until.row, most)?.cast_unsigned());
        }
        let mut count = of_value(&from.value, from.row, i64::MAX, most)?;
        if count < most {
            let mut between = db.prepare_cached(&count_of(&self.between_sql()))?;
            count += between.query_row((shelf, &from.value, &until.value, most - count), |row| row.get::<_, i64>(0))?;
        }
        if count < most {
            count += of_value(&until.value, i64::MIN, until.row, most - count)?;
        }
        Ok(count.cast_unsigned())
    }

    /// Everything that is asked.
    #[cfg(test)]
    pub(super) fn questions(self) -> Vec<String> {
        let same = self.same_sql();
        match self {
            Self::Row => vec![count_of(&same), same],
            _ => vec![count_of(&same), same, self.behind_sql(), count_of(&self.between_sql())],
        }
    }

    /// The places of shelf ?1 with value ?2, from row ?3 to before row ?4, and at most ?5 of them.
    fn same_sql(self) -> String {
        let (value, index) = (self.value(), self.index());
        // Parameters are given in any case.
        let is_it = if self == Self::Row { "?2 IS NOT NULL".into() } else { format!("{value} = ?2") };
        format!(
            "SELECT {value}, row FROM pin INDEXED BY {index}
             WHERE shelf = ?1 AND {is_it} AND row >= ?3 AND row < ?4 ORDER BY row LIMIT ?5"
        )
    }

    /// The places of shelf ?1 with values behind ?2, at most ?3 of them.
    fn behind_sql(self) -> String {
        let (value, index) = (self.value(), self.index());
        format!(
            "SELECT {value}, row FROM pin INDEXED BY {index}
             WHERE shelf = ?1 AND {value} > ?2 ORDER BY {value}, row LIMIT ?3"
        )
    }

    /// The same with values before ?3, and at most ?4 of them.
    fn between_sql(self) -> String {
        let (value, index) = (self.value(), self.index());
        format!(
            "SELECT {value}, row FROM pin INDEXED BY {index}
             WHERE shelf = ?1 AND {value} > ?2 AND {value} < ?3 LIMIT ?4"
        )
    }
}

fn count_of(sql: &str) -> String {
    format!("SELECT count(*) FROM ({sql})")
}

/// Where a row stands in an order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) value: Value,
    pub(super) row: i64,
}

impl Place {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { value: row.get(0)?, row: row.get(1)? })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let values = match (&self.value, &other.value) {
            (Value::Text(one), Value::Text(other)) => one.as_bytes().cmp(other.as_bytes()),
            (Value::Integer(one), Value::Integer(other)) => one.cmp(other),
            _ => Ordering::Equal,
        };
        values.then(self.row.cmp(&other.row))
    }
}

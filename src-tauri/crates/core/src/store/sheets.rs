//! The mirror once more, as what is searched: sheets of 64 rows each, one value after the other, so that looking through a
//! million names reads little and parses nothing. The rows that a transaction writes are put on their sheets at its end.

use memchr::memmem::Finder;
use rusqlite::Connection;

use super::{StoreError, marks::Counting, orders::Place};

/// Rows of a sheet, as a power of two: the triggers that note what is outdated know it too.
const ROWS: u32 = 6;

/// All sheets.
pub(super) const SHEETS: &str = "SELECT number, rows FROM pin_sheet ORDER BY number";

/// Puts on their sheets what has changed since that was done last, and counts it with its marks.
pub(super) fn renew(db: &Connection) -> Result<(), rusqlite::Error> {
    let mut outdated = db.prepare_cached("SELECT number FROM pin_sheet_outdated")?;
    let outdated: Vec<i64> = outdated.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if outdated.is_empty() {
        return Ok(());
    }
    let mut old = db.prepare_cached("SELECT rows FROM pin_sheet WHERE number = ?1")?;
    let mut rows = db.prepare_cached(
        "SELECT row, shelf, bytes_or_none, pinned_at_or_none, shown_folded, cid FROM pin
         WHERE row >= ?1 AND row < ?2 ORDER BY row",
    )?;
    let mut put = db.prepare_cached("INSERT OR REPLACE INTO pin_sheet VALUES (?1, ?2)")?;
    let mut put_cids = db.prepare_cached("INSERT OR REPLACE INTO pin_cid_sheet VALUES (?1, ?2)")?;
    let (mut counting, mut writing) = (Counting::new(db), Writing::default());
    for number in outdated {
        writing.clear();
        let first = number << ROWS;
        let mut rows = rows.query([first, first + (1 << ROWS)])?;
        while let Some(row) = rows.next()? {
            let slot = row.get::<_, i64>(0)? - first;
            let (name, cid) = (row.get_ref(4)?.as_str()?, row.get_ref(5)?.as_str()?);
            writing.add(slot as u8, [row.get(1)?, row.get(2)?, row.get(3)?], name, cid);
        }
        let new = writing.rows();
        let mut before = old.query([number])?;
        let before = before.next()?.map(|row| row.get::<_, Vec<u8>>(0)).transpose()?;
        count(&mut counting, number, &before.unwrap_or_default(), &new)?;
        if writing.slots.is_empty() {
            db.prepare_cached("DELETE FROM pin_sheet WHERE number = ?1")?.execute([number])?;
            db.prepare_cached("DELETE FROM pin_cid_sheet WHERE number = ?1")?.execute([number])?;
        } else {
            put.execute((number, new))?;
            put_cids.execute((number, writing.cids.blob()))?;
        }
    }
    counting.finish()?;
    db.prepare_cached("DELETE FROM pin_sheet_outdated")?.execute([])?;
    Ok(())
}

/// Counts what is on one of two versions of a sheet alone.
fn count(counting: &mut Counting<'_>, number: i64, before: &[u8], after: &[u8]) -> Result<(), rusqlite::Error> {
    let rows = |blob| {
        let sheet: Option<Sheet<'_>> = Sheet::read(blob);
        sheet.into_iter().flat_map(move |sheet| (0..sheet.slots.len()).map(move |place| sheet.row(number, place)))
    };
    let (mut before, mut after) = (rows(before).peekable(), rows(after).peekable());
    loop {
        let (old, new) = match (before.peek(), after.peek()) {
            (Some(old), Some(new)) if old == new => {
                before.next();
                after.next();
                continue;
            }
            (Some(old), Some(new)) => (old.row <= new.row, new.row <= old.row),
            (old, new) => (old.is_some(), new.is_some()),
        };
        if !old && !new {
            return Ok(());
        }
        for (row, by) in [(if old { before.next() } else { None }, -1), (if new { after.next() } else { None }, 1)] {
            if let Some(row) = row {
                counting.add(row.shelf, row.places(), by)?;
            }
        }
    }
}

/// A row of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed<'sheet> {
    pub(super) row: i64,
    pub(super) shelf: i64,
    /// -1 where it has none.
    pub(super) bytes: i64,
    /// The same.
    pub(super) pinned_at: i64,
    /// As it is shown, without letter case.
    pub(super) name: &'sheet [u8],
}

impl Listed<'_> {
    /// Where it stands in each order, as [`super::orders::Key::ALL`] has them.
    fn places(&self) -> [Place; 4] {
        let place = |value| Place { value, row: self.row };
        let name = String::from_utf8_lossy(self.name).into_owned();
        [place(name.into()), place(self.bytes.into()), place(self.pinned_at.into()), place(0_i64.into())]
    }
}

/// Gives `each` every row whose name or CID has a text in it, which is without letter case.
pub(super) fn find(db: &Connection, text: &str, mut each: impl FnMut(Listed<'_>)) -> Result<(), StoreError> {
    let text = Finder::new(text.as_bytes());
    let mut sheets = db.prepare_cached(SHEETS)?;
    let mut sheets = sheets.query([])?;
    // Those of the same sheets, in the same order; no CID has any other text in it.
    let mut cids = db.prepare_cached("SELECT cids FROM pin_cid_sheet ORDER BY number")?;
    let may_be_in_cids = text.needle().iter().all(u8::is_ascii_alphanumeric);
    let mut cids = if may_be_in_cids { Some(cids.query([])?) } else { None };
    while let Some(sheet) = sheets.next()? {
        let number = sheet.get(0)?;
        let sheet = Sheet::read(sheet.get_ref(1)?.as_blob().unwrap_or_default());
        let sheet = sheet.ok_or(StoreError::Row("a sheet of pins"))?;
        let mut matches = sheet.names.find(&text);
        if let Some(cids) = &mut cids {
            let cids = cids.next()?.and_then(|row| Texts::read(row.get_ref(0).ok()?.as_blob().ok()?));
            let cids = cids.filter(|cids| cids.ends.len() == sheet.slots.len());
            matches |= cids.ok_or(StoreError::Row("a sheet of CIDs"))?.find(&text);
        }
        while matches != 0 {
            let place = matches.trailing_zeros() as usize;
            matches &= matches - 1;
            each(sheet.row(number, place));
        }
    }
    Ok(())
}

/// Texts one after the other, behind how many there are and where each ends.
#[derive(Clone, Copy)]
struct Texts<'sheet> {
    ends: &'sheet [[u8; 4]],
    all: &'sheet [u8],
}

impl<'sheet> Texts<'sheet> {
    fn read(blob: &'sheet [u8]) -> Option<Self> {
        let (&count, blob) = blob.split_first()?;
        let (ends, all) = blob.split_at_checked(usize::from(count) * 4)?;
        let texts = Self { ends: ends.as_chunks().0, all };
        let is_whole =
            texts.ends.is_sorted_by_key(|end| u32::from_le_bytes(*end)) && texts.end(usize::from(count)) == all.len();
        is_whole.then_some(texts)
    }

    /// Where the one before that place ends.
    fn end(&self, place: usize) -> usize {
        place.checked_sub(1).map_or(0, |before| u32::from_le_bytes(self.ends[before]) as usize)
    }

    /// A bit for each that has the text in it.
    fn find(&self, text: &Finder<'_>) -> u64 {
        let (mut matches, mut from, mut place) = (0, 0, 0);
        while let Some(found) = self.all.get(from..).and_then(|rest| text.find(rest)) {
            let at = from + found;
            while self.end(place + 1) <= at {
                place += 1;
                if place == self.ends.len() {
                    return matches;
                }
            }
            if at + text.needle().len() <= self.end(place + 1) {
                matches |= 1 << place;
                from = self.end(place + 1);
            } else {
                from = at + 1;
            }
        }
        matches
    }
}

/// A sheet as it is read.
#[derive(Clone, Copy)]
struct Sheet<'sheet> {
    slots: &'sheet [u8],
    numbers: &'sheet [[[u8; 8]; 3]],
    names: Texts<'sheet>,
}

impl<'sheet> Sheet<'sheet> {
    fn read(blob: &'sheet [u8]) -> Option<Self> {
        let (&count, blob) = blob.split_first()?;
        let (slots, blob) = blob.split_at_checked(count.into())?;
        let (numbers, blob) = blob.split_at_checked(usize::from(count) * 24)?;
        let names = Texts::read(blob)?;
        let is_whole = count <= 1 << ROWS && names.ends.len() == slots.len();
        is_whole.then_some(Self { slots, numbers: numbers.as_chunks::<8>().0.as_chunks().0, names })
    }

    fn row(&self, number: i64, place: usize) -> Listed<'sheet> {
        let [shelf, bytes, pinned_at] = self.numbers[place].map(i64::from_le_bytes);
        Listed {
            row: (number << ROWS) + i64::from(self.slots[place]),
            shelf,
            bytes,
            pinned_at,
            name: &self.names.all[self.names.end(place)..self.names.end(place + 1)],
        }
    }
}

/// A sheet as it is written.
#[derive(Default)]
struct Writing {
    slots: Vec<u8>,
    numbers: Vec<u8>,
    names: WritingTexts,
    cids: WritingTexts,
}

#[derive(Default)]
struct WritingTexts {
    count: u8,
    ends: Vec<u8>,
    all: Vec<u8>,
}

impl Writing {
    fn clear(&mut self) {
        self.slots.clear();
        self.numbers.clear();
        self.names.clear();
        self.cids.clear();
    }

    fn add(&mut self, slot: u8, numbers: [i64; 3], name: &str, cid: &str) {
        self.slots.push(slot);
        self.numbers.extend(numbers.map(i64::to_le_bytes).as_flattened());
        self.names.add(name.bytes());
        self.cids.add(cid.bytes().map(|byte| byte.to_ascii_lowercase()));
    }

    fn rows(&self) -> Vec<u8> {
        [&[self.names.count], self.slots.as_slice(), &self.numbers, &self.names.blob()].concat()
    }
}

impl WritingTexts {
    fn clear(&mut self) {
        self.count = 0;
        self.ends.clear();
        self.all.clear();
    }

    fn add(&mut self, text: impl Iterator<Item = u8>) {
        self.all.extend(text);
        self.ends.extend((self.all.len() as u32).to_le_bytes());
        self.count += 1;
    }

    fn blob(&self) -> Vec<u8> {
        [&[self.count], self.ends.as_slice(), &self.all].concat()
    }
}

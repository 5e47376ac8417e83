//! How often content was visited through the gateway of the API. Counted in memory and written down now and then: a crash
//! may lose the last visits.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use holdfast_content::Cid;

use super::{
    StoreError,
    database::Database,
    pin::{now_microseconds, root_bytes},
};

/// Roots that are counted before the numbers are written down.
const MAX_UNWRITTEN: usize = 1000;

/// How long numbers stay in memory alone while more are counted.
const WRITE_EVERY: Duration = Duration::from_secs(30);

/// The table of visits.
#[derive(Debug)]
pub(crate) struct Visits {
    database: Database,
    unwritten: Mutex<Unwritten>,
}

#[derive(Debug)]
struct Unwritten {
    by_root: HashMap<Vec<u8>, Visited>,
    since: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Visited {
    times: u64,
    last: i64,
}

impl Visits {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, unwritten: Mutex::new(Unwritten { by_root: HashMap::new(), since: Instant::now() }) }
    }

    /// Counts one. Says whether it is time to [`write`](Self::write).
    pub(crate) fn count(&self, root: &Cid) -> bool {
        let mut unwritten = self.unwritten();
        let visited = unwritten.by_root.entry(root_bytes(root)).or_insert(Visited { times: 0, last: 0 });
        visited.times += 1;
        visited.last = now_microseconds();
        unwritten.by_root.len() >= MAX_UNWRITTEN || unwritten.since.elapsed() >= WRITE_EVERY
    }

    /// Writes down what was counted of roots that somebody has pinned; anybody can visit others, in any number.
    pub(crate) fn write(&self) -> Result<(), StoreError> {
        let counted = {
            let mut unwritten = self.unwritten();
            unwritten.since = Instant::now();
            std::mem::take(&mut unwritten.by_root)
        };
        if counted.is_empty() {
            return Ok(());
        }
        self.database.write(|transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO visits (root, times, last) SELECT ?1, ?2, ?3
                 WHERE EXISTS (SELECT 1 FROM pins INDEXED BY pins_of_root WHERE root = ?1 AND pinned = 1)
                 ON CONFLICT DO UPDATE SET times = times + excluded.times, last = max(last, excluded.last)",
            )?;
            for (root, visited) in &counted {
                insert.execute((root, visited.times.cast_signed(), visited.last))?;
            }
            Ok(())
        })
    }

    /// How often `root` was visited.
    pub(crate) fn of(&self, root: &Cid) -> Result<u64, StoreError> {
        self.write()?;
        self.database.read(|transaction| {
            let mut select = transaction.prepare_cached("SELECT ifnull(sum(times), 0) FROM visits WHERE root = ?1")?;
            Ok(select.query_row([root_bytes(root)], |row| row.get::<_, i64>(0))?.cast_unsigned())
        })
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

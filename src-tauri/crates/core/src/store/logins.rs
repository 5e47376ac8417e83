//! What the lists of two accounts have in common.

use holdfast_content::same_content;
use rusqlite::Connection;

use super::{Store, StoreError, codec::cid_from};
use crate::{account::Lists, ids::AccountId};

/// Pins of the one account that are looked for at the other: the first ones by their number, which is as good as drawn.
const LOOKED_FOR: i64 = 200;

impl Store {
    /// Whether the lists of two accounts at one service show the same pins.
    pub(crate) async fn lists(&self, a: &AccountId, b: &AccountId) -> Result<Lists, StoreError> {
        let (a, b) = (a.clone(), b.clone());
        self.read(move |db| Ok(if share(db, &a, &b)? || share(db, &b, &a)? { Lists::Share } else { Lists::Differ }))
            .await
    }
}

fn share(db: &Connection, one: &AccountId, other: &AccountId) -> Result<bool, StoreError> {
    let sql = "WITH p AS (SELECT pin.number, id, cid, content, pinned_at FROM pin_shelf s JOIN pin ON pin.shelf = s.number
            WHERE s.account = ?1 ORDER BY pin.number LIMIT ?3)
        SELECT p.cid, q.cid FROM p JOIN pin q ON q.number = p.number AND q.id = p.id AND +q.account = ?2
        UNION ALL
        SELECT p.cid, q.cid FROM p JOIN pin q ON q.content = p.content AND +q.account = ?2 AND +q.pinned_at = p.pinned_at";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query((&one.0, &other.0, LOOKED_FOR))?;
    while let Some(row) = rows.next()? {
        let cid = |index| cid_from(&row.get::<_, String>(index)?);
        if same_content(&cid(0)?, &cid(1)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

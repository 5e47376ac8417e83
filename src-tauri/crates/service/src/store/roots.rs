//! The roots of everything that is to stay.

use holdfast_content::Cid;

use super::{StoreError, pin::cid_of, pins::Pins};

/// A root, and how much of it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptRoot {
    pub(crate) root: Cid,
    /// Whether somebody has it pinned. Else it is being fetched, and what is there of it is kept.
    pub(crate) is_pinned: bool,
}

impl Pins {
    /// Shows every root that is pinned or being fetched for anybody, until `visit` fails.
    pub(crate) fn visit_kept_roots<E>(&self, mut visit: impl FnMut(KeptRoot) -> Result<(), E>) -> Result<(), E>
    where
        E: From<StoreError> + From<rusqlite::Error>,
    {
        self.database.read(|transaction| {
            let mut select = transaction.prepare(
                "SELECT root, max(pinned) FROM pins WHERE pinned = 1 OR status IN ('queued', 'fetching') GROUP BY root",
            )?;
            let mut rows = select.query(())?;
            while let Some(row) = rows.next()? {
                visit(KeptRoot { root: cid_of(row.get(0)?)?, is_pinned: row.get(1)? })?;
            }
            Ok(())
        })
    }
}

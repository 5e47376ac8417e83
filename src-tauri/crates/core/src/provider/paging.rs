//! Going through a provider's list so that nothing is lost while pins come and go.
//!
//! An adapter fetches one page; what to ask for next, and whether rows may have been missed, is decided here.

mod created;

use std::future::Future;

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, ready, select},
    stream,
};
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;

use super::{Gap, ListPage, Pages, ProviderError};
use crate::{ids::PinId, pin::ProviderPin};

pub(super) use created::{Ask, Bound, CreatedRows, Mark, Moment, by_created};

/// Pages after which a list counts as endless; five million pins have fewer.
const MAX_PAGES: u32 = 50_000;

/// One page as a service gave it.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The rows that were understood.
    pub(super) pins: Vec<ProviderPin>,
    /// All rows, including those that say nothing.
    pub(super) count: u64,
    /// Rows that contradict the API.
    pub(super) not_understood: u64,
}

impl Rows {
    /// Takes what was made of a page's rows; `None` is a row that says nothing.
    pub(super) fn of(rows: impl IntoIterator<Item = Option<Result<ProviderPin, ProviderError>>>) -> Self {
        let mut page = Self::default();
        for row in rows {
            page.count += 1;
            match row {
                None => {}
                Some(Ok(pin)) => page.pins.push(pin),
                Some(Err(error)) => {
                    tracing::warn!(%error, "a pin of a list cannot be understood");
                    page.not_understood += 1;
                }
            }
        }
        page
    }
}

/// Goes through a list that comes in one answer.
pub(super) fn whole<'a, F>(fetch: F) -> Pages<'a>
where
    F: Future<Output = Result<Rows, ProviderError>> + Send + 'a,
{
    stream::once(async {
        let Rows { pins, not_understood, .. } = fetch.await?;
        Ok(ListPage { pins, not_understood, gap: None })
    })
    .boxed()
}

/// The rows of a page as they came.
pub(super) type RawRows = Vec<Option<Box<RawValue>>>;

/// Goes through a list by number of rows passed over. Each page begins with the last row of the one before: where it does
/// not, rows have moved and some may have been missed. Totals and short pages prove nothing; the end is where nothing more
/// comes. The next page is asked for while one is read.
pub(super) fn by_offset<'a, F, R>(fetch: F, read: fn(&RawValue) -> Result<ProviderPin, ProviderError>) -> Pages<'a>
where
    F: Fn(u64) -> R + Send + Sync + 'a,
    R: Future<Output = Result<RawRows, ProviderError>> + Send + 'a,
{
    let seam = OffsetSeam { asked: fetch(0).boxed(), offset: 0, before: Vec::new(), milestone: Vec::new(), pages: 0 };
    let pages = stream::try_unfold((fetch, Some(seam)), move |(fetch, seam)| async move {
        let Some(seam) = seam else { return Ok(None) };
        if seam.pages >= MAX_PAGES {
            return Err(endless());
        }
        let rows = seam.asked.await?;
        let count = rows.len() as u64;
        let mut reading = spawn_blocking(move || Rows::of(rows.iter().map(|row| row.as_deref().map(read))));
        // A page of nothing but the row that was there already is the end.
        let next = (count > u64::from(seam.pages > 0)).then(|| seam.offset + count - 1);
        let (asked, read) = match next {
            Some(offset) => match select(fetch(offset).boxed(), &mut reading).await {
                Either::Left((rows, _)) => (Some((offset, ready(rows).boxed())), reading.await),
                Either::Right((read, asked)) => (Some((offset, asked)), read),
            },
            None => (None, reading.await),
        };
        let Rows { pins, not_understood, .. } =
            read.map_err(|_| ProviderError::Protocol { reason: "a page of its list cannot be read".into() })?;
        let ids: Vec<PinId> = pins.iter().map(|pin| pin.id.clone()).collect();
        if ids.len() > 1 && (ids == seam.before || ids == seam.milestone) {
            return Err(ProviderError::Protocol { reason: "it gives the same page again and again".into() });
        }
        let is_steady = seam.before.is_empty() || ids.first() == seam.before.last();
        let next = asked.map(|(offset, asked)| OffsetSeam {
            asked,
            offset,
            milestone: if seam.pages.is_power_of_two() { ids.clone() } else { seam.milestone },
            before: ids,
            pages: seam.pages + 1,
        });
        let page = ListPage { pins, not_understood, gap: (!is_steady).then_some(Gap::Moved) };
        Ok(Some((page, (fetch, next))))
    });
    pages.boxed()
}

/// Where the next page begins, and what it is compared with.
struct OffsetSeam<'a> {
    asked: BoxFuture<'a, Result<RawRows, ProviderError>>,
    offset: u64,
    before: Vec<PinId>,
    /// Page 1, 2, 4, 8 …: a list that goes round comes by the last of them again (Brent's algorithm).
    milestone: Vec<PinId>,
    pages: u32,
}

fn endless() -> ProviderError {
    ProviderError::Protocol { reason: "its list of pins has no end".into() }
}

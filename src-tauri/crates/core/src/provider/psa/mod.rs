//! Any service with the IPFS Pinning Service API 1.0.0: a bearer token, paging by creation time, no uploads.
//!
//! Services differ from the specification in many small ways; what is read of their answers is in `wire`.

mod query;
mod wire;

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use holdfast_content::Cid;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{
    Capabilities, Filter, Pages, Paging, PinRequest, Provider, ProviderError,
    error::no_such_call,
    http::{Http, Sent, Timing},
    paging::{self, Ask, CreatedRows},
};
use crate::{
    ids::PinId,
    pin::{Metadata, ProviderPin},
    vault::Credentials,
};

/// Rows asked for at once: the API's maximum, and what to do with where a service refuses that many.
const PAGE_ROWS: [u64; 3] = [1_000, 100, 10];

const MAX_NAME_CHARS: usize = 255;

/// The adapter.
#[derive(Debug)]
pub(crate) struct Psa {
    http: Http,
    /// What the service was last seen to take of [`PAGE_ROWS`].
    page_rows: AtomicU64,
}

impl Psa {
    pub(crate) fn new(mut endpoint: Url, credentials: &Credentials, timing: Timing) -> Result<Self, ProviderError> {
        // Services print their endpoint with and without the collection's name.
        let path = endpoint.path().trim_end_matches('/');
        let base = path.strip_suffix("/pins").unwrap_or(path).trim_end_matches('/').to_owned();
        endpoint.set_path(&base);
        let http = Http::new(endpoint, credentials, Sent::AsAuthorization, timing)?;
        Ok(Self { http, page_rows: AtomicU64::new(PAGE_ROWS[0]) })
    }

    /// One page of the list: with fewer rows where the service refuses so many, and the first one where it refuses bounds.
    async fn page(&self, cids: &[String], ask: &Ask) -> Result<CreatedRows, ProviderError> {
        if let Some(rows) = ask.rows {
            return self.rows(cids, ask, rows).await;
        }
        let taken = self.page_rows.load(Ordering::Relaxed);
        if ask.bound.is_some() {
            let answer = self.rows(cids, ask, taken).await;
            // Paging sees that these are the first rows again.
            let is_bound_refused = matches!(answer, Err(ProviderError::Refused { status: 400 | 422, .. }));
            return if is_bound_refused { self.rows(cids, &Ask::default(), taken).await } else { answer };
        }
        let (mut limit, mut fewer) = (taken, PAGE_ROWS.into_iter().filter(|rows| *rows < taken));
        loop {
            match (self.rows(cids, ask, limit).await, fewer.next()) {
                (Err(ProviderError::Refused { status: 400 | 422, .. }), Some(next)) => limit = next,
                (Ok(page), _) => {
                    self.page_rows.store(limit, Ordering::Relaxed);
                    return Ok(page);
                }
                (Err(error), _) => return Err(error),
            }
        }
    }

    async fn rows(&self, cids: &[String], ask: &Ask, limit: u64) -> Result<CreatedRows, ProviderError> {
        let request = self.http.request(Method::GET, &query::list(cids, ask.bound.as_ref(), limit));
        let answer = self.http.json_of_page(request).await.map_err(no_such_call)?;
        wire::list(answer, limit)
    }

    async fn send(&self, method: Method, path: &str, body: &wire::WantedPin<'_>) -> Result<ProviderPin, ProviderError> {
        let answer: Value = self.http.json(self.http.request(method, path).json(body)).await.map_err(out_of_funds)?;
        wire::pin(&answer)
    }
}

#[async_trait]
impl Provider for Psa {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        let request = self.http.request(Method::GET, &query::list(&[], None, 1));
        let answer = self.http.json(request).await.map_err(no_such_call);
        answer.and_then(|answer| wire::list(answer, 1)).map_err(|error| match error {
            ProviderError::Protocol { reason } => ProviderError::NotAPinningApi { reason },
            error => error,
        })?;
        Ok(Capabilities {
            upload: None,
            edit: true,
            metadata: true,
            filters: &[Filter::Cid, Filter::Name, Filter::Status, Filter::Metadata],
            sorts: &[],
            paging: Paging::Before,
            usage: false,
            addresses: false,
            profile: None,
        })
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        let name = request.name.map(checked_name).transpose()?;
        let body = wire::WantedPin::new(request.cid, name, request.metadata, request.origins);
        self.send(Method::POST, "/pins", &body).await.map_err(no_such_call)
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        let answer: Value = self.http.json(self.http.request(Method::GET, &query::one(id)?)).await?;
        wire::pin(&answer)
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        if cids.is_empty() {
            return paging::by_created(move |ask| async move { self.page(&[], &ask).await });
        }
        // A service that passes over the filter has shown everything when one batch has been asked for.
        let shows_all = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&shows_all);
        let batches = stream::iter(query::batches(cids)).take_while(move |_| ready(!is_over.load(Ordering::Relaxed)));
        let pages = batches.flat_map(move |batch| {
            let (shows_all, asked) = (Arc::clone(&shows_all), batch.clone());
            let pages = paging::by_created(move |ask| {
                let batch = batch.clone();
                async move { self.page(&batch, &ask).await }
            });
            pages.inspect_ok(move |page| {
                if page.pins.iter().any(|pin| !query::is_among(&pin.cid, &asked)) {
                    shows_all.store(true, Ordering::Relaxed);
                }
            })
        });
        pages.boxed()
    }

    async fn edit(
        &self,
        pin: &ProviderPin,
        name: Option<&str>,
        metadata: &Metadata,
    ) -> Result<ProviderPin, ProviderError> {
        let body = wire::WantedPin::changed(&pin.cid, name.map(checked_name).transpose()?, metadata);
        self.send(Method::POST, &query::one(&pin.id)?, &body).await
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        self.http.done(self.http.request(Method::DELETE, &query::one(id)?)).await
    }
}

/// The API knows 409 for accounts that are out of funds; some services say with it that a pin is there already.
fn out_of_funds(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::AlreadyExists { message } if !message.as_deref().is_some_and(says_there) => {
            ProviderError::OverQuota { message }
        }
        error => error,
    }
}

fn says_there(message: &str) -> bool {
    let message = message.to_lowercase();
    ["exist", "duplicate", "already"].iter().any(|word| message.contains(word))
}

fn checked_name(name: &str) -> Result<&str, ProviderError> {
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(ProviderError::Unsupported { what: "a name has at most 255 characters there" });
    }
    Ok(name)
}

//! The parameters of a list, as they come in a query string.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    http::{
        errors::ApiError,
        limit,
        metadata::{check_conditions, check_keyvalues},
    },
    store::{
        order::{SortKey, SortOrder},
        page::PinQuery,
    },
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListParameters {
    offset: Option<String>,
    limit: Option<String>,
    pinned: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    metadata: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for PinQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let parameters = Query::<ListParameters>::from_request_parts(parts, state).await;
        let Query(parameters) = parameters.map_err(|error| ApiError::bad_request(error.body_text()))?;
        parameters.query()
    }
}

impl ListParameters {
    fn query(&self) -> Result<PinQuery, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let bad = |message: &'static str| Err(ApiError::bad_request(message));
        let offset = match given(&self.offset).map(|text| text.parse()) {
            None => 0,
            Some(Ok(offset)) => offset,
            Some(Err(_)) => return bad("offset must be a number from 0 to 4294967295"),
        };
        let limit = limit::of_page(given(&self.limit).as_deref())?;
        // Python writes True.
        let pinned = match given(&self.pinned).map(|pinned| pinned.to_ascii_lowercase()).as_deref() {
            None | Some("all") => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return bad("pinned must be all, true or false"),
        };
        let sort_key = match given(&self.sort_by).as_deref() {
            None | Some("created_at") => SortKey::CreatedAt,
            Some("size") => SortKey::Size,
            Some("name") => SortKey::Name,
            Some(_) => return bad("sortBy must be created_at, size or name"),
        };
        let sort_order = match given(&self.sort_order).map(|order| order.to_ascii_uppercase()).as_deref() {
            None | Some("DESC") => SortOrder::Descending,
            Some("ASC") => SortOrder::Ascending,
            Some(_) => return bad("sortOrder must be ASC or DESC"),
        };
        let keyvalues: Map<String, Value> = match given(&self.metadata) {
            None => Map::new(),
            // Go writes null for no map.
            Some(text) => match serde_json::from_str::<Option<_>>(&text) {
                Ok(pairs) => pairs.unwrap_or_default(),
                Err(_) => return bad("metadata must be a JSON object of keyvalues"),
            },
        };
        check_conditions("metadata", keyvalues.len())?;
        check_keyvalues(&keyvalues)?;
        Ok(PinQuery { pinned, keyvalues, sort_key, sort_order, offset, limit })
    }
}

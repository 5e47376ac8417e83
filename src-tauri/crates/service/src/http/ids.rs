//! What a request names a record by: an id in its path, a CID in what it gives.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use holdfast_content::{Cid, CidTextError};
use uuid::Uuid;

use super::errors::ApiError;

/// Less is not even a multibase's letter and a byte.
const MIN_CID_TEXT_BYTES: usize = 2;

/// The `{id}` of a path. What is no UUID is the id of no record.
pub(crate) struct RecordId(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for RecordId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
        Uuid::from_str(&id).map(Self).map_err(|_| ApiError::not_found())
    }
}

/// Reads a CID that a client gave.
pub(crate) fn parse_cid(text: &str) -> Result<Cid, ApiError> {
    let invalid = |why: &str| ApiError::bad_request(format!("invalid cid: {why}"));
    holdfast_content::parse_cid(text).map_err(|error| match error {
        CidTextError::TooLong => invalid("cid too long"),
        damaged @ (CidTextError::WrongLength { .. } | CidTextError::CaseLost) => invalid(&damaged.to_string()),
        _ if text.len() < MIN_CID_TEXT_BYTES => invalid("cid too short"),
        _ => invalid("selected encoding not supported"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cids_are_read_strictly() {
        assert!(parse_cid("Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs").is_ok());
        for text in ["", "Q", "hello", "/ipfs/bafkqaaa", "bafkqaaa/x", " bafkqaaa", "bafkqaaa\n", &"z".repeat(65_000)] {
            assert!(parse_cid(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_cid_that_got_damaged_is_answered_with_what_happened_to_it() {
        let message = |text| format!("{:?}", parse_cid(text).unwrap_err());
        let cut = message("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n");
        assert!(cut.contains("57 characters instead of 59, so it was cut off"), "{cut}");
        let small = message("qmc1135zimvmfg534i75e8hpjolqzlzgkbxfjbv9cbsmas");
        assert!(small.contains("lost its capital letters"), "{small}");
    }
}

//! How many pins one reply has at most.

use super::errors::ApiError;

const DEFAULT: u32 = 10;
const MAX: u32 = 1000;

/// Reads the `limit` of a list, the same in both APIs.
pub(crate) fn of_page(given: Option<&str>) -> Result<u32, ApiError> {
    match given.map(str::parse) {
        None => Ok(DEFAULT),
        Some(Ok(limit @ 1..=MAX)) => Ok(limit),
        Some(_) => Err(ApiError::bad_request("limit must be a number from 1 to 1000")),
    }
}

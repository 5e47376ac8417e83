//! What the head of an upload's part says.

use axum::http::{HeaderMap, header};

use super::{disposition, errors::ApiError};
use crate::import::PartKind;

/// A part's header with the path percent-encoded: a filename cannot have line breaks and other control characters in it.
/// Ours; other services pass over it and take the filename (RFC 7578, section 4.8).
const EXACT_PATH: &str = "holdfast-path";

/// What a part is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A file, directory or symlink, and its path.
    Content(PartKind, String),
    /// An archive, and its file's name.
    Archive(String),
    Metadata,
    /// Other services know more fields, and clients written for those may send them.
    Unknown,
}

impl Part {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let disposition = headers.get(header::CONTENT_DISPOSITION).map(|value| value.as_bytes());
        let disposition = disposition.and_then(disposition::parse);
        let disposition = disposition.ok_or_else(|| ApiError::bad_request("a part has no valid name"))?;
        Ok(match disposition.name.as_str() {
            "file" => {
                let no_name = || ApiError::bad_request("a file part has no filename");
                let path = match headers.get(EXACT_PATH) {
                    Some(path) => exact_path(path.as_bytes())?,
                    None => disposition.filename.ok_or_else(no_name)?,
                };
                Self::Content(kind(headers), path)
            }
            "car" => Self::Archive(disposition.filename.unwrap_or_default()),
            "metadata" => Self::Metadata,
            _ => Self::Unknown,
        })
    }
}

fn exact_path(encoded: &[u8]) -> Result<String, ApiError> {
    let path = percent_encoding::percent_decode(encoded).decode_utf8();
    path.map(Into::into).map_err(|_| ApiError::bad_request("a path is not UTF-8"))
}

/// Kubo's convention for what is no regular file.
fn kind(headers: &HeaderMap) -> PartKind {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim() {
        kind if kind.eq_ignore_ascii_case("application/x-directory") => PartKind::Directory,
        kind if kind.eq_ignore_ascii_case("application/symlink") => PartKind::Symlink,
        _ => PartKind::File,
    }
}

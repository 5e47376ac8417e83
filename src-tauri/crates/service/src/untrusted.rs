//! What this service makes of bytes from anybody, without a connection and a disk: for fuzz targets and their tests.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use holdfast_content::{Cid, Discard};
use multer::Multipart;

use crate::{
    http::{self, Action, GivenMetadata, Part},
    import::Import,
    store::memory::{Memory, Who},
};

/// What an upload's trees may take here.
const TREE_BYTES: usize = 64 * 1024 * 1024;

/// What a form has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// The name of its file or top directory.
    pub name: String,
    /// Its root.
    pub root: Cid,
}

/// Reads the body of an upload that comes in these pieces. An archive in it is not looked into.
///
/// # Errors
/// Why it cannot be taken.
pub async fn upload_form(boundary: &str, pieces: Vec<Bytes>) -> Result<Uploaded, String> {
    let body = stream::iter(pieces.into_iter().map(Ok::<_, io::Error>));
    let mut form = Multipart::new(body, boundary);
    let mut import = Import::new(Discard, Memory::new(TREE_BYTES).claim(Who::Owner(1)));
    while let Some(mut part) = form.next_field().await.map_err(told)? {
        let is_content = match Part::of(part.headers()).map_err(told)? {
            Part::Content(kind, path) => {
                import.begin(kind, path).map_err(told)?;
                true
            }
            Part::Metadata => {
                GivenMetadata::from_part(&part.bytes().await.map_err(told)?).map_err(told)?;
                continue;
            }
            Part::Archive(_) | Part::Unknown => false,
        };
        while let Some(bytes) = part.chunk().await.map_err(told)? {
            if is_content {
                import.push(&bytes).map_err(told)?;
            }
        }
    }
    let (imported, Discard) = import.finish().map_err(told)?;
    Ok(Uploaded { name: imported.name, root: imported.link.cid })
}

/// Where a site's `_redirects` file leads from a path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// To another address, with this status.
    Address(String, u16),
    /// To the content of another path, with this status.
    Path(String, u16),
}

/// A site's `_redirects` file.
#[derive(Debug)]
pub struct Redirects(http::Redirects);

impl Redirects {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(file: &str) -> Result<Self, String> {
        http::Redirects::parse(file).map(Self).map_err(told)
    }

    /// What the first rule that matches says.
    #[must_use]
    pub fn lead(&self, path: &str, query: Option<&str>) -> Option<Lead> {
        Some(match self.0.action(path, query)? {
            Action::Redirect { location, status } => Lead::Address(location, status.as_u16()),
            Action::Rewrite { path, status } => Lead::Path(path, status.as_u16()),
        })
    }
}

fn told(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

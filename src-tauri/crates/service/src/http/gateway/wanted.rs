//! What a request asks for: a root, a path below it, a form.

use axum::http::{HeaderMap, Uri, header};
use holdfast_content::{Cid, CidTextError, cid_v1, parse_cid};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{error::GatewayError, format::Format, parameters::Parameters};

/// All but what RFC 3986 calls unreserved.
const IN_URI: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) root: Cid,
    pub(super) site: Site,
    pub(super) path: ContentPath,
    pub(super) format: Format,
    /// Whether only a part of a file may be asked for.
    pub(super) is_part: bool,
}

/// Where the root stands in the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Site {
    /// In the path, `/ipfs/{cid}/…`: all content shares one origin, that of the API too.
    Path,
    /// In the host, `{cid}.ipfs.…`: each root has an origin of its own.
    Subdomain,
}

/// A path below a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentPath {
    /// As it stands in the URL, without slashes at its ends.
    pub(super) encoded: String,
    pub(super) segments: Vec<String>,
    pub(super) has_slash_at_end: bool,
}

impl ContentPath {
    /// Reads what stands behind the root and its slash.
    pub(super) fn parse(path: &str) -> Result<Self, GatewayError> {
        let encoded = path.trim_matches('/');
        let segments: Result<Vec<_>, _> = encoded
            .split('/')
            .filter(|_| !encoded.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8().map(String::from))
            .collect();
        let segments = segments.map_err(|_| GatewayError::not_found("There is no such path: it is not UTF-8."))?;
        Ok(Self { encoded: encoded.into(), segments, has_slash_at_end: path.ends_with('/') })
    }
}

impl Wanted {
    /// Reads `/ipfs/{cid}/{path}`.
    pub(super) fn of_path(uri: &Uri, headers: &HeaderMap, parameters: &Parameters) -> Result<Self, GatewayError> {
        let path = uri.path().strip_prefix("/ipfs/").unwrap_or_default();
        let (root, below) = path.split_once('/').map_or((path, None), |(root, below)| (root, Some(below)));
        let root = parse_cid(root).map_err(|error| match error {
            CidTextError::TooLong => GatewayError::bad_request("invalid path: this is longer than any CID"),
            damaged @ (CidTextError::WrongLength { .. } | CidTextError::CaseLost) => {
                GatewayError::bad_request(format!("invalid path \"/ipfs/{root}\": {damaged}"))
            }
            _ => GatewayError::bad_request(format!("invalid path \"/ipfs/{root}\": this is not a CID")),
        })?;
        let mut path = ContentPath::parse(below.unwrap_or_default())?;
        path.has_slash_at_end |= below == Some("");
        Ok(Self {
            root,
            site: Site::Path,
            path,
            format: Format::asked(headers, parameters)?,
            is_part: is_part(headers),
        })
    }

    /// Reads a path of a host that names the root.
    pub(super) fn of_subdomain(
        root: Cid,
        uri: &Uri,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<Self, GatewayError> {
        let path = ContentPath::parse(uri.path().strip_prefix('/').unwrap_or_default())?;
        let path = ContentPath { has_slash_at_end: uri.path().ends_with('/'), ..path };
        Ok(Self {
            root,
            site: Site::Subdomain,
            path,
            format: Format::asked(headers, parameters)?,
            is_part: is_part(headers),
        })
    }

    /// The address of the root on its own host, ending in a slash.
    pub(super) fn base(&self) -> String {
        match self.site {
            Site::Path => format!("/ipfs/{}/", self.root),
            Site::Subdomain => "/".into(),
        }
    }

    /// The address of it without any gateway (<https://specs.ipfs.tech/ipips/ipip-0548/>).
    pub(super) fn uri(&self) -> String {
        let mut uri = format!("ipfs://{}", cid_v1(&self.root));
        for segment in self.path.segments.iter().filter(|segment| !segment.is_empty()) {
            uri.push('/');
            uri.extend(utf8_percent_encode(segment, IN_URI));
        }
        if self.path.has_slash_at_end {
            uri.push('/');
        }
        uri
    }

    /// The content path, `/ipfs/{cid}/{path}`.
    pub(super) fn content_path(&self) -> String {
        let ContentPath { encoded, has_slash_at_end, .. } = &self.path;
        let slash = if encoded.is_empty() { "" } else { "/" };
        format!("/ipfs/{}{slash}{encoded}{}", self.root, if *has_slash_at_end { "/" } else { "" })
    }
}

/// The path behind `/ipfs/` as it is meant where it says that twice or begins with nothing: `ipfs/{cid}`, `./{cid}`,
/// `/{cid}`. `None` if it is meant as it is.
pub(super) fn meant(path: &str) -> Option<&str> {
    let mut meant = path;
    while let Some(rest) = ["ipfs/", "./", "/"].into_iter().find_map(|prefix| meant.strip_prefix(prefix)) {
        meant = rest;
    }
    let root = meant.split('/').next().unwrap_or_default();
    (meant.len() < path.len() && parse_cid(root).is_ok()).then_some(meant)
}

fn is_part(headers: &HeaderMap) -> bool {
    headers.contains_key(header::RANGE)
}

//! What was found as a response: status, headers, body.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use holdfast_content::{Cid, ReadError};
use percent_encoding::{CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

use super::{
    content_type,
    error::GatewayError,
    find::{Content, Found, FoundFile, FoundNode},
    format::{CarOptions, Format},
    parameters::Parameters,
    range,
    stream::{self, Pieces},
    wanted::{Site, Wanted},
};
use crate::{
    http::{held::until_read, shares::Permit},
    store::blocks::BlockStore,
};

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=29030400, immutable");

/// A page in here runs no scripts and shares no origin with the API or other content.
const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");

/// The same where only pages of the own origin are answered: a page without one would get neither its pictures nor its
/// styles. Nothing runs that could use it, and the guard gives it nothing of other roots.
const SANDBOX_OF_GUARDED: HeaderValue = HeaderValue::from_static("sandbox allow-same-origin; script-src 'none'");

/// A list of ours: its links may be followed.
const SANDBOX_OF_LISTING: HeaderValue = HeaderValue::from_static("sandbox allow-top-navigation-by-user-activation");

/// Bodies up to here are sent without a permit: buffers of connections hold as much anyway.
const FREE_BYTES: u64 = 64 * 1024;

/// What an answer is made from.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) parameters: &'a Parameters,
    pub(super) headers: &'a HeaderMap,
    pub(super) is_head: bool,
    /// Whether other origins are answered too.
    pub(super) is_public: bool,
    pub(super) blocks: BlockStore,
    pub(super) work: TaskTracker,
    /// To hold content in memory.
    pub(super) permit: Permit,
}

impl Answer<'_> {
    /// Makes the response.
    pub(super) fn respond(self, found: Found, query: Option<&str>) -> Result<Response, GatewayError> {
        let mut about = HeaderMap::new();
        about.insert("x-ipfs-path", address(&self.wanted.content_path())?);
        let roots: Vec<String> = found.roots.iter().map(Cid::to_string).collect();
        about.insert("x-ipfs-roots", text(&roots.join(","))?);
        about.insert(header::VARY, HeaderValue::from_static("accept"));
        let mut response = match found.node {
            FoundNode::Block(cid, bytes) => self.block(cid, bytes)?,
            FoundNode::Car(cid, archive) => {
                let Format::Car(options) = self.wanted.format.clone() else { return Err(GatewayError::failed()) };
                self.car(cid, archive, &options)?
            }
            FoundNode::File(file) => self.file(file)?,
            FoundNode::Symlink(cid, target) => {
                let sent =
                    Sent { etag: format!("\"{cid}\""), content_type: "inode/symlink".into(), status: StatusCode::OK };
                self.content(Content::Whole(target), &sent)?
            }
            FoundNode::Listing(cid, page) => self.listing(cid, page)?,
            FoundNode::Redirect(location, status) => {
                let is_own = location.starts_with('/');
                let location = match query {
                    // A site's rules have put the query in already.
                    Some(query) if is_own && status == StatusCode::MOVED_PERMANENTLY && !location.contains('?') => {
                        format!("{location}?{query}")
                    }
                    _ => location,
                };
                (status, [(header::LOCATION, address(&location)?)]).into_response()
            }
        };
        response.headers_mut().extend(about);
        Ok(response)
    }

    /// A body of all pieces. Of content that is pinned none may be missing.
    fn body(self, pieces: Pieces) -> Body {
        let (blocks, root) = (self.blocks, self.wanted.root);
        let pieces = pieces.inspect(move |piece| {
            if matches!(piece, Err(ReadError::Missing(_))) {
                blocks.suspect(&root);
            }
        });
        stream::body(Box::new(pieces), self.work, self.permit)
    }

    fn block(self, cid: Cid, bytes: Vec<u8>) -> Result<Response, GatewayError> {
        let etag = format!("\"{cid}.raw\"");
        let disposition = attachment(self.parameters, &format!("{cid}.bin"))?;
        let location = self.content_location("format=raw".into())?;
        let sent = Sent { etag, content_type: "application/vnd.ipld.raw".into(), status: StatusCode::OK };
        let mut response = self.content(Content::Whole(bytes), &sent)?;
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        response.headers_mut().extend(location);
        Ok(response)
    }

    fn car(
        self,
        cid: Cid,
        archive: Box<super::car::CarStream>,
        options: &CarOptions,
    ) -> Result<Response, GatewayError> {
        let duplicates = options.duplicates.word();
        let path = Sha256::digest(self.wanted.content_path().trim_end_matches('/').as_bytes());
        let path: String = path.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let etag = format!("W/\"{cid}.car.{}.dups-{duplicates}.{path}\"", options.scope);
        if matches_etag(self.headers, &etag) {
            return not_modified(&etag, FOR_EVER);
        }
        let content_type = format!("application/vnd.ipld.car; version=1; order=dfs; dups={duplicates}");
        let location = self.content_location(car_query(self.parameters, duplicates))?;
        let headers = [
            (header::CONTENT_TYPE, text(&content_type)?),
            (header::ACCEPT_RANGES, HeaderValue::from_static("none")),
            (header::ETAG, text(&etag)?),
            (header::CACHE_CONTROL, FOR_EVER),
            (header::CONTENT_DISPOSITION, attachment(self.parameters, &format!("{cid}.car"))?),
        ];
        let body = if self.is_head { Body::empty() } else { self.body(archive) };
        let mut response = (headers, body).into_response();
        response.headers_mut().extend(location);
        Ok(response)
    }

    fn file(self, found: FoundFile) -> Result<Response, GatewayError> {
        let FoundFile { cid, content, name, status } = found;
        let name = self.parameters.get("filename").or(name.as_deref());
        let content_type = content_type::of(name, content.start());
        // Browsers show no PDF inside a sandbox, and scripts in one do not reach the page's origin.
        let in_sandbox = self.wanted.site == Site::Path && content_type != "application/pdf";
        let sandbox = if self.is_public { SANDBOX } else { SANDBOX_OF_GUARDED };
        let disposition = disposition(self.parameters)?;
        let mut response = self.content(content, &Sent { etag: format!("\"{cid}\""), content_type, status })?;
        if in_sandbox {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, sandbox);
        }
        response.headers_mut().extend(disposition.map(|disposition| (header::CONTENT_DISPOSITION, disposition)));
        Ok(response)
    }

    fn listing(self, cid: Cid, page: String) -> Result<Response, GatewayError> {
        // Another version may list in another way.
        let etag = format!("\"DirIndex-{}_CID-{cid}\"", env!("CARGO_PKG_VERSION"));
        let cache = HeaderValue::from_static("public, max-age=604800, stale-while-revalidate=2678400");
        if matches_etag(self.headers, &etag) {
            return not_modified(&etag, cache);
        }
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_LENGTH, HeaderValue::from(page.len())),
            (header::CACHE_CONTROL, cache),
            (header::ETAG, text(&etag)?),
            (header::CONTENT_SECURITY_POLICY, SANDBOX_OF_LISTING),
        ];
        let body = if self.is_head { Body::empty() } else { self.whole(page.into()) };
        Ok((headers, body).into_response())
    }

    /// Bytes that stay the same for ever, or the part of them that is asked for.
    fn content(self, content: Content, sent: &Sent) -> Result<Response, GatewayError> {
        let is_ok = sent.status == StatusCode::OK;
        if is_ok && matches_etag(self.headers, &sent.etag) {
            return not_modified(&sent.etag, FOR_EVER);
        }
        let bytes = content.bytes();
        let range = match asked_range(self.headers, &sent.etag).filter(|_| is_ok) {
            None => None,
            Some(asked) => match range::parse(asked, bytes) {
                range::Asked::All => None,
                range::Asked::Part(range) => Some(range),
                range::Asked::Nothing => {
                    let range = text(&format!("bytes */{bytes}"))?;
                    return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, range)]).into_response());
                }
            },
        };
        let part = range.clone().unwrap_or(0..bytes);
        let mut headers = HeaderMap::new();
        let set: [(HeaderName, HeaderValue); 5] = [
            (header::CONTENT_TYPE, text(&sent.content_type)?),
            (header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start)),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (header::ETAG, text(&sent.etag)?),
            (header::CACHE_CONTROL, FOR_EVER),
        ];
        headers.extend(set);
        let mut status = sent.status;
        if range.is_some() {
            status = StatusCode::PARTIAL_CONTENT;
            headers.insert(header::CONTENT_RANGE, text(&format!("bytes {}-{}/{bytes}", part.start, part.end - 1))?);
        }
        let body = match content {
            _ if self.is_head => Body::empty(),
            // In memory: its length fits.
            Content::Whole(bytes) => self.whole(Bytes::from(bytes).slice(part.start as usize..part.end as usize)),
            Content::Stream { reader, .. } => self.body(Box::new(reader.range(part))),
        };
        Ok((status, headers, body).into_response())
    }

    fn whole(self, bytes: Bytes) -> Body {
        if bytes.len() as u64 <= FREE_BYTES { Body::from(bytes) } else { until_read(bytes, self.permit) }
    }

    /// Where a cache finds the same, when a header and not the address said in which form.
    fn content_location(&self, query: String) -> Result<Option<(HeaderName, HeaderValue)>, GatewayError> {
        if self.parameters.get("format").is_some() {
            return Ok(None);
        }
        let path = match self.wanted.site {
            Site::Path => self.wanted.content_path(),
            Site::Subdomain => format!("/{}", self.wanted.path.encoded),
        };
        Ok(Some((header::CONTENT_LOCATION, address(&format!("{path}?{query}"))?)))
    }
}

/// How bytes are sent.
struct Sent {
    etag: String,
    content_type: String,
    status: StatusCode,
}

fn car_query(parameters: &Parameters, duplicates: &str) -> String {
    let mut query = format!("format=car&car-version=1&car-order=dfs&car-dups={duplicates}");
    for name in ["dag-scope", "entity-bytes"] {
        // Both were checked: letters, digits, minus, colon and asterisk.
        if let Some(value) = parameters.get(name) {
            query.push_str(&format!("&{name}={value}"));
        }
    }
    query
}

/// The range that is asked for, unless it is of something else.
fn asked_range<'a>(headers: &'a HeaderMap, etag: &str) -> Option<&'a str> {
    let is_of_this = headers.get(header::IF_RANGE).is_none_or(|of| of.as_bytes() == etag.as_bytes());
    headers.get(header::RANGE).filter(|_| is_of_this)?.to_str().ok()
}

fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    let asked = headers.get(header::IF_NONE_MATCH).and_then(|asked| asked.to_str().ok()).unwrap_or_default();
    let etag = etag.trim_start_matches("W/");
    asked.split(',').any(|asked| matches!(asked.trim(), "*") || asked.trim().trim_start_matches("W/") == etag)
}

fn not_modified(etag: &str, cache_control: HeaderValue) -> Result<Response, GatewayError> {
    let headers = [(header::ETAG, text(etag)?), (header::CACHE_CONTROL, cache_control)];
    Ok((StatusCode::NOT_MODIFIED, headers).into_response())
}

fn attachment(parameters: &Parameters, name: &str) -> Result<HeaderValue, GatewayError> {
    text(&format!("attachment{}", filename(parameters.get("filename").unwrap_or(name))))
}

fn disposition(parameters: &Parameters) -> Result<Option<HeaderValue>, GatewayError> {
    let is_download = parameters.get("download") == Some("true");
    let name = parameters.get("filename");
    if name.is_none() && !is_download {
        return Ok(None);
    }
    let kind = if is_download { "attachment" } else { "inline" };
    text(&format!("{kind}{}", name.map(filename).unwrap_or_default())).map(Some)
}

/// The parameters of a `Content-Disposition` (RFC 6266): plain for old clients, and as it is.
fn filename(name: &str) -> String {
    let is_plain = |char: char| matches!(char, ' '..='~') && !matches!(char, '"' | '\\' | '%');
    let plain: String = name.chars().map(|char| if is_plain(char) { char } else { '_' }).collect();
    if plain == name {
        return format!("; filename=\"{name}\"");
    }
    format!("; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// An address or a part of one: what is not ASCII is percent-encoded, as it should have come.
pub(super) fn address(text: &str) -> Result<HeaderValue, GatewayError> {
    self::text(&utf8_percent_encode(text, CONTROLS).to_string())
}

fn text(text: &str) -> Result<HeaderValue, GatewayError> {
    HeaderValue::from_str(text).map_err(|_| GatewayError::failed())
}

//! `/ipfs/{cid}/{path}`: what is held, as a browser wants it, or one raw block (the trustless gateway's `format=raw`).

mod content_type;
mod listing;
mod range;
mod stream;

use axum::{
    body::Body,
    extract::{FromRequestParts, Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use holdfast_content::{BlockSource, Cid, FileReader, NodeKind, ReadError, list_directory, resolve, stat};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;

use super::Shared;
use crate::store::{Store, blocks::BlockStore};

const FOR_EVER: &str = "public, max-age=29030400, immutable";

/// Content is not ours: a page in it runs no scripts and shares no origin with the API or other content.
const SANDBOX: &str = "sandbox";

const SNIFFED_BYTES: u64 = 512;

/// Up to here a file is read at once.
const SMALL_FILE_BYTES: u64 = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    format: Option<String>,
    filename: Option<String>,
    download: Option<bool>,
}

/// What is asked for.
#[derive(Debug)]
struct Wanted {
    root: Cid,
    /// The path as it stands in the URL, without slashes at its ends.
    raw_path: String,
    segments: Vec<String>,
    slash_at_end: bool,
    raw_block: bool,
}

/// What is there.
#[derive(Debug)]
enum Found {
    Block(Cid, Vec<u8>),
    File {
        cid: Cid,
        content: Content,
        name: Option<String>,
    },
    Symlink(Cid, Vec<u8>),
    /// A directory with a page of its own, asked for without the slash that makes the page's links work.
    Redirect(String),
    Listing(Cid, String),
}

/// A file's bytes; small ones are there already.
#[derive(Debug)]
enum Content {
    Whole(Vec<u8>),
    Stream { reader: FileReader<BlockStore>, start: Vec<u8> },
}

impl Content {
    fn bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream { reader, .. } => reader.bytes(),
        }
    }

    fn start(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => &bytes[..bytes.len().min(SNIFFED_BYTES as usize)],
            Self::Stream { start, .. } => start,
        }
    }
}

pub(crate) async fn serve(State(shared): State<Shared>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    match answer(&shared, &mut parts).await {
        Ok(mut response) => {
            let headers = response.headers_mut();
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            response
        }
        Err(error) => error.into_response(),
    }
}

async fn answer(shared: &Shared, parts: &mut Parts) -> Result<Response, GatewayError> {
    let Ok(Query(parameters)) = Query::<Parameters>::from_request_parts(parts, shared).await else {
        return Err(GatewayError::bad_request("The query is not one that this gateway knows."));
    };
    let wanted = Wanted::parse(parts, &parameters)?;
    let found = shared.blocking(move |store| find(store, &wanted)).await;
    let found = found.map_err(|_| GatewayError::failed())??;
    let is_head = parts.method == Method::HEAD;
    match found {
        Found::Block(cid, bytes) => {
            let etag = format!("\"{cid}.raw\"");
            let name = format!("attachment; filename=\"{cid}.bin\"");
            let content = Content::Whole(bytes);
            let mut response = file(&parts.headers, is_head, content, &etag, "application/vnd.ipld.raw", shared)?;
            response.headers_mut().insert(header::CONTENT_DISPOSITION, text(&name)?);
            Ok(response)
        }
        Found::File { cid, content, name } => {
            let name = parameters.filename.as_deref().or(name.as_deref());
            let content_type = content_type::of(name, content.start());
            let mut response = file(&parts.headers, is_head, content, &format!("\"{cid}\""), &content_type, shared)?;
            // Browsers show no PDF inside a sandbox, and scripts in one do not reach the page's origin.
            if content_type != "application/pdf" {
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
            }
            if let Some(disposition) = disposition(&parameters) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, text(&disposition)?);
            }
            Ok(response)
        }
        Found::Symlink(cid, target) => {
            let content = Content::Whole(target);
            file(&parts.headers, is_head, content, &format!("\"{cid}\""), "inode/symlink", shared)
        }
        Found::Redirect(location) => {
            let location = match parts.uri.query() {
                Some(query) => format!("{location}?{query}"),
                None => location,
            };
            Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response())
        }
        Found::Listing(cid, page) => {
            let etag = format!("\"listing-{cid}\"");
            if matches_etag(&parts.headers, &etag) {
                return not_modified(&etag, "no-cache");
            }
            let headers = [
                (header::CONTENT_TYPE, text("text/html; charset=utf-8")?),
                (header::CONTENT_LENGTH, HeaderValue::from(page.len())),
                (header::CACHE_CONTROL, text("no-cache")?),
                (header::ETAG, text(&etag)?),
                (header::CONTENT_SECURITY_POLICY, text("sandbox allow-top-navigation-by-user-activation")?),
            ];
            Ok((headers, if is_head { String::new() } else { page }).into_response())
        }
    }
}

impl Wanted {
    fn parse(parts: &Parts, parameters: &Parameters) -> Result<Self, GatewayError> {
        let path = parts.uri.path().strip_prefix("/ipfs/").unwrap_or_default();
        let (root, raw_path) = path.split_once('/').unwrap_or((path, ""));
        let root = Cid::try_from(root).map_err(|_| GatewayError::bad_request("This is not a CID."))?;
        let slash_at_end = path.ends_with('/');
        let raw_path = raw_path.trim_matches('/');
        let segments: Result<Vec<_>, _> = raw_path
            .split('/')
            .filter(|_| !raw_path.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8().map(String::from))
            .collect();
        let segments = segments.map_err(|_| GatewayError::not_found("There is no such path: it is not UTF-8."))?;
        let raw_block = match parameters.format.as_deref() {
            Some("raw") => true,
            Some(_) => return Err(GatewayError::bad_request("The only format served here is raw.")),
            None => accepts_raw(&parts.headers)?,
        };
        Ok(Self { root, raw_path: raw_path.into(), segments, slash_at_end, raw_block })
    }

    fn url(&self) -> String {
        let slash = if self.raw_path.is_empty() { "" } else { "/" };
        format!("/ipfs/{}{slash}{}/", self.root, self.raw_path)
    }
}

fn accepts_raw(headers: &HeaderMap) -> Result<bool, GatewayError> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let mut types = accept.split(',').map(|accepted| accepted.split(';').next().unwrap_or_default().trim());
    if types.clone().any(|accepted| accepted == "application/vnd.ipld.raw") {
        return Ok(true);
    }
    if types.any(|accepted| accepted == "application/vnd.ipld.car") {
        return Err(GatewayError::new(StatusCode::NOT_ACCEPTABLE, "The only format served here is raw."));
    }
    Ok(false)
}

fn find(store: &Store, wanted: &Wanted) -> Result<Found, GatewayError> {
    let blocks = &store.blocks;
    let cid = resolve(blocks, &wanted.root, wanted.segments.iter().map(String::as_str))?;
    if wanted.raw_block {
        let block = blocks.get(&cid).map_err(ReadError::from)?.ok_or(ReadError::Missing(cid))?;
        return Ok(Found::Block(cid, block));
    }
    match stat(blocks, &cid)? {
        NodeKind::File { .. } => found_file(blocks, cid, wanted.segments.last().cloned()),
        NodeKind::Symlink { target } => Ok(Found::Symlink(cid, target)),
        NodeKind::Directory => match resolve(blocks, &cid, ["index.html"]) {
            Ok(_) if !wanted.slash_at_end => Ok(Found::Redirect(wanted.url())),
            Ok(index) => found_file(blocks, index, Some("index.html".into())),
            Err(ReadError::NoSuchEntry(_)) => {
                let entries = list_directory(blocks, &cid)?;
                Ok(Found::Listing(cid, listing::page(wanted, &entries)))
            }
            Err(error) => Err(error.into()),
        },
    }
}

fn found_file(blocks: &BlockStore, cid: Cid, name: Option<String>) -> Result<Found, GatewayError> {
    let open = || FileReader::open(blocks.clone(), &cid);
    let reader = open()?;
    let content = if reader.bytes() <= SMALL_FILE_BYTES {
        let mut whole = Vec::new();
        for bytes in reader {
            whole.append(&mut bytes?);
        }
        Content::Whole(whole)
    } else {
        let start = open()?.range(0..SNIFFED_BYTES).next().transpose()?;
        Content::Stream { reader, start: start.unwrap_or_default() }
    };
    Ok(Found::File { cid, content, name })
}

fn file(
    headers: &HeaderMap,
    is_head: bool,
    content: Content,
    etag: &str,
    content_type: &str,
    shared: &Shared,
) -> Result<Response, GatewayError> {
    if matches_etag(headers, etag) {
        return not_modified(etag, FOR_EVER);
    }
    let bytes = content.bytes();
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = match asked.map_or(range::Asked::All, |asked| range::parse(asked, bytes)) {
        range::Asked::All => None,
        range::Asked::Part(range) => Some(range),
        range::Asked::Nothing => {
            let range = text(&format!("bytes */{bytes}"))?;
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, range)]).into_response());
        }
    };
    let mut response = Response::new(Body::empty());
    let sent = range.clone().unwrap_or(0..bytes);
    let set: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, text(content_type)?),
        (header::CONTENT_LENGTH, HeaderValue::from(sent.end - sent.start)),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::ETAG, text(etag)?),
        (header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER)),
    ];
    response.headers_mut().extend(set);
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {}-{}/{bytes}", sent.start, sent.end - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, text(&range)?);
    }
    if !is_head {
        *response.body_mut() = match content {
            // A whole block: its length fits.
            Content::Whole(bytes) => {
                Body::from(bytes::Bytes::from(bytes).slice(sent.start as usize..sent.end as usize))
            }
            Content::Stream { reader, .. } => stream::body(reader.range(sent), shared.work.clone()),
        };
    }
    Ok(response)
}

fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    let asked = headers.get(header::IF_NONE_MATCH).and_then(|asked| asked.to_str().ok()).unwrap_or_default();
    asked.split(',').any(|asked| matches!(asked.trim(), "*") || asked.trim().trim_start_matches("W/") == etag)
}

fn not_modified(etag: &str, cache_control: &'static str) -> Result<Response, GatewayError> {
    let headers = [(header::ETAG, text(etag)?), (header::CACHE_CONTROL, HeaderValue::from_static(cache_control))];
    Ok((StatusCode::NOT_MODIFIED, headers).into_response())
}

fn disposition(parameters: &Parameters) -> Option<String> {
    let kind = if parameters.download == Some(true) { "attachment" } else { "inline" };
    match &parameters.filename {
        Some(name) => Some(format!("{kind}; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC))),
        None => (kind == "attachment").then(|| kind.into()),
    }
}

fn text(text: &str) -> Result<HeaderValue, GatewayError> {
    HeaderValue::from_str(text).map_err(|_| GatewayError::failed())
}

/// An answer for people: plain text.
#[derive(Debug)]
struct GatewayError {
    status: StatusCode,
    message: String,
}

impl GatewayError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The service failed; its log says why.")
    }
}

impl From<ReadError> for GatewayError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing(cid) => Self::not_found(format!("This service does not hold {cid}.")),
            ReadError::NoSuchEntry(_) | ReadError::WrongKind(..) => Self::not_found("There is nothing at this path."),
            ReadError::UnknownCodec(_) => Self::new(
                StatusCode::NOT_ACCEPTABLE,
                "This is neither a file nor a directory; ask for it with format=raw.",
            ),
            ReadError::Malformed(..) | ReadError::Invalid(..) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("This cannot be shown: {error}."))
            }
            ReadError::Io(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "reading a block failed");
                Self::failed()
            }
        }
    }
}

impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (self.status, headers, format!("{}\n", self.message)).into_response()
    }
}

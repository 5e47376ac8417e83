//! Uploads: a multipart body, streamed to the disk.
//!
//! The body is read here and handed in pieces to a thread that makes blocks of it, over a short queue: memory stays the
//! same whatever the upload's size, and a slow disk slows the client. Only a body that came to its proper end is pinned.
//! What the thread does is in [`upload_worker`].

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::BodyDataStream,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use multer::Multipart;
use tokio::{
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{
    App, Shared, auth,
    errors::{ApiError, Body as ErrorReply},
    json::Success,
    metadata::GivenMetadata,
    part::Part,
    pinning::{PinReply, ReplyTo},
    shares::{Permit, Shares},
    upload_worker::{self, Piece},
};
use crate::store::{Store, keys::Owner, scopes::Scope};

/// Pieces on their way to the thread; each is at most what the HTTP library reads at once, about 400 KiB.
const QUEUED_PIECES: usize = 8;

/// What an upload takes whatever it brings: the pieces on their way, and what is being made into blocks.
const UPLOAD_BYTES: usize = 6 * 1024 * 1024;

const MAX_METADATA_BYTES: usize = 64 * 1024;

/// How much may come without the multipart parser getting any further: the head of a part, that is.
const MAX_UNPARSED_BYTES: u64 = 1024 * 1024;

/// So much must come within the time that a body may stall.
const LEAST_BYTES: u64 = 64 * 1024;

/// How long the rest of a refused upload is read and dropped. A connection that is closed while the client still sends
/// loses the answer.
const DRAIN_TIME: Duration = Duration::from_secs(10);
const DRAIN_TIME_OF_STRANGERS: Duration = Duration::from_secs(1);

/// A file, or a directory whose parts are named by their paths.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a body that is read part by part")]
pub(crate) struct UploadForm {
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<u8>,
    /// JSON: `{"name":…,"keyvalues":{…}}`.
    metadata: Option<String>,
}

#[utoipa::path(
    post,
    path = "/api/pinning",
    tag = "aioz",
    security(("key" = [], "secret" = [])),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The pin", body = Success<PinReply>),
        (status = "4XX", description = "What is wrong", body = ErrorReply),
        (status = "5XX", description = "The service failed", body = ErrorReply),
    )
)]
pub(crate) async fn upload(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let owner = auth::authenticate(&shared, &head).await.and_then(|caller| caller.may(Scope::Pin));
    let drain_time = if owner.is_ok() { DRAIN_TIME } else { DRAIN_TIME_OF_STRANGERS };
    let progress = Arc::new(Progress::default());
    let pin = match owner {
        Ok(owner) => receive(&shared, owner, &head.headers, &mut body, &progress).await,
        Err(error) => Err(error),
    };
    match pin {
        Ok(reply) => (StatusCode::CREATED, Json(Success::new(reply))).into_response(),
        Err(error) => {
            // A client that asked first has not sent anything, and then will not.
            let waits =
                head.headers.contains_key(header::EXPECT) && progress.received_bytes.load(Ordering::Relaxed) == 0;
            if !waits {
                let drain = async { while let Some(Ok(_)) = body.next().await {} };
                // Reading on is a courtesy; that it took too long is no news.
                let _ = timeout(drain_time, drain).await;
            }
            error.into_response()
        }
    }
}

async fn receive(
    shared: &Shared,
    owner: Owner,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
    progress: &Arc<Progress>,
) -> Result<PinReply, ApiError> {
    let _permit = shared.uploads.permit(owner)?;
    let memory = shared.store.memory.wait_for(owner, UPLOAD_BYTES).await?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type)
        .map_err(|_| ApiError::bad_request("the body must be multipart/form-data with a boundary"))?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let (Some(length), Some(limit)) = (length, shared.max_upload_bytes)
        && length > limit
    {
        return Err(BodyError::TooLarge.into());
    }
    check_room(shared, owner, length).await?;
    let (sender, pieces) = mpsc::channel(QUEUED_PIECES);
    let store = Arc::clone(&shared.store);
    let given_up = CancellationToken::new();
    let _gives_up = given_up.clone().drop_guard();
    let growing = memory.beside();
    let worker = shared.work.spawn_blocking(move || upload_worker::import(&store, owner, growing, pieces, given_up));
    let upload = Upload { app: shared, progress, sender };
    let sent = upload.send_all(body, boundary).await;
    // Waited for in any case: then a client that is told of a failure finds nothing left of its upload.
    let imported = worker.await?;
    let pin = match sent {
        // When nobody listens the thread has given up, and knows why.
        Ok(()) | Err(SendError::NobodyListens) => imported?,
        Err(SendError::Refused(error)) => return Err(error),
    };
    Ok(PinReply::new(pin, owner, ReplyTo::Creation))
}

/// The uploads that run.
#[derive(Debug)]
pub(crate) struct Uploads {
    all: Arc<Semaphore>,
    max: usize,
    by_owner: Shares<i64>,
}

impl Uploads {
    /// At most `max` at one time, and half of them of one owner.
    pub(crate) fn new(max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(max)), max, by_owner: Shares::new() }
    }

    fn permit(&self, owner: Owner) -> Result<Permit, ApiError> {
        let too_many = |_| ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too many uploads at one time");
        let of_share = self.by_owner.of(owner.id, self.max / 2).try_acquire_owned().map_err(too_many)?;
        Ok(Permit::new(Arc::clone(&self.all).try_acquire_owned().map_err(too_many)?, of_share))
    }
}

/// Refuses before its first byte what cannot be taken. How much of a body's announced length will be stored is not known:
/// framing and blocks that repeat are not, and nothing of what is pinned already.
async fn check_room(shared: &Shared, owner: Owner, length: Option<u64>) -> Result<(), ApiError> {
    const FRAMING_BYTES: u64 = 16 * 1024 * 1024;
    let refuse = move |store: &Store| {
        store.blocks.room().check(length.unwrap_or(0) / 2)?;
        let most = store.quotas.reserve(owner)?.most_bytes();
        if let (Some(length), Some(most)) = (length, most)
            && length / 2 > most.saturating_add(FRAMING_BYTES)
        {
            return Err(ApiError::too_large("the upload is larger than what is left of the quota"));
        }
        Ok(())
    };
    shared.blocking(refuse).await?
}

enum SendError {
    NobodyListens,
    Refused(ApiError),
}

impl<E: Into<ApiError>> From<E> for SendError {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

struct Upload<'a> {
    app: &'a App,
    progress: &'a Arc<Progress>,
    sender: mpsc::Sender<Piece>,
}

impl Upload<'_> {
    /// Reads the body to its end. If that fails the thread loses its sender without an [`Piece::End`].
    async fn send_all(self, body: &mut BodyDataStream, boundary: String) -> Result<(), SendError> {
        let limit_bytes = self.app.max_upload_bytes.unwrap_or(u64::MAX);
        let mut paced = Paced { body, progress: Arc::clone(self.progress), limit_bytes };
        let metadata = self.send_parts(Multipart::new(&mut paced, boundary)).await?;
        // A body that is cut after its last part was cut nevertheless.
        while let Some(rest) = self.in_time(paced.next()).await? {
            rest?;
        }
        self.send(Piece::End(metadata)).await
    }

    async fn send_parts(&self, mut multipart: Multipart<'_>) -> Result<GivenMetadata, SendError> {
        let mut metadata = None;
        while let Some(mut part) = self.in_time(multipart.next_field()).await?? {
            let begin = match Part::of(part.headers())? {
                Part::Content(kind, path) => Piece::Begin(kind, path),
                Part::Archive(name) => Piece::BeginArchive(name),
                Part::Metadata if metadata.is_some() => {
                    return Err(ApiError::bad_request("metadata is there twice").into());
                }
                Part::Metadata => {
                    let mut text = Vec::new();
                    while let Some(bytes) = self.in_time(part.chunk()).await?? {
                        text.extend_from_slice(&bytes);
                        if text.len() > MAX_METADATA_BYTES {
                            return Err(ApiError::too_large("metadata is larger than 64 KiB").into());
                        }
                    }
                    metadata = Some(GivenMetadata::from_part(&text)?);
                    continue;
                }
                Part::Unknown => {
                    while self.in_time(part.chunk()).await??.is_some() {}
                    continue;
                }
            };
            self.send(begin).await?;
            while let Some(bytes) = self.in_time(part.chunk()).await?? {
                self.send(Piece::Bytes(bytes)).await?;
            }
        }
        Ok(metadata.unwrap_or_default())
    }

    /// Waits for the client, but not for ever. Only waiting counts: the disk may take its time.
    async fn in_time<T>(&self, reading: impl Future<Output = T>) -> Result<T, ApiError> {
        let began = Instant::now();
        let left = self.app.body_idle_timeout.saturating_sub(self.progress.waited());
        let read = timeout(left, self.on_demand(reading)).await.map_err(|_| ApiError::stalled())?;
        self.progress.note_waited(began.elapsed());
        self.progress.unparsed_bytes.store(0, Ordering::Relaxed);
        Ok(read)
    }

    /// Goes on with what the parser has, and lets it have another piece only when that is not enough.
    async fn on_demand<T>(&self, reading: impl Future<Output = T>) -> T {
        let is_wanted = &self.progress.is_wanted;
        let mut reading = pin!(reading);
        poll_fn(|context| {
            is_wanted.store(false, Ordering::Relaxed);
            loop {
                if let Poll::Ready(read) = reading.as_mut().poll(context) {
                    return Poll::Ready(read);
                }
                // It was, and none has come.
                if is_wanted.swap(true, Ordering::Relaxed) {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    async fn send(&self, piece: Piece) -> Result<(), SendError> {
        self.sender.send(piece).await.map_err(|_| SendError::NobodyListens)
    }
}

#[derive(Debug, Default)]
struct Progress {
    /// Whether the parser may have another piece.
    is_wanted: AtomicBool,
    received_bytes: AtomicU64,
    /// Since the multipart parser last got any further.
    unparsed_bytes: AtomicU64,
    /// How long the client was waited for since [`LEAST_BYTES`] came last.
    waited_microseconds: AtomicU64,
    /// What was received then.
    counted_bytes: AtomicU64,
}

impl Progress {
    fn waited(&self) -> Duration {
        Duration::from_micros(self.waited_microseconds.load(Ordering::Relaxed))
    }

    fn note_waited(&self, waited: Duration) {
        let received = self.received_bytes.load(Ordering::Relaxed);
        if received - self.counted_bytes.load(Ordering::Relaxed) >= LEAST_BYTES {
            self.counted_bytes.store(received, Ordering::Relaxed);
            self.waited_microseconds.store(0, Ordering::Relaxed);
        } else {
            self.waited_microseconds.fetch_add(waited.as_micros() as u64, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("the upload is larger than this service takes")]
    TooLarge,
    #[error("the head of a part is too long")]
    LongHead,
    #[error("the request's body was cut short")]
    Cut(#[source] axum::Error),
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::too_large(error.to_string()),
            BodyError::LongHead | BodyError::Cut(_) => Self::bad_request(error.to_string()),
        }
    }
}

impl From<multer::Error> for ApiError {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::StreamReadFailed(cause) => match cause.downcast::<BodyError>() {
                Ok(cause) => (*cause).into(),
                Err(cause) => Self::bad_request(cause.to_string()),
            },
            multer::Error::IncompleteStream
            | multer::Error::IncompleteHeaders
            | multer::Error::IncompleteFieldData { .. } => {
                Self::bad_request("the request's body ended before its last part")
            }
            error => Self::bad_request(error.to_string()),
        }
    }
}

/// The body, one piece at a time and only when the multipart parser has nothing left to go on with: at every step it takes
/// all that is ready into its memory, however little of it the step is about.
struct Paced<'a> {
    body: &'a mut BodyDataStream,
    progress: Arc<Progress>,
    limit_bytes: u64,
}

impl Stream for Paced<'_> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.progress.is_wanted.load(Ordering::Relaxed) {
            // Whoever waits for the parser asks again, and then wants a piece.
            return Poll::Pending;
        }
        let bytes = match ready!(self.body.poll_next_unpin(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(BodyError::Cut(error)))),
            Some(Ok(bytes)) => bytes,
        };
        self.progress.is_wanted.store(false, Ordering::Relaxed);
        let length = bytes.len() as u64;
        let received = self.progress.received_bytes.fetch_add(length, Ordering::Relaxed) + length;
        let unparsed = self.progress.unparsed_bytes.fetch_add(length, Ordering::Relaxed) + length;
        Poll::Ready(Some(if received > self.limit_bytes {
            Err(BodyError::TooLarge)
        } else if unparsed > MAX_UNPARSED_BYTES {
            Err(BodyError::LongHead)
        } else {
            Ok(bytes)
        }))
    }
}

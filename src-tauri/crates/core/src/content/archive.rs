//! A CAR archive as the body of an upload.

use std::{
    fs::File,
    io::{self, Read, Seek},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use holdfast_content::Cid;
use tokio::sync::mpsc;

use super::{PIECE_BYTES, Throttle};

/// Pieces between the disk and the request.
const PIECES_IN_FLIGHT: usize = 4;

/// An archive of one root, from its first byte to its last.
#[derive(Debug)]
pub struct ArchiveBody {
    file: File,
    root: Cid,
    bytes: u64,
    throttle: Option<Throttle>,
}

impl ArchiveBody {
    /// An archive that was checked to hold everything below `root`.
    ///
    /// # Errors
    /// When the file cannot be read from its beginning.
    pub fn new(mut file: File, root: Cid) -> io::Result<Self> {
        let bytes = file.seek(io::SeekFrom::End(0))?;
        file.rewind()?;
        Ok(Self { file, root, bytes, throttle: None })
    }

    /// The same at a rate that it shares with others.
    #[must_use]
    pub fn throttled(self, throttle: Throttle) -> Self {
        Self { throttle: Some(throttle), ..self }
    }

    /// What the archive's header names.
    #[must_use]
    pub const fn root(&self) -> &Cid {
        &self.root
    }

    /// The archive's length.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes. Ends in an error, and never short, when they cannot be read or became fewer.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        let throttle = self.throttle.clone();
        let most = throttle.as_ref().map_or(PIECE_BYTES, |throttle| throttle.at_once(PIECE_BYTES));
        tokio::task::spawn_blocking(move || self.send_all(&sender, most));
        stream::unfold((receiver, throttle), async |(mut receiver, throttle)| {
            let piece: io::Result<Bytes> = receiver.recv().await?;
            if let (Some(throttle), Ok(piece)) = (&throttle, &piece) {
                throttle.take(piece.len()).await;
            }
            Some((piece, (receiver, throttle)))
        })
    }

    fn send_all(mut self, sender: &mpsc::Sender<io::Result<Bytes>>, most: usize) {
        let mut left = self.bytes;
        let mut buffer = vec![0; most];
        while left > 0 {
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(buffer.len()));
            let read = match self.file.read(&mut buffer[..wanted]) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read,
            };
            left -= read.as_ref().map_or(left, |count| *count as u64);
            // Nobody listens any more when the request has ended.
            if sender.blocking_send(read.map(|count| Bytes::copy_from_slice(&buffer[..count]))).is_err() {
                return;
            }
        }
    }
}

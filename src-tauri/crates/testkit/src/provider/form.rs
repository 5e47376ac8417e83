//! An uploaded form: its files made into a DAG, its metadata read.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::Stream;
use holdfast_content::{BlockSink, Cid, FileImporter, Link, Profile, TreeBuilder, car::CarReader, import_symlink};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What an upload brought.
pub(super) struct Uploaded {
    pub(super) link: Link,
    /// The name of the file or of the top directory.
    pub(super) root: String,
    pub(super) is_dir: bool,
    pub(super) metadata: Value,
    pub(super) has_empty_file: bool,
}

/// How filenames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filenames {
    /// As they are, in quotes.
    Quoted,
    /// Percent-encoded; parts for directories and symlinks are among them.
    PercentEncoded,
}

/// Reads a whole form and gives `sink` its blocks. `None` when it is not well formed or ends early.
pub(super) async fn read<S>(
    body: S,
    headers: &HeaderMap,
    layout: Profile,
    filenames: Filenames,
    sink: &mut (dyn BlockSink + Send),
) -> Option<Uploaded>
where
    S: Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
{
    let mut form = multer::Multipart::new(body, boundary(headers)?);
    let (mut tree, mut single, mut files) = (TreeBuilder::new(layout), None, 0);
    let (mut root, mut is_dir, mut has_empty_file, mut metadata) = (String::new(), false, false, Value::Null);
    while let Some(mut field) = form.next_field().await.ok()? {
        let disposition = field.headers().get("content-disposition")?.as_bytes().to_vec();
        if field.name() == Some("metadata") {
            metadata = serde_json::from_str(&field.text().await.ok()?).ok()?;
            continue;
        }
        let kind = field.headers().get("content-type").map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        let mut path = filename(std::str::from_utf8(&disposition).ok()?)?;
        if filenames == Filenames::PercentEncoded {
            path = percent_decode_str(&path).decode_utf8().ok()?.into_owned();
        }
        root = path.split('/').next().unwrap_or_default().to_owned();
        files += 1;
        match kind.as_slice() {
            b"application/x-directory" if filenames == Filenames::PercentEncoded => {
                is_dir = true;
                if let Some((_, inside)) = path.split_once('/') {
                    tree.insert_directory(inside).ok()?;
                }
                continue;
            }
            b"application/symlink" if filenames == Filenames::PercentEncoded => {
                let link = import_symlink(layout, &field.bytes().await.ok()?, sink).ok()?;
                is_dir = true;
                tree.insert(path.split_once('/')?.1, link).ok()?;
                continue;
            }
            _ => {}
        }
        let (mut importer, mut bytes) = (FileImporter::new(layout), 0);
        while let Some(piece) = field.chunk().await.ok()? {
            bytes += piece.len();
            importer.push(&piece, sink).ok()?;
        }
        let link = importer.finish(sink).ok()?;
        has_empty_file |= bytes == 0;
        match path.split_once('/') {
            Some((_, inside)) => {
                is_dir = true;
                tree.insert(inside, link).ok()?;
            }
            None => single = Some(link),
        }
    }
    let link = match single {
        Some(link) if files == 1 => link,
        None if files > 0 => tree.finish(sink).ok()?,
        _ => return None,
    };
    Some(Uploaded { link, root, is_dir, metadata, has_empty_file })
}

/// Reads a form of one CAR archive, gives `sink` its blocks, and names its root. `None` when anything is wrong with it.
pub(super) async fn read_archive<S>(body: S, headers: &HeaderMap, sink: &mut (dyn BlockSink + Send)) -> Option<Cid>
where
    S: Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
{
    let mut form = multer::Multipart::new(body, boundary(headers)?);
    let archive = form.next_field().await.ok()??.bytes().await.ok()?;
    // The end of the form, or else it came only in part.
    if form.next_field().await.ok()?.is_some() {
        return None;
    }
    let reader = CarReader::new(&archive[..]).ok()?;
    let root = *reader.roots().first()?;
    for block in reader {
        let (cid, bytes) = block.ok()?;
        sink.put(&cid, &[&bytes]).ok()?;
    }
    Some(root)
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    multer::parse_boundary(headers.get(header::CONTENT_TYPE)?.to_str().ok()?).ok()
}

/// The whole filename: libraries keep only what stands after its last slash.
fn filename(disposition: &str) -> Option<String> {
    let (_, rest) = disposition.split_once("filename=\"")?;
    let (mut name, mut chars) = (String::new(), rest.chars());
    loop {
        match chars.next()? {
            '"' => return Some(name),
            '\\' => name.push(chars.next()?),
            char => name.push(char),
        }
    }
}

//! An uploaded form: its files made into a DAG, its metadata read.

use bytes::Bytes;
use futures_util::Stream;
use holdfast_content::{BlockSink, FileImporter, Link, Profile, TreeBuilder};
use serde_json::Value;

/// What an upload brought.
pub(super) struct Uploaded {
    pub(super) link: Link,
    pub(super) is_dir: bool,
    pub(super) metadata: Value,
    pub(super) has_empty_file: bool,
}

/// Reads a whole form and gives `sink` its blocks. `None` when it is not well formed or ends early.
pub(super) async fn read<S>(
    body: S,
    content_type: &str,
    layout: Profile,
    sink: &mut (dyn BlockSink + Send),
) -> Option<Uploaded>
where
    S: Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
{
    let mut form = multer::Multipart::new(body, multer::parse_boundary(content_type).ok()?);
    let (mut tree, mut single, mut files) = (TreeBuilder::new(layout), None, 0);
    let (mut is_dir, mut has_empty_file, mut metadata) = (false, false, Value::Null);
    while let Some(mut field) = form.next_field().await.ok()? {
        let disposition = field.headers().get("content-disposition")?.as_bytes().to_vec();
        if field.name() == Some("metadata") {
            metadata = serde_json::from_str(&field.text().await.ok()?).ok()?;
            continue;
        }
        let path = filename(std::str::from_utf8(&disposition).ok()?)?;
        let (mut importer, mut bytes) = (FileImporter::new(layout), 0);
        while let Some(piece) = field.chunk().await.ok()? {
            bytes += piece.len();
            importer.push(&piece, sink).ok()?;
        }
        let link = importer.finish(sink).ok()?;
        has_empty_file |= bytes == 0;
        files += 1;
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
    Some(Uploaded { link, is_dir, metadata, has_empty_file })
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

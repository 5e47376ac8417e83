//! `multipart/form-data` (RFC 7578) of known length, as a body that reads the disk while it is sent.
//!
//! Written here because the client library's form writer copies line breaks in file names into the part's header.

use std::{borrow::Cow, fmt::Write};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Body, RequestBuilder,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use super::http::Sending;
use crate::content::{ArchiveBody, PartKind, Progress, UploadBody, UploadPart, in_form};

/// A request body of known length.
pub(super) struct Form {
    content_type: String,
    bytes: u64,
    body: Body,
    sending: Sending,
}

impl Form {
    /// Makes it the body of a request; beside that, where it shows what was taken of it.
    pub(super) fn of(self, request: RequestBuilder) -> (RequestBuilder, Sending) {
        let request =
            request.header(CONTENT_TYPE, self.content_type).header(CONTENT_LENGTH, self.bytes).body(self.body);
        (request, self.sending)
    }
}

/// Wraps an upload's files as parts named `file`, and `fields` as text parts after them.
pub(super) fn form(boundary: &str, body: UploadBody, fields: &[(&str, String)]) -> Form {
    framed(boundary, body, fields, |path| (quoted(path), exact_path_header(path)))
}

/// Wraps an upload's files as parts whose filenames are percent-encoded, as Kubo and IPFS Cluster read them.
pub(super) fn percent_encoded_form(boundary: &str, body: UploadBody) -> Form {
    framed(boundary, body, &[], |path| (utf8_percent_encode(path, NON_ALPHANUMERIC).to_string(), String::new()))
}

/// `name` gives what stands in a part's filename, and further header lines.
fn framed(
    boundary: &str,
    body: UploadBody,
    fields: &[(&str, String)],
    name: impl Fn(&str) -> (String, String) + Send + 'static,
) -> Form {
    let end = end(boundary, fields);
    let lines = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=");
    let frame = move |place: usize, part: &UploadPart| {
        let before = if place > 0 { "\r\n" } else { "" };
        let content_type = match part.kind {
            PartKind::File => "application/octet-stream",
            PartKind::Directory => "application/x-directory",
            PartKind::Symlink => "application/symlink",
        };
        let (name, further) = name(&part.path);
        Bytes::from(format!("{before}{lines}\"{name}\"\r\nContent-Type: {content_type}\r\n{further}\r\n"))
    };
    // Made once more when they are sent: the frames of many files are too much to keep.
    let frames = body.parts().enumerate().map(|(place, part)| frame(place, &part).len() as u64).sum::<u64>();
    Form {
        content_type: content_type(boundary),
        bytes: frames + end.len() as u64 + body.content_bytes(),
        sending: Sending::new(body.progress().clone(), body.content_bytes()),
        body: Body::wrap_stream(body.into_stream(frame, end.into())),
    }
}

/// Wraps an archive as a part named `car`, and `fields` as text parts after it.
pub(super) fn archive_form(boundary: &str, archive: ArchiveBody, fields: &[(&str, String)]) -> Form {
    let start = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"car\"; filename=\"{}.car\"\r\nContent-Type: application/vnd.ipld.car\r\n\r\n",
        archive.root()
    );
    let end = end(boundary, fields);
    let bytes = (start.len() + end.len()) as u64 + archive.bytes();
    let progress = Progress::default();
    let (counted, sending) = (progress.clone(), Sending::new(progress, archive.bytes()));
    let whole = |text: String| stream::once(std::future::ready(Ok::<_, std::io::Error>(Bytes::from(text))));
    let content = archive.into_stream().inspect_ok(move |piece| counted.add(piece.len() as u64));
    let body = Body::wrap_stream(whole(start).chain(content).chain(whole(end)));
    Form { content_type: content_type(boundary), bytes, body, sending }
}

fn content_type(boundary: &str) -> String {
    format!("multipart/form-data; boundary={boundary}")
}

fn end(boundary: &str, fields: &[(&str, String)]) -> String {
    let mut end = String::new();
    for (name, value) in fields {
        // Writing to a String cannot fail.
        let _ = write!(end, "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}");
    }
    let _ = write!(end, "\r\n--{boundary}--\r\n");
    end
}

/// Holdfast's own service reads the path from a header of the part where the filename cannot carry it, or would be read as
/// encoded words (RFC 2047); other services pass over such a header (RFC 7578, section 4.8).
fn exact_path_header(path: &str) -> String {
    if !path.contains("=?") && matches!(in_form(path), Cow::Borrowed(_)) {
        return String::new();
    }
    format!("Holdfast-Path: {}\r\n", utf8_percent_encode(path, NON_ALPHANUMERIC))
}

fn quoted(path: &str) -> String {
    in_form(path).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_end_the_header_it_stands_in() {
        assert_eq!(quoted("a \"b\"\\c\r\nd: é\u{7}"), "a \\\"b\\\"\\\\c%0D%0Ad: é%07");
    }

    #[test]
    fn what_a_filename_does_not_say_stands_in_a_header_of_its_own() {
        assert_eq!(exact_path_header("site/a b é\t\".txt"), "");
        assert_eq!(exact_path_header("a\u{7}"), "Holdfast-Path: a%07\r\n");
        assert_eq!(exact_path_header("=?utf-8?Q?a?="), "Holdfast-Path: %3D%3Futf%2D8%3FQ%3Fa%3F%3D\r\n");
    }
}

//! Bytes that come through a pipe: `-`, `/dev/stdin`, `<(program)`. They come once, in one order, and nobody knows how many.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// What stands for standard input.
const STDIN: &str = "-";

/// Opens what a path names, where that is no file but a pipe or terminal that this program was started with.
///
/// A pipe in a folder is not opened: it may wait for its writer for ever.
pub(crate) fn at(path: &Path) -> io::Result<Option<Box<dyn Read>>> {
    if path == Path::new(STDIN) {
        return Ok(Some(Box::new(io::stdin())));
    }
    if is_stream(path) { Ok(Some(Box::new(File::open(path)?))) } else { Ok(None) }
}

/// Whether a path names standard input or another pipe that this program was started with.
pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new(STDIN) || is_open_pipe(path)
}

#[cfg(unix)]
fn is_open_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_handed_over = ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|place| path.starts_with(place));
    is_handed_over
        && fs::metadata(path).is_ok_and(|metadata| {
            let kind = metadata.file_type();
            kind.is_fifo() || kind.is_char_device() || kind.is_socket()
        })
}

#[cfg(not(unix))]
fn is_open_pipe(_: &Path) -> bool {
    false
}

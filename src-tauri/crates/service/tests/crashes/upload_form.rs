//! What must hold of any body of an upload. The fuzz target and the regression test run this.

use bytes::Bytes;
use holdfast_service::untrusted::upload_form;
use tokio::runtime::{Builder, Runtime};

/// Between the parts of a form in the input of [`check`].
pub(crate) const BOUNDARY: &str = "X";

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().build().unwrap();
}

/// Reads `input` as an upload's body: it becomes the same in whatever pieces it comes, and its name is the name of a file.
pub(crate) fn check(input: &[u8]) {
    let read = |pieces: Vec<Bytes>| RUNTIME.with(|runtime| runtime.block_on(upload_form(BOUNDARY, pieces)));
    let input = Bytes::copy_from_slice(input);
    let whole = read(vec![input.clone()]);
    for length in [1, 7, input.len() / 2 + 1] {
        let pieces = (0..input.len()).step_by(length).map(|at| input.slice(at..input.len().min(at + length)));
        assert_eq!(read(pieces.collect()).ok(), whole.clone().ok(), "in pieces of {length}");
    }
    let Ok(uploaded) = whole else { return };
    assert!((1..=255).contains(&uploaded.name.len()), "{:?}", uploaded.name);
    assert!(![".", ".."].contains(&uploaded.name.as_str()) && !uploaded.name.contains(['/', '\0']));
}

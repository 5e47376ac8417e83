//! How much of what a service says about a pin is believed and kept.

/// No file is larger than what a JavaScript number counts exactly.
pub(super) const MAX_SIZE_BYTES: u64 = 1 << 53;

/// A text as far as anybody would read it.
pub(super) fn capped(text: impl Into<String>, chars: usize) -> String {
    let mut text = text.into();
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(capped("n\u{e4}h", 2), "n\u{e4}");
        assert_eq!(capped("n\u{e4}h", 3), "n\u{e4}h");
    }
}

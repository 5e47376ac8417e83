//! Text that others wrote, as the web view shows it.

use std::borrow::Cow;

use holdfast_content::harmless;
use serde::Serialize;
use ts_rs::TS;

/// A name, a path, a service's own words: to be shown, not to be used. What could deceive a reader is an escape in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub(crate) struct Shown(String);

impl<'a, T: Into<Cow<'a, str>>> From<T> for Shown {
    fn from(text: T) -> Self {
        Self(harmless(&text.into()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_text_round_or_hides_in_it_is_shown_and_not_obeyed() {
        let shown = |text: &str| serde_json::to_value(Shown::from(text)).unwrap();
        assert_eq!(shown("invoice\u{202e}gnp.exe"), r"invoice\u{202e}gnp.exe");
        assert_eq!(shown("two\nlines"), r"two\nlines");
        assert_eq!(shown("שלום.txt"), "שלום.txt");
    }
}

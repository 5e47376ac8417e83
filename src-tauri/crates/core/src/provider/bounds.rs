//! How much of what a service says about a pin is believed and kept.

use crate::pin::{LeftOut, ProviderPin};

/// No file is larger than what a JavaScript number counts exactly.
pub(super) const MAX_SIZE_BYTES: u64 = 1 << 53;

/// The longest text that stands for itself: a name, a message. The Pinning Service API's names have 255 characters.
const MAX_TEXT_CHARS: usize = 4_096;

/// The longest status of a service's own.
const MAX_STATUS_CHARS: usize = 500;

/// The Pinning Service API's number of pairs, and the bytes that they may have: what any service is known to take.
const MAX_PAIRS: usize = 1_000;
const MAX_METADATA_BYTES: usize = 64 * 1024;

/// A text as far as anybody would read it; one that is cut ends with "…".
pub(super) fn capped(text: impl Into<String>, chars: usize) -> String {
    let mut text = text.into();
    if text.char_indices().nth(chars).is_some() {
        let end = text.char_indices().nth(chars.saturating_sub(1)).map_or(0, |(end, _)| end);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The pin with as much of its texts as is kept. Pairs are kept whole or not at all.
pub(super) fn kept(pin: ProviderPin) -> ProviderPin {
    let mut left_out = 0;
    let name = pin.name.map(|name| {
        let name_bytes = name.len();
        let kept = capped(name, MAX_TEXT_CHARS);
        left_out += u64::from(kept.len() < name_bytes);
        kept
    });
    let (mut metadata, mut pairs, mut bytes) = (pin.metadata, 0, 0);
    metadata.retain(|key, value| {
        let with_it = bytes + key.len() + value.len();
        let is_kept = pairs < MAX_PAIRS && with_it <= MAX_METADATA_BYTES;
        if is_kept {
            (pairs, bytes) = (pairs + 1, with_it);
        } else {
            left_out += 1;
        }
        is_kept
    });
    ProviderPin {
        name,
        metadata,
        raw_status: capped(pin.raw_status, MAX_STATUS_CHARS),
        message: pin.message.map(|message| capped(message, MAX_TEXT_CHARS)),
        left_out: LeftOut(left_out),
        ..pin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::PinId,
        pin::{Metadata, PinStatus},
    };

    fn pin(name: &str, metadata: Metadata) -> ProviderPin {
        ProviderPin {
            id: PinId("1".into()),
            cid: holdfast_content::Cid::default(),
            name: Some(name.into()),
            bytes: None,
            status: PinStatus::Failed,
            raw_status: "failed ".repeat(1_000),
            message: Some("m".repeat(10_000)),
            is_directory: false,
            pinned_at: None,
            metadata,
            left_out: LeftOut::NOTHING,
        }
    }

    fn pairs(count: usize, value_bytes: usize) -> Metadata {
        (0..count).map(|number| (format!("key {number:05}"), "v".repeat(value_bytes))).collect()
    }

    #[test]
    fn a_text_is_cut_between_characters_and_shows_it() {
        assert_eq!(capped("n\u{e4}h", 2), "n…");
        assert_eq!(capped("n\u{e4}h", 3), "n\u{e4}h");
    }

    #[test]
    fn of_a_pin_with_endless_texts_a_bounded_part_is_kept_and_the_rest_is_counted() {
        for (metadata, least_left_out) in
            [(pairs(1_200, 10), 200), (pairs(1_200, 1_000), 1_100), (pairs(1, 1 << 20), 1)]
        {
            let all = metadata.len();
            let pin = kept(pin("a name", metadata));
            assert_eq!(pin.left_out.0, (all - pin.metadata.len()) as u64);
            assert!(pin.left_out.0 >= least_left_out, "{:?}", pin.left_out);
            assert!(pin.text_bytes() < 80_000, "{}", pin.text_bytes());
        }
        assert_eq!(kept(pin(&"n".repeat(5_000), pairs(1, 1))).left_out, LeftOut(1));
    }

    #[test]
    fn what_any_service_takes_is_kept_whole() {
        for metadata in [pairs(1_000, 40), pairs(1, 65_000)] {
            let pin = kept(pin(&"\u{e4}".repeat(255), metadata.clone()));
            assert_eq!((pin.left_out, pin.metadata), (LeftOut::NOTHING, metadata));
        }
    }
}

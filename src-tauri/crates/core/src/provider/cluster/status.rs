//! One status of what several peers say of a pin.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::pin::PinStatus;

/// What a peer says of a pin ("PinInfoShort").
#[derive(Deserialize)]
pub(super) struct WirePeer {
    #[serde(default)]
    peername: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: String,
}

/// What they say together.
pub(super) struct Found {
    pub(super) status: PinStatus,
    /// The peers' own words.
    pub(super) raw: String,
    pub(super) message: Option<String>,
}

/// Pinned is what all of `allocated` have, or all peers where none are named. What one of them failed at is a failure, with
/// the number of those that have it; one that does not answer takes nothing from what the others have.
pub(super) fn of(allocated: &[String], peers: &BTreeMap<String, WirePeer>) -> Found {
    // A peer that leaves a pin to others says "remote".
    let concerned: Vec<_> =
        peers.values().filter(|peer| !matches!(peer.status.as_str(), "remote" | "sharded")).collect();
    let wanted = if allocated.is_empty() { concerned.len() } else { allocated.len() };
    let count = |words: &[&str]| concerned.iter().filter(|peer| words.contains(&peer.status.as_str())).count();
    let (pinned, pinning, queued) = (count(&["pinned"]), count(&["pinning"]), count(&["pin_queued", "queued"]));
    let failed = count(&["pin_error", "unexpectedly_unpinned", "error"]);
    let gone = count(&["unpinned", "unpinning", "unpin_queued"]);
    let status = match () {
        () if wanted > 0 && pinned >= wanted => PinStatus::Pinned,
        () if pinning > 0 || (queued > 0 && pinned > 0) => PinStatus::Fetching,
        () if queued > 0 => PinStatus::Queued,
        () if failed > 0 => PinStatus::Failed,
        () if pinned > 0 => PinStatus::Pinned,
        () if gone > 0 && gone == concerned.len() => PinStatus::Unpinned,
        () => PinStatus::Unknown,
    };
    let words: BTreeSet<&str> = concerned.iter().map(|peer| peer.status.as_str()).collect();
    Found { status, raw: words.into_iter().collect::<Vec<_>>().join(","), message: message(&concerned, pinned, wanted) }
}

/// How many have it and why others do not, where not all have it.
fn message(concerned: &[&WirePeer], pinned: usize, wanted: usize) -> Option<String> {
    let reasons = concerned.iter().filter(|peer| !peer.error.is_empty());
    let reasons = reasons.map(|peer| format!("{}: {}.", peer.peername, peer.error.trim_end_matches('.')));
    let few = (pinned > 0 && pinned < wanted).then(|| format!("{pinned} of {wanted} peers have it."));
    let text = few.into_iter().chain(reasons).collect::<Vec<_>>().join(" ");
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What peers of these words say together; each that failed says why.
    fn found(allocated: usize, words: &[&str]) -> (PinStatus, Option<String>) {
        let allocated: Vec<_> = (0..allocated).map(|number| format!("peer {number}")).collect();
        let peer = |(number, word): (usize, &&str)| {
            let error = if word.ends_with("error") { "context deadline exceeded" } else { "" };
            let peer = WirePeer { peername: format!("p{number}"), status: (*word).into(), error: error.into() };
            (format!("peer {number}"), peer)
        };
        let Found { status, message, .. } = of(&allocated, &words.iter().enumerate().map(peer).collect());
        (status, message)
    }

    #[test]
    fn a_pin_is_pinned_when_all_that_should_have_it_do() {
        let few = |text: &str| Some(text.to_owned());
        for (allocated, words, expected) in [
            (0, &["pinned"][..], (PinStatus::Pinned, None)),
            (0, &["pinned", "pinned"], (PinStatus::Pinned, None)),
            (2, &["pinned", "pinned", "remote"], (PinStatus::Pinned, None)),
            (2, &["pinned", "pinning", "remote"], (PinStatus::Fetching, few("1 of 2 peers have it."))),
            (2, &["pinned", "pin_queued"], (PinStatus::Fetching, few("1 of 2 peers have it."))),
            (2, &["pin_queued", "pin_queued"], (PinStatus::Queued, None)),
            (1, &["remote", "pinning"], (PinStatus::Fetching, None)),
            (
                2,
                &["pin_error", "pinned"],
                (PinStatus::Failed, few("1 of 2 peers have it. p0: context deadline exceeded.")),
            ),
            (1, &["pin_error"], (PinStatus::Failed, few("p0: context deadline exceeded."))),
            (0, &["unexpectedly_unpinned"], (PinStatus::Failed, None)),
        ] {
            assert_eq!(found(allocated, words), expected, "{words:?}");
        }
    }

    #[test]
    fn a_peer_that_does_not_answer_says_nothing_against_the_others() {
        let (status, message) = found(2, &["pinned", "cluster_error"]);
        assert_eq!(status, PinStatus::Pinned);
        assert_eq!(message.unwrap(), "1 of 2 peers have it. p1: context deadline exceeded.");
        assert_eq!(found(3, &["pinned", "pinned"]), (PinStatus::Pinned, Some("2 of 3 peers have it.".into())));
        assert_eq!(found(1, &["cluster_error"]).0, PinStatus::Unknown);
        assert_eq!(found(0, &["unpinned", "cluster_error"]).0, PinStatus::Unknown);
        assert_eq!(found(0, &["a new word"]).0, PinStatus::Unknown);
        assert_eq!(found(0, &["unpin_error"]), (PinStatus::Unknown, Some("p0: context deadline exceeded.".into())));
        assert_eq!(found(0, &[]).0, PinStatus::Unknown);
    }

    #[test]
    fn what_no_peer_has_or_is_to_have_is_unpinned() {
        assert_eq!(found(0, &["unpinned", "unpinned"]).0, PinStatus::Unpinned);
        assert_eq!(found(0, &["unpinning"]).0, PinStatus::Unpinned);
    }
}

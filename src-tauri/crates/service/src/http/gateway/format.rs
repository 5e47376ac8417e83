//! In which form content is wanted: `Accept`, `?format=` and the parameters of CAR archives
//! (<https://specs.ipfs.tech/http-gateways/trustless-gateway/#http-request>).

use std::ops::Range;

use axum::http::{HeaderMap, StatusCode, header};

use super::{error::GatewayError, parameters::Parameters};

const RAW: &str = "application/vnd.ipld.raw";
const CAR: &str = "application/vnd.ipld.car";

/// Forms that other gateways have.
const NOT_SERVED: [&str; 4] = [
    "application/vnd.ipfs.ipns-record",
    "application/vnd.ipld.dag-json",
    "application/vnd.ipld.dag-cbor",
    "application/x-tar",
];

/// The form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As a browser wants it.
    Web,
    /// One block.
    Raw,
    /// An archive of blocks.
    Car(CarOptions),
}

/// What belongs into an archive, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CarOptions {
    pub(super) scope: DagScope,
    pub(super) duplicates: Duplicates,
}

/// Which blocks follow those of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DagScope {
    Block,
    /// All blocks of a file, or those of a directory's own list.
    Entity,
    /// Those that the given bytes of a file need.
    EntityBytes(EntityBytes),
    All,
}

/// Whether a block that a DAG has twice is sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duplicates {
    Sent,
    LeftOut,
}

/// `entity-bytes=from:to`: both ends included, negative numbers counted from the file's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntityBytes {
    from: i64,
    /// `None` for the file's end.
    to: Option<i64>,
}

impl EntityBytes {
    fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once(':')?;
        let from: i64 = from.parse().ok()?;
        let to: Option<i64> = if to == "*" { None } else { Some(to.parse().ok()?) };
        let is_backwards = to.is_some_and(|to| (from < 0) == (to < 0) && to < from);
        (!is_backwards).then_some(Self { from, to })
    }

    /// The bytes of a file of `bytes` bytes; `None` if it lies behind all of them.
    pub(super) fn within(self, bytes: u64) -> Option<Range<u64>> {
        let place = |at: i64| match u64::try_from(at) {
            Ok(at) => at,
            Err(_) => bytes.saturating_sub(at.unsigned_abs()),
        };
        let start = place(self.from);
        if start >= bytes && bytes > 0 {
            return None;
        }
        let end = self.to.map_or(bytes, |to| match u64::try_from(to) {
            Ok(to) => to.saturating_add(1).min(bytes),
            // Counted from the end and included; what lies before the first byte is nothing.
            Err(_) => (bytes + 1).saturating_sub(to.unsigned_abs()),
        });
        Some(start..end.max(start))
    }
}

impl std::fmt::Display for DagScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Block => f.write_str("block"),
            Self::Entity => f.write_str("entity"),
            Self::EntityBytes(EntityBytes { from, to: Some(to) }) => write!(f, "entity.{from}.{to}"),
            Self::EntityBytes(EntityBytes { from, to: None }) => write!(f, "entity.{from}.end"),
            Self::All => f.write_str("all"),
        }
    }
}

impl Duplicates {
    /// The word of the content type's parameter `dups`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Sent => "y",
            Self::LeftOut => "n",
        }
    }
}

impl Format {
    /// `?format=` is stronger than `Accept`, and a parameter of the query stronger than one of the media type.
    pub(super) fn asked(headers: &HeaderMap, parameters: &Parameters) -> Result<Self, GatewayError> {
        let accepted = Accepted::parse(headers);
        let of_car = accepted.iter().find(|accepted| accepted.media_type == CAR);
        match parameters.get("format") {
            Some("raw") => return Ok(Self::Raw),
            Some("car") => return car(of_car, parameters),
            Some(_) => return Err(GatewayError::bad_request("The formats served here are raw and car.")),
            None => {}
        }
        let known = accepted.iter().filter(|accepted| matches!(accepted.media_type.as_str(), RAW | CAR));
        // Of equals the first.
        let best = known.reduce(|best, next| if next.quality > best.quality { next } else { best });
        match best {
            Some(best) if best.media_type == RAW => Ok(Self::Raw),
            Some(best) => car(Some(best), parameters),
            None if !accepted.is_empty()
                && accepted.iter().all(|accepted| NOT_SERVED.contains(&accepted.media_type.as_str())) =>
            {
                Err(GatewayError::new(StatusCode::NOT_ACCEPTABLE, format!("Served here are files, {RAW} and {CAR}.")))
            }
            None => Ok(Self::Web),
        }
    }
}

fn car(accepted: Option<&Accepted>, parameters: &Parameters) -> Result<Format, GatewayError> {
    let option = |name: &str| {
        parameters.get(&format!("car-{name}")).or_else(|| {
            let of_type = accepted?.parameters.iter().find(|(of_type, _)| of_type == name);
            of_type.map(|(_, value)| value.as_str())
        })
    };
    if !matches!(option("version"), None | Some("1")) {
        return Err(GatewayError::bad_request("CAR archives are served in version=1 only."));
    }
    if !matches!(option("order"), None | Some("dfs" | "unk" | "")) {
        return Err(GatewayError::bad_request("CAR archives are served in order=dfs only."));
    }
    let duplicates = match option("dups") {
        None | Some("n" | "") => Duplicates::LeftOut,
        Some("y") => Duplicates::Sent,
        Some(_) => return Err(GatewayError::bad_request("dups is y or n.")),
    };
    let bytes = match parameters.get("entity-bytes") {
        Some(bytes) => Some(EntityBytes::parse(bytes).ok_or_else(|| {
            GatewayError::bad_request("entity-bytes is from:to, two numbers or a number and an asterisk.")
        })?),
        None => None,
    };
    let scope = match (parameters.get("dag-scope"), bytes) {
        (None | Some("entity"), Some(bytes)) => DagScope::EntityBytes(bytes),
        (None | Some("all"), None) => DagScope::All,
        (Some("entity"), None) => DagScope::Entity,
        (Some("block"), None) => DagScope::Block,
        (Some("all" | "block"), Some(_)) => {
            return Err(GatewayError::bad_request("entity-bytes goes with dag-scope=entity only."));
        }
        (Some(_), _) => return Err(GatewayError::bad_request("dag-scope is block, entity or all.")),
    };
    Ok(Format::Car(CarOptions { scope, duplicates }))
}

/// One media range of an `Accept` header.
#[derive(Debug)]
struct Accepted {
    media_type: String,
    parameters: Vec<(String, String)>,
    quality: f32,
}

impl Accepted {
    /// Those that are accepted at all.
    fn parse(headers: &HeaderMap) -> Vec<Self> {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = values.flat_map(|value| value.split(',')).map(|range| {
            let mut pieces = range.split(';').map(str::trim);
            let media_type = pieces.next().unwrap_or_default().to_ascii_lowercase();
            let mut accepted = Self { media_type, parameters: Vec::new(), quality: 1.0 };
            for (name, value) in pieces.filter_map(|piece| piece.split_once('=')) {
                let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
                if name == "q" {
                    accepted.quality = value.parse().unwrap_or(1.0);
                } else {
                    accepted.parameters.push((name, value.into()));
                }
            }
            accepted
        });
        ranges.filter(|accepted| !accepted.media_type.is_empty() && accepted.quality > 0.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str, query: &str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Format::asked(&headers, &Parameters::parse(Some(query))).ok()
    }

    fn car(scope: DagScope, duplicates: Duplicates) -> Option<Format> {
        Some(Format::Car(CarOptions { scope, duplicates }))
    }

    #[test]
    fn the_query_is_stronger_than_the_header() {
        assert_eq!(asked("application/vnd.ipld.car", "format=raw"), Some(Format::Raw));
        let query = "format=car&car-dups=n";
        assert_eq!(asked("application/vnd.ipld.car;dups=y", query), car(DagScope::All, Duplicates::LeftOut));
        assert_eq!(asked("application/vnd.ipld.car;dups=y", "format=car"), car(DagScope::All, Duplicates::Sent));
    }

    #[test]
    fn the_better_of_the_forms_that_are_served_is_chosen() {
        assert_eq!(asked("application/vnd.ipld.raw;q=0.5, application/vnd.ipld.car", ""), asked("", "format=car"));
        assert_eq!(asked("application/vnd.ipld.raw, application/vnd.ipld.car", ""), Some(Format::Raw));
        assert_eq!(asked("text/html, application/vnd.ipld.raw;q=0.1", ""), Some(Format::Raw));
        assert_eq!(asked("application/vnd.ipld.raw;q=0", ""), Some(Format::Web));
        assert_eq!(asked("text/html,*/*", ""), Some(Format::Web));
        assert_eq!(asked("", ""), Some(Format::Web));
    }

    #[test]
    fn what_is_not_served_is_refused() {
        for (accept, query) in [
            ("application/vnd.ipld.dag-json", ""),
            ("", "format=tar"),
            ("", "format=car&car-version=2"),
            ("application/vnd.ipld.car; version=2", ""),
            ("", "format=car&car-order=bfs"),
            ("", "format=car&car-dups=x"),
            ("", "format=car&dag-scope=some"),
            ("", "format=car&dag-scope=all&entity-bytes=0:1"),
            ("", "format=car&entity-bytes=0"),
            ("", "format=car&entity-bytes=*:0"),
            ("", "format=car&entity-bytes=5:4"),
            ("", "format=car&entity-bytes=-1:-2"),
        ] {
            assert_eq!(asked(accept, query), None, "{accept} {query}");
        }
    }

    #[test]
    fn bytes_are_counted_from_either_end() {
        for (text, bytes, range) in [
            ("0:*", 10, Some(0..10)),
            ("2:5", 10, Some(2..6)),
            ("2:99", 10, Some(2..10)),
            ("-3:*", 10, Some(7..10)),
            ("-99:*", 10, Some(0..10)),
            ("2:-3", 10, Some(2..8)),
            ("5:-9", 10, Some(5..5)),
            ("-5:-1", 10, Some(5..10)),
            ("-5:2", 10, Some(5..5)),
            ("0:-99", 10, Some(0..0)),
            ("10:20", 10, None),
            ("0:*", 0, Some(0..0)),
            ("0:9223372036854775807", 10, Some(0..10)),
            ("-9223372036854775808:*", 10, Some(0..10)),
        ] {
            assert_eq!(EntityBytes::parse(text).unwrap().within(bytes), range, "{text} of {bytes}");
        }
    }
}

//! The filters of a list, as they come in a query string.

use std::collections::BTreeMap;

use holdfast_content::Cid;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::{
    http::{
        errors::ApiError,
        ids::parse_cid,
        limit,
        metadata::{check_chars, check_conditions},
    },
    store::{
        pin::PinStatus,
        search::{Match, PinSearch},
    },
};

const MAX_CIDS: usize = 10;

const STATUSES: [(&str, PinStatus); 4] = [
    ("queued", PinStatus::Queued),
    ("pinning", PinStatus::Fetching),
    ("pinned", PinStatus::Pinned),
    ("failed", PinStatus::Failed),
];

/// Reads a query. Clients write lists with commas, as commas percent-encoded, and by repeating the parameter; and `meta`
/// as JSON and as `meta[key]=value`. Parameters that the API does not know say nothing.
pub(super) fn search(query: &str) -> Result<PinSearch, ApiError> {
    let mut once: BTreeMap<&str, String> = BTreeMap::new();
    let (mut cids, mut statuses, mut meta) = (Vec::new(), Vec::new(), BTreeMap::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        match name.as_str() {
            "cid" => cids.extend(value.split(',').map(str::to_owned)),
            "status" => statuses.extend(value.split(',').map(str::to_owned)),
            "meta" => meta.extend(meta_pairs(&value)?),
            known @ ("name" | "match" | "limit" | "before" | "after") => {
                let known = ["name", "match", "limit", "before", "after"].into_iter().find(|name| *name == known);
                if known.is_some_and(|known| once.insert(known, value).is_some()) {
                    return Err(ApiError::bad_request(format!("{name} is given twice")));
                }
            }
            name => {
                if let Some(key) = name.strip_prefix("meta[").and_then(|name| name.strip_suffix(']')) {
                    meta.insert(key.to_owned(), value);
                }
            }
        }
    }
    check_conditions("meta", meta.len())?;
    let matching = match once.remove("match") {
        Some(text) => matching(&text)?,
        None => Match::default(),
    };
    let name = once.remove("name");
    check_chars("name", name.as_deref().unwrap_or_default())?;
    Ok(PinSearch {
        roots: roots(&cids)?,
        name: name.map(|name| (matching, name)),
        statuses: wanted_statuses(&statuses)?,
        // To the microsecond after, so that nothing is lost of what was created before.
        before: once.remove("before").map(|text| date("before", &text, Rounding::Up)).transpose()?,
        after: once.remove("after").map(|text| date("after", &text, Rounding::Down)).transpose()?,
        meta: meta.into_iter().collect(),
        limit: limit::of_page(once.remove("limit").as_deref())?,
    })
}

fn decoded(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_| ApiError::bad_request("the query is not UTF-8"))
}

fn meta_pairs(text: &str) -> Result<BTreeMap<String, String>, ApiError> {
    serde_json::from_str(text).map_err(|_| ApiError::bad_request("meta must be a JSON object of strings"))
}

fn roots(cids: &[String]) -> Result<Vec<Cid>, ApiError> {
    if cids.len() > MAX_CIDS {
        return Err(ApiError::bad_request("there are more than 10 CIDs"));
    }
    cids.iter().map(|cid| parse_cid(cid)).collect()
}

fn matching(text: &str) -> Result<Match, ApiError> {
    match text {
        "exact" => Ok(Match::Exact),
        "iexact" => Ok(Match::ExactIgnoringCase),
        "partial" => Ok(Match::Partial),
        "ipartial" => Ok(Match::PartialIgnoringCase),
        _ => Err(ApiError::bad_request("match must be exact, iexact, partial or ipartial")),
    }
}

/// Without a filter all of them: clients look for a pin that they have just added.
fn wanted_statuses(words: &[String]) -> Result<Vec<PinStatus>, ApiError> {
    if words.is_empty() {
        return Ok(STATUSES.map(|(_, status)| status).into());
    }
    let mut statuses = words
        .iter()
        .map(|word| STATUSES.into_iter().find(|(known, _)| known == word).map(|(_, status)| status))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| ApiError::bad_request("status must be some of queued, pinning, pinned and failed"))?;
    statuses.sort_unstable();
    statuses.dedup();
    Ok(statuses)
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// Microseconds since 1970.
fn date(name: &str, text: &str, rounding: Rounding) -> Result<i64, ApiError> {
    // A plus sign that was not percent-encoded arrives as a space.
    let moment: Timestamp = text
        .replace(' ', "+")
        .parse()
        .map_err(|_| ApiError::bad_request(format!("{name} must be a date such as 2020-07-27T17:32:28Z")))?;
    let nanoseconds = moment.as_nanosecond();
    let down = nanoseconds.div_euclid(1000);
    let has_rest = nanoseconds.rem_euclid(1000) != 0;
    let microseconds = if has_rest && matches!(rounding, Rounding::Up) { down + 1 } else { down };
    i64::try_from(microseconds).map_err(|_| ApiError::bad_request(format!("{name} is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    const B: &str = "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta";

    #[test]
    fn lists_are_written_in_three_ways() {
        for query in [format!("cid={A},{B}"), format!("cid={A}%2C{B}"), format!("cid={A}&cid={B}")] {
            assert_eq!(search(&query).unwrap().roots.len(), 2, "{query}");
        }
        for query in ["status=queued,pinned", "status=queued%2Cpinned", "status=pinned&status=queued&status=queued"] {
            assert_eq!(search(query).unwrap().statuses, [PinStatus::Queued, PinStatus::Pinned], "{query}");
        }
    }

    #[test]
    fn meta_is_json_or_pairs() {
        let pairs = [("a".to_owned(), "b c".to_owned()), ("d".to_owned(), "é".to_owned())];
        for query in ["meta=%7B%22a%22%3A%22b%20c%22,%22d%22:%22%C3%A9%22%7D", "meta[a]=b+c&meta%5Bd%5D=%C3%A9"] {
            assert_eq!(search(query).unwrap().meta, pairs, "{query}");
        }
    }

    #[test]
    fn nothing_asks_for_the_ten_newest_of_every_status() {
        for query in ["", "&", "cursor=x"] {
            let asked = search(query).unwrap();
            assert_eq!((asked.limit, asked.statuses.len(), asked.name, asked.before), (10, 4, None, None));
        }
    }

    #[test]
    fn dates_keep_their_place_between_microseconds() {
        let asked = search("before=2020-07-27T17:32:28.0000015Z&after=2020-07-27T19:32:28.0000015%2B02:00").unwrap();
        assert_eq!((asked.before, asked.after), (Some(1_595_871_148_000_002), Some(1_595_871_148_000_001)));
        assert_eq!(search("after=2020-07-27T17:32:28+00:00").unwrap().after, Some(1_595_871_148_000_000));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let eleven = format!("cid={}", [A; 11].join(","));
        let long = format!("name={}", "n".repeat(256));
        let many = (0..101).map(|number| format!("meta[k{number}]=v")).collect::<Vec<_>>().join("&");
        for query in [
            "cid=",
            "cid=x",
            &eleven,
            &long,
            &many,
            "status=",
            "status=done",
            "match=fuzzy",
            "limit=0",
            "limit=1001",
            "limit=x",
            "limit=-1",
            "limit=1&limit=2",
            "before=yesterday",
            "before=",
            "after=2020-07-27",
            "meta=",
            "meta=[]",
            "meta=%7B%22a%22%3A1%7D",
            "name=%FF",
        ] {
            assert!(search(query).is_err(), "{query}");
        }
    }
}

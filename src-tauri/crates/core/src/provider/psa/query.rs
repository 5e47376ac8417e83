//! What is asked for: paths and query strings, written as the API's documents write them.

use holdfast_content::{Cid, cid_v0, cid_v1};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    ids::PinId,
    provider::{ProviderError, paging::Bound},
};

/// CIDs that the API takes in one request.
const MAX_CIDS: usize = 10;
/// Of the CIDs of one request, so that its URL stays under 2,000 with everything else in it.
const MAX_CIDS_CHARS: usize = 1_500;

/// Always said: services differ in what they list without it.
const EVERY_STATUS: &str = "queued,pinning,pinned,failed";

const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The list of the pins of `cids`, or of all where there are none.
pub(super) fn list(cids: &[String], bound: Option<&Bound>, limit: u64) -> String {
    let cids = if cids.is_empty() { String::new() } else { format!("cid={}&", cids.join(",")) };
    let bound = match bound {
        None => String::new(),
        Some(Bound::Before(time)) => format!("&before={}", utf8_percent_encode(time, &ESCAPED)),
        Some(Bound::After(time)) => format!("&after={}", utf8_percent_encode(time, &ESCAPED)),
    };
    format!("/pins?{cids}status={EVERY_STATUS}&limit={limit}{bound}")
}

/// One pin. Its id is opaque, but what would lead to another place is none.
pub(super) fn one(id: &PinId) -> Result<String, ProviderError> {
    if matches!(id.0.as_str(), "" | "." | "..") {
        return Err(ProviderError::Protocol { reason: "the pin's id is none that this API can be asked about".into() });
    }
    Ok(format!("/pins/{}", utf8_percent_encode(&id.0, &ESCAPED)))
}

/// The forms of `cids` in as few requests as the API allows. Services differ in whether they find a CIDv0 by its CIDv1.
pub(super) fn batches(cids: &[Cid]) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    for cid in cids {
        let forms: Vec<String> = cid_v0(cid).into_iter().chain([cid_v1(cid)]).collect();
        let chars = |forms: &[String]| forms.iter().map(|form| form.len() + 1).sum::<usize>();
        match batches.last_mut() {
            Some(batch) if batch.len() + forms.len() <= MAX_CIDS && chars(batch) + chars(&forms) <= MAX_CIDS_CHARS => {
                batch.extend(forms);
            }
            _ => batches.push(forms),
        }
    }
    batches
}

/// Whether a pin's CID is one of a batch.
pub(super) fn is_among(cid: &Cid, batch: &[String]) -> bool {
    batch.contains(&cid_v1(cid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: &str = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";
    const RAW: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    #[test]
    fn a_bound_is_passed_on_as_the_service_wrote_it() {
        let bound = Bound::Before("2020-07-27T17:32:28.27645100+00:00".into());
        assert_eq!(
            list(&[], Some(&bound), 1_000),
            "/pins?status=queued,pinning,pinned,failed&limit=1000&before=2020-07-27T17%3A32%3A28.27645100%2B00%3A00"
        );
    }

    #[test]
    fn ids_are_opaque_and_never_lead_elsewhere() {
        assert_eq!(one(&PinId("clxyz456".into())).unwrap(), "/pins/clxyz456");
        assert_eq!(one(&PinId("a/../b?c#d é%".into())).unwrap(), "/pins/a%2F..%2Fb%3Fc%23d%20%C3%A9%25");
        for id in ["", ".", ".."] {
            assert!(one(&PinId(id.into())).is_err(), "{id:?}");
        }
    }

    #[test]
    fn cids_are_asked_for_in_both_forms_ten_at_a_time() {
        let (directory, raw) = (Cid::try_from(DIRECTORY).unwrap(), Cid::try_from(RAW).unwrap());
        assert_eq!(batches(&[directory]), [["QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", DIRECTORY]]);
        assert_eq!(batches(&[raw; 21]).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 1]);
        let asked = batches(&[directory; 30]);
        assert!(asked.iter().all(|batch| batch.len() <= MAX_CIDS && list(batch, None, 1_000).len() < 1_900));
        assert!(is_among(&Cid::try_from("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn").unwrap(), &asked[0]));
    }
}

//! Where *This computer* gets content that it is asked to pin by CID and does not hold.

use holdfast_content::gateway_as_typed;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    account::{PlainHttp, parse_base_url},
    error::Error,
    provider::http::is_this_computer,
};

/// A gateway for who knows none: it gives out blocks, each of which is hashed here.
pub const OFFERED_GATEWAY: &str = "https://trustless-gateway.link";

/// Gateways that a person may name.
const MOST_GATEWAYS: usize = 20;

/// Where *This computer* may fetch what it is asked to pin by CID: nowhere, until the person names a place, since whoever is
/// asked learns the CIDs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchSources {
    /// Gateways, in the order in which they are asked.
    pub gateways: Vec<Url>,
    /// Whether the gateways of the other accounts are asked too.
    pub of_accounts: bool,
}

/// The same as it stands in the database.
#[derive(Serialize, Deserialize)]
struct Kept {
    gateways: Vec<String>,
    of_accounts: bool,
}

impl FetchSources {
    /// What the person typed, each gateway once.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for what is no address of a gateway, for too many, and for one that is not encrypted on another
    /// machine unless that is said to be meant.
    pub fn typed(gateways: &[String], of_accounts: bool, plain_http: PlainHttp) -> Result<Self, Error> {
        let mut sources = Self { gateways: Vec::new(), of_accounts };
        for typed in gateways {
            let gateway = parse(typed, plain_http)?;
            if !sources.gateways.contains(&gateway) {
                sources.gateways.push(gateway);
            }
        }
        if sources.gateways.len() > MOST_GATEWAYS {
            return Err(Error::InvalidInput(format!("At most {MOST_GATEWAYS} gateways are possible.")));
        }
        Ok(sources)
    }

    /// Whether there is nowhere to fetch from, whatever the accounts are.
    #[must_use]
    pub const fn is_nowhere(&self) -> bool {
        self.gateways.is_empty() && !self.of_accounts
    }

    /// What is kept of it.
    pub(crate) fn kept(&self) -> Option<String> {
        let gateways = self.gateways.iter().map(Url::to_string).collect();
        let kept = Kept { gateways, of_accounts: self.of_accounts };
        (!self.is_nowhere()).then(|| serde_json::to_string(&kept).ok()).flatten()
    }

    /// From what was kept; what cannot be read agrees to nothing.
    pub(crate) fn from_kept(text: &str) -> Self {
        let Ok(kept) = serde_json::from_str::<Kept>(text) else { return Self::default() };
        let gateways = kept.gateways.iter().filter_map(|text| Url::parse(text).ok()).collect();
        Self { gateways, of_accounts: kept.of_accounts }
    }
}

/// Gateways as people write them.
#[must_use]
pub fn as_typed(gateways: &[Url]) -> Vec<String> {
    gateways.iter().map(|url| gateway_as_typed(url.as_str())).collect()
}

fn parse(typed: &str, plain_http: PlainHttp) -> Result<Url, Error> {
    let mut url = parse_base_url("gateway", typed, PlainHttp::Accepted)?;
    if url.scheme() == "http" && !is_this_computer(&url) && plain_http == PlainHttp::Refused {
        return Err(Error::InvalidInput(format!(
            "The gateway {} is not encrypted: others on the way see what is fetched. Write https://, or say that it is meant.",
            typed.trim()
        )));
    }
    // Links are copied with it.
    if let Some(base) = url.path().strip_suffix("/ipfs").map(str::to_owned) {
        url.set_path(&base);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(gateways: &[&str], plain_http: PlainHttp) -> Result<FetchSources, Error> {
        let gateways: Vec<_> = gateways.iter().map(|text| (*text).to_owned()).collect();
        FetchSources::typed(&gateways, false, plain_http)
    }

    #[test]
    fn gateways_are_taken_as_people_write_them_each_once() {
        let same = ["ipfs.io", "https://ipfs.io/", "https://ipfs.io/ipfs/", "https://IPFS.io/ipfs"];
        let sources = typed(&same, PlainHttp::Refused).unwrap();
        assert_eq!(sources.gateways, [Url::parse("https://ipfs.io").unwrap()]);
        assert_eq!(FetchSources::from_kept(&sources.kept().unwrap()), sources);
    }

    #[test]
    fn a_gateway_of_this_computer_needs_no_encryption_and_one_elsewhere_must_be_meant() {
        assert!(typed(&["http://127.0.0.1:8080", "http://localhost:8080"], PlainHttp::Refused).is_ok());
        let said = typed(&["http://nas:8080"], PlainHttp::Refused).unwrap_err().to_string();
        assert!(said.contains("http://nas:8080 is not encrypted"), "{said}");
        assert!(typed(&["http://nas:8080"], PlainHttp::Accepted).is_ok());
    }

    #[test]
    fn nothing_and_what_cannot_be_read_is_nowhere() {
        assert_eq!(FetchSources::default().kept(), None);
        assert!(FetchSources::from_kept("{").is_nowhere());
    }
}

//! The address at which a gateway serves a CID.

/// Where a gateway's address may say that the CID stands, as a URL writes `{cid}` and `{path}`.
const CID: &str = "%7Bcid%7D";
const PATH: &str = "%7Bpath%7D";

/// The address at which the gateway whose base URL is `base` serves `cid`: `{base}/ipfs/{cid}`, or what `base` says itself
/// where it has `{cid}` in it, as in `https://example.org/api/gateway/%7Bcid%7D`.
///
/// ```
/// use holdfast_content::gateway_link;
/// assert_eq!(gateway_link("https://dweb.link/", "bafkqaaa"), "https://dweb.link/ipfs/bafkqaaa");
/// assert_eq!(gateway_link("https://x.example/get/%7Bcid%7D", "bafkqaaa"), "https://x.example/get/bafkqaaa");
/// ```
#[must_use]
pub fn gateway_link(base: &str, cid: &str) -> String {
    let base = base.trim_end_matches('/');
    if base.contains(CID) {
        base.replace(CID, cid).replace(PATH, "").trim_end_matches('/').into()
    } else {
        format!("{base}/ipfs/{cid}")
    }
}

/// A gateway's base URL as people write it.
#[must_use]
pub fn gateway_as_typed(base: &str) -> String {
    base.trim_end_matches('/').replace(CID, "{cid}").replace(PATH, "{path}")
}

//! What must hold of any file of redirects and any address. The fuzz target and the regression test run this.

use holdfast_service::untrusted::{Lead, Redirects};

/// The longest address that comes of a rule, besides the visitor's query.
const MAX_LEAD_BYTES: usize = 64 * 1024;

/// Reads `input` as a path, a query and a file, a line each and the rest: wherever a path leads, it leads there by the rules of
/// the file and not by what the visitor has put into the path.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(3, '\n');
    let (Some(path), Some(query), Some(file)) = (parts.next(), parts.next(), parts.next()) else { return };
    let is_of_address = |c: char| !c.is_control() && !c.is_whitespace();
    if !path.starts_with('/') || !path.chars().all(|c| is_of_address(c) && !"?#".contains(c)) {
        return;
    }
    let query = Some(query).filter(|query| query.chars().all(|c| is_of_address(c) && c != '#'));
    let Ok(redirects) = Redirects::parse(file) else { return };
    let lead = redirects.lead(path, query);
    assert_eq!(redirects.lead(path, query), lead);
    match lead {
        None => {}
        Some(Lead::Address(location, status)) => {
            assert!((300..400).contains(&status), "{status}");
            assert!(!location.contains(char::is_control), "{location:?}");
            assert!(location.len() <= MAX_LEAD_BYTES + query.map_or(0, str::len) + 1);
            match location.strip_prefix('/') {
                Some(below) => assert!(!below.starts_with(['/', '\\']), "{location:?} leads to another host"),
                None => assert!(file.contains("http://") || file.contains("https://"), "{location:?}"),
            }
        }
        Some(Lead::Path(path, status)) => {
            assert!([200, 404, 410, 451].contains(&status), "{status}");
            assert!(path.starts_with('/') && !path.contains(['?', '#']), "{path:?}");
            assert!(path.len() <= MAX_LEAD_BYTES);
        }
    }
}

//! What must hold of any text that a CID is looked for in. The fuzz target and the regression test run this.

use holdfast_content::{CidInText, CidTextError, base36, cid_v0, cid_v1, is_block_of, multihash_hex};

/// Looks for a CID in `input`: what is found is found again in every form that it is shown in.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(found) = text.parse::<CidInText>() else { return };
    let cid = found.cid;
    assert_eq!(found.path.trim_matches('/'), found.path);
    let v1 = cid_v1(&cid);
    let forms = [Some(v1.clone()), Some(base36(&cid)), cid_v0(&cid)];
    for form in forms.into_iter().flatten() {
        let again: CidInText = form.parse().unwrap();
        assert_eq!((cid_v1(&again.cid), again.path), (v1.clone(), String::new()));
    }
    assert!(multihash_hex(&cid).len() <= 150);
    let escape = |byte| if byte == b'/' { "/".into() } else { format!("%{byte:02X}") };
    let path: String = found.path.bytes().map(escape).collect();
    let link = format!("ipfs://{v1}/{path}");
    let again = match link.parse::<CidInText>() {
        // Escaped, a path is three times as long.
        Err(CidTextError::TooLong) if link.len() > input.len() => return,
        again => again.unwrap(),
    };
    assert_eq!((cid_v1(&again.cid), &again.path), (v1, &found.path), "{link:?}");
    // The hash function may be any.
    let _ = is_block_of(&cid, input);
}

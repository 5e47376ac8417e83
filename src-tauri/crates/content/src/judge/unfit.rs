//! What is wrong with one block, and the rule for names, which all directories have in common.

use crate::dag_pb::PbError;

/// What is wrong with a block whose bytes are those that its CID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It cannot be decoded.
    #[error(transparent)]
    Malformed(PbError),
    /// It is against the rule.
    #[error("{0}")]
    Against(&'static str),
}

/// Whether a file may have that name.
pub(crate) fn check_name(name: &[u8]) -> Result<(), Unfit> {
    match name {
        b"" => Err(Unfit::Against("an entry without a name")),
        b"." | b".." => Err(Unfit::Against("an entry whose name leads elsewhere")),
        name if name.iter().any(|byte| matches!(byte, b'/' | 0)) => {
            Err(Unfit::Against("an entry with a slash or a NUL in its name"))
        }
        _ => Ok(()),
    }
}

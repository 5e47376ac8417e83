//! Why a DAG cannot be read.

use std::io;

use cid::Cid;

use crate::{dag_pb::PbError, judge::unfit::Unfit};

/// Why a DAG cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A block is not there.
    #[error("the block {0} is missing")]
    Missing(Cid),
    /// No entry of that name.
    #[error("there is no {0:?}")]
    NoSuchEntry(String),
    /// A path leads through something that is no directory, or a file was expected.
    #[error("{0} is not a {1}")]
    WrongKind(Cid, &'static str),
    /// A codec other than raw and dag-pb.
    #[error("{0} is neither raw nor dag-pb")]
    UnknownCodec(Cid),
    /// The bytes are no valid node.
    #[error("the block {0} is not a valid node: {1}")]
    Malformed(Cid, PbError),
    /// A node that contradicts itself or exceeds a limit.
    #[error("the block {0} is not a valid node: {1}")]
    Invalid(Cid, &'static str),
    /// The source failed.
    #[error("reading a block failed")]
    Io(#[from] io::Error),
}

impl From<(Cid, Unfit)> for ReadError {
    fn from((cid, why): (Cid, Unfit)) -> Self {
        match why {
            Unfit::Malformed(error) => Self::Malformed(cid, error),
            Unfit::Against(why) => Self::Invalid(cid, why),
        }
    }
}

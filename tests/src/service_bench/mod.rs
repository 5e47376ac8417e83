//! What the pinning service costs, measured from outside.

pub mod list;

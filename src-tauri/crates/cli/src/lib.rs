//! What both faces of Holdfast do when they start: log, and run the embedded service as the account *This computer*.

pub mod log;
pub mod this_computer;

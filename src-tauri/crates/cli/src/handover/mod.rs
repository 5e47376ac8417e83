//! A command whose home somebody owns already, the window or another command, is handed to that owner whole, by a socket in the
//! home: the owner runs it with its own engine and says what is to be printed. Two faces, one engine, one writer.
//!
//! What crosses is the command line, where it was typed, and what its user answers; back come lines, questions and an exit code.
//! Nothing of the owner's secrets does.

mod door;
mod errand;
mod frames;
mod places;

pub use door::Door;
pub(crate) use errand::{NotTaken, hand_over};

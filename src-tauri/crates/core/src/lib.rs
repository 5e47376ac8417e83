//! What Holdfast does, with no GUI.
//!
//! An [`Engine`] owns one home directory: its accounts, the mirror of what they have pinned, the transfers under way,
//! and the watched folders. A folder of this crate is one word of that vocabulary. What the engine cannot control (time,
//! disk, keyring, network, randomness) it reaches only through the ports in [`Ports`]; [`host`] has the real ones.

pub mod account;
mod change;
pub mod clock;
mod code;
pub mod content;
pub mod disk;
mod duty;
mod engine;
pub mod entropy;
pub mod error;
pub mod folder;
pub mod gateway;
pub mod home;
pub mod host;
mod ids;
pub mod lasting;
pub mod pin;
pub mod proof;
pub mod provider;
mod queue;
mod store;
pub mod transfer;
mod trouble;
mod turns;
pub mod vault;

pub use change::{Change, Changes, Which};
pub use code::Code;
pub use duty::Duty;
pub use engine::{
    AcceptedUnpin, Background, CheckProgress, CheckRun, CheckedPin, Engine, FoundService, Grace, HeldAccount, HeldUp,
    History, ImportedService, LimitedHours, Limits, MOST_LISTED, MinuteOfDay, OtherCopy, PastedCid, PinDetails, Ports,
    Rate, Remains, SecretRemoval, Settings, Theme, ThisComputer, UNCONFIRMED_UNPINS, UnpinImpact,
};
pub use error::Error;
pub use home::Home;
pub use queue::{AtOnce, ClosedGate, GateReason, Lane};
pub use transfer::TransferCounts;
pub use trouble::Trouble;

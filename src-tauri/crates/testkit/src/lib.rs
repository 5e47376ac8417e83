//! Fakes for tests: every port of the engine, and a pinning service that misbehaves on request.
//!
//! Failures of a test's own set-up panic: that is what a test wants.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's set-up fails loudly")]

mod clock;
mod connect;
pub mod crafted;
mod disk;
mod entropy;
mod provider;
mod recorder;
mod vault;
mod wait;
mod world;

pub use clock::ManualClock;
pub use connect::{Detour, RefusesEmpty, Says};
pub use disk::SimDisk;
pub use entropy::SeededEntropy;
pub use provider::{Bounds, Call, EditedId, FakeProvider, Fault, HeldPin, Manners, Pins, Recorded, TimesTo, Totals};
pub use recorder::Recorder;
pub use vault::{MemoryVault, VaultMode};
pub use wait::eventually;
pub use world::{World, WorldBuilder, bytes_of, identified};

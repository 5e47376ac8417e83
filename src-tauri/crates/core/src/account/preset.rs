//! Services that people need not type.

use super::ProviderKind;

/// A known service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What it is called.
    pub name: &'static str,
    /// The adapter for it.
    pub kind: ProviderKind,
    /// The API's base.
    pub endpoint: &'static str,
    /// The gateway's base.
    pub gateway: &'static str,
    /// Whether it refuses files without content ("Cannot pin empty file").
    pub refuses_empty_files: bool,
}

/// The hosts of the AIOZ Pin API, the current one first.
pub const PRESETS: [Preset; 4] = [
    aioz("AIOZ Pin", "https://api.aiozpin.network/api", "https://premium.aiozpin.network"),
    aioz("W3IPFS (w3ipfs.storage)", "https://api.w3ipfs.storage/api", "https://premium.w3ipfs.storage"),
    aioz("W3IPFS (aioz.network)", "https://api.w3ipfs.aioz.network/api", "https://public.w3ipfs.aioz.network"),
    aioz("AIOZ Pin, development", "https://api-ipfs.attoaioz.cyou/api", "https://gateway-ipfs.attoaioz.cyou"),
];

const fn aioz(name: &'static str, endpoint: &'static str, gateway: &'static str) -> Preset {
    Preset { name, kind: ProviderKind::Aioz, endpoint, gateway, refuses_empty_files: true }
}

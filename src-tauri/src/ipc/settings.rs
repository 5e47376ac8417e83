//! Settings, and the snapshot that the first screen is painted from.

use holdfast_core::account::AccountId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::account::{Account, AccountPreset};
use super::{HomeTrouble, Shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThemeChoice {
    System,
    Light,
    Dark,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub(crate) struct Settings {
    pub(crate) theme: ThemeChoice,
    pub(crate) default_account: Option<String>,
}

/// Whether secrets can be kept beyond this session.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Keyring {
    Available,
    Unavailable { reason: Shown },
}

/// Everything that the first screen needs, in one answer.
#[derive(Clone, Debug, Serialize, TS)]
pub(crate) struct Bootstrap {
    pub(crate) version: String,
    pub(crate) home: Shown,
    pub(crate) settings: Settings,
    pub(crate) keyring: Keyring,
    pub(crate) accounts: Vec<Account>,
    pub(crate) presets: Vec<AccountPreset>,
    pub(crate) troubles: Vec<HomeTrouble>,
}

impl From<holdfast_core::Settings> for Settings {
    fn from(settings: holdfast_core::Settings) -> Self {
        let theme = match settings.theme {
            holdfast_core::Theme::System => ThemeChoice::System,
            holdfast_core::Theme::Light => ThemeChoice::Light,
            holdfast_core::Theme::Dark => ThemeChoice::Dark,
        };
        Self { theme, default_account: settings.default_account.map(|id| id.0) }
    }
}

impl From<Settings> for holdfast_core::Settings {
    fn from(settings: Settings) -> Self {
        let theme = match settings.theme {
            ThemeChoice::System => holdfast_core::Theme::System,
            ThemeChoice::Light => holdfast_core::Theme::Light,
            ThemeChoice::Dark => holdfast_core::Theme::Dark,
        };
        Self { theme, default_account: settings.default_account.map(AccountId) }
    }
}

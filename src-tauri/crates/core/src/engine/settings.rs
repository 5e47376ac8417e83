//! Settings of a home.

use serde::{Deserialize, Serialize};

use super::{Change, Engine};
use crate::{error::Error, ids::AccountId};

const THEME: &str = "theme";
const DEFAULT_ACCOUNT: &str = "default_account";

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

/// What a user chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Light or dark.
    pub theme: Theme,
    /// Where things go when nothing else is said; *This computer* where it is not set.
    pub default_account: Option<AccountId>,
}

impl Engine {
    /// The settings.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settings(&self) -> Result<Settings, Error> {
        let store = &self.shared.store;
        let theme = match store.setting(THEME).await?.as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        };
        let default_account = match store.setting(DEFAULT_ACCOUNT).await?.map(AccountId) {
            Some(id) if store.account(&id).await?.is_some() => Some(id),
            _ => None,
        };
        Ok(Settings { theme, default_account })
    }

    /// Keeps the settings.
    ///
    /// # Errors
    /// [`Error::NoSuch`] for a default account that is not there.
    pub async fn save_settings(&self, settings: Settings) -> Result<(), Error> {
        if let Some(id) = &settings.default_account {
            self.account(id).await?;
        }
        let theme = match settings.theme {
            Theme::System => None,
            Theme::Light => Some("light".into()),
            Theme::Dark => Some("dark".into()),
        };
        self.shared.store.set_setting(THEME, theme).await?;
        self.shared.store.set_setting(DEFAULT_ACCOUNT, settings.default_account.map(|id| id.0)).await?;
        self.shared.announce(Change::Settings);
        Ok(())
    }
}

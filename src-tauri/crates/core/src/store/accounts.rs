//! Accounts in the database. No secret ever comes here.

use holdfast_content::Profile;
use rusqlite::{Connection, OptionalExtension, Row};
use url::Url;

use super::{Store, StoreError, salvage};
use crate::{
    account::{Account, AccountCard, Contact, Mark, ProviderKind, UsageThen},
    clock::UnixMillis,
    code::Code,
    ids::AccountId,
    pin::pace::Walked,
    provider::Usage,
    vault::CredentialKind,
};

const COLUMNS: &str = "id, label, kind, endpoint, gateway, this_computer, profile, credentials, card";

impl Store {
    /// All accounts, in the order in which they were added; *This computer* first.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|db| {
            let sql = format!("SELECT {COLUMNS} FROM account ORDER BY this_computer DESC, position");
            let mut statement = db.prepare_cached(&sql)?;
            let rows = statement.query_map([], |row| Ok(account(row)))?;
            rows.map(|row| row?).collect()
        })
        .await
    }

    pub(crate) async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = format!("SELECT {COLUMNS} FROM account WHERE id = ?1");
            let row = db.prepare_cached(&sql)?.query_row([&id.0], |row| Ok(account(row))).optional()?;
            row.transpose()
        })
        .await
    }

    /// Adds or replaces an account. `false` when another has the label.
    pub(crate) async fn save_account(&self, account: Account) -> Result<bool, StoreError> {
        self.write(move |db| {
            let taken: bool = db.query_row(
                "SELECT EXISTS (SELECT 1 FROM account WHERE label = ?1 AND id <> ?2)",
                (&account.label, &account.id.0),
                |row| row.get(0),
            )?;
            if !taken {
                save(db, &account)?;
            }
            Ok(!taken)
        })
        .await
    }

    /// The accounts whose whole list is to be asked for before anything is sent there.
    pub(crate) async fn unlisted(&self) -> Result<Vec<AccountId>, StoreError> {
        self.read(|db| {
            let mut accounts = db.prepare_cached("SELECT id FROM account WHERE unlisted")?;
            Ok(accounts.query_map([], |row| row.get(0).map(AccountId))?.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// When an account's list was last gone through.
    pub(crate) async fn walked(&self, id: &AccountId) -> Result<Option<Walked>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = "SELECT walked_at, walked_requests FROM account WHERE id = ?1 AND walked_at IS NOT NULL";
            let walked = |row: &Row<'_>| {
                Ok(Walked { at: UnixMillis(row.get(0)?), requests: row.get::<_, i64>(1)?.cast_unsigned() })
            };
            Ok(db.prepare_cached(sql)?.query_row([&id.0], walked).optional()?)
        })
        .await
    }

    /// Notes that it was.
    pub(crate) async fn has_walked(&self, id: &AccountId, walked: Walked) -> Result<(), StoreError> {
        let id = id.clone();
        self.write_passing(move |db| {
            let sql = "UPDATE account SET walked_at = ?2, walked_requests = ?3 WHERE id = ?1";
            Ok(db.execute(sql, (&id.0, walked.at.0, walked.requests.cast_signed())).map(drop)?)
        })
        .await
    }

    /// Notes that an account's whole list is in the mirror.
    pub(crate) async fn is_listed(&self, id: &AccountId) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| Ok(db.execute("UPDATE account SET unlisted = 0 WHERE id = ?1", [&id.0]).map(drop)?)).await
    }

    /// Gives an account its label and gateway. `false` when another has the label.
    pub(crate) async fn set_label_and_gateway(&self, account: &Account) -> Result<bool, StoreError> {
        let account = account.clone();
        self.write(move |db| {
            let sql = "UPDATE account SET label = ?2, gateway = ?3 WHERE id = ?1
                       AND NOT EXISTS (SELECT 1 FROM account AS other WHERE other.label = ?2 AND other.id <> ?1)";
            Ok(db.execute(sql, (&account.id.0, &account.label, account.gateway.as_ref().map(Url::as_str)))? == 1)
        })
        .await
    }

    /// Gives an account another form of credentials, and another gateway where there is one. `false` when it is gone.
    pub(crate) async fn set_credentials(
        &self,
        id: &AccountId,
        credentials: CredentialKind,
        gateway: Option<Url>,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |db| {
            let sql = "UPDATE account SET credentials = ?2, gateway = coalesce(?3, gateway) WHERE id = ?1";
            Ok(db.execute(sql, (&id.0, credentials.as_str(), gateway.as_ref().map(Url::as_str)))? == 1)
        })
        .await
    }

    /// Keeps what a check of an account found out, and the profile that it showed.
    pub(crate) async fn save_card(&self, id: &AccountId, card: &AccountCard) -> Result<(), StoreError> {
        let (id, profile) = (id.clone(), card.profile.clone());
        let text = serde_json::to_string(card).map_err(|_| StoreError::Row("a card"))?;
        self.write(move |db| {
            db.execute("UPDATE account SET card = ?2 WHERE id = ?1", (&id.0, text))?;
            profile.map_or(Ok(()), |profile| learn_profile(db, &id, &profile))
        })
        .await
    }

    /// What a check of the account is making, or was when it was cut off.
    pub(crate) async fn check_mark(&self, id: &AccountId) -> Result<Option<Mark>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = "SELECT check_mark FROM account WHERE id = ?1";
            let text: Option<Option<String>> = db.query_row(sql, [&id.0], |row| row.get(0)).optional()?;
            let mark = text.flatten().map(|text| serde_json::from_str(&text));
            mark.transpose().map_err(|_| StoreError::Row("what a check makes"))
        })
        .await
    }

    /// Writes down what a check of the account makes; `None` when it is all removed.
    pub(crate) async fn set_check_mark(&self, id: &AccountId, mark: Option<&Mark>) -> Result<(), StoreError> {
        let id = id.clone();
        let text = mark.map(serde_json::to_string).transpose().map_err(|_| StoreError::Row("what a check makes"))?;
        self.write(move |db| {
            db.execute("UPDATE account SET check_mark = ?2 WHERE id = ?1", (&id.0, text))?;
            Ok(())
        })
        .await
    }

    /// What earlier runs showed of the accounts.
    pub(crate) async fn contacts(&self) -> Result<Vec<(AccountId, Contact)>, StoreError> {
        self.read(|db| {
            let sql = "SELECT id, told_at, trouble_code, trouble FROM account WHERE told_at IS NOT NULL OR trouble IS NOT NULL";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let code = row.get::<_, Option<String>>(2)?.map(|name| Code::named(&name).unwrap_or(Code::Internal));
                let told_at = row.get::<_, Option<i64>>(1)?.map(UnixMillis);
                Ok((AccountId(row.get(0)?), Contact { told_at, trouble: code.zip(row.get::<_, Option<String>>(3)?) }))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps what an account showed.
    pub(crate) async fn save_contact(&self, id: &AccountId, contact: Contact) -> Result<(), StoreError> {
        let id = id.clone();
        self.write_passing(move |db| {
            let (code, trouble) = contact.trouble.map(|(code, trouble)| (code.as_str(), trouble)).unzip();
            let sql = "UPDATE account SET told_at = ?2, trouble_code = ?3, trouble = ?4 WHERE id = ?1";
            db.execute(sql, (&id.0, contact.told_at.map(|at| at.0), code, trouble))?;
            Ok(())
        })
        .await
    }

    /// How much an account used when it was last asked.
    pub(crate) async fn usage(&self, id: &AccountId) -> Result<Option<UsageThen>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let sql = "SELECT used_bytes, quota_bytes, used_at FROM account WHERE id = ?1 AND used_bytes IS NOT NULL";
            let row = db.prepare_cached(sql)?.query_row([&id.0], |row| {
                let quota_bytes = row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned);
                let usage = Usage { used_bytes: row.get::<_, i64>(0)?.cast_unsigned(), quota_bytes };
                Ok(UsageThen { usage, at: UnixMillis(row.get(2)?) })
            });
            Ok(row.optional()?)
        })
        .await
    }

    /// Keeps how much an account uses.
    pub(crate) async fn save_usage(&self, id: &AccountId, then: UsageThen) -> Result<(), StoreError> {
        let id = id.clone();
        self.write_passing(move |db| {
            let Usage { used_bytes, quota_bytes } = then.usage;
            let quota_bytes = quota_bytes.map(u64::cast_signed);
            let sql = "UPDATE account SET used_bytes = ?2, quota_bytes = ?3, used_at = ?4 WHERE id = ?1";
            db.execute(sql, (&id.0, used_bytes.cast_signed(), quota_bytes, then.at.0))?;
            Ok(())
        })
        .await
    }

    /// Removes an account and everything that is only kept because of it.
    pub(crate) async fn remove_account(&self, id: &AccountId) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("DELETE FROM account WHERE id = ?1", [&id.0])?;
            Ok(())
        })
        .await
    }

    /// Writes down that the keyring may have a secret of the account from now on.
    pub(crate) async fn note_keyring_entry(&self, id: &AccountId) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("INSERT OR IGNORE INTO keyring_entry (account) VALUES (?1)", [&id.0])?;
            Ok(())
        })
        .await
    }

    /// Writes down whether the secret that the keyring may have of the account is one that it had before.
    pub(crate) async fn set_keyring_entry_outdated(&self, id: &AccountId, outdated: bool) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("UPDATE keyring_entry SET outdated = ?2 WHERE account = ?1", (&id.0, outdated))?;
            Ok(())
        })
        .await
    }

    /// Accounts of which the keyring may have only a secret that they had before.
    pub(crate) async fn outdated_keyring_entries(&self) -> Result<Vec<AccountId>, StoreError> {
        self.read(|db| {
            let mut statement = db.prepare_cached("SELECT account FROM keyring_entry WHERE outdated")?;
            let rows = statement.query_map([], |row| row.get(0).map(AccountId))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Accounts that the keyring may have a secret of, and that are gone, need none any more, or have another.
    pub(crate) async fn keyring_entries_to_forget(&self) -> Result<Vec<AccountId>, StoreError> {
        self.read(|db| {
            let sql = "SELECT account FROM keyring_entry
                       WHERE outdated OR account NOT IN (SELECT id FROM account WHERE credentials <> 'none')";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get(0).map(AccountId))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Writes down that the keyring has none of the account any more.
    pub(crate) async fn keyring_entry_is_gone(&self, id: &AccountId) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |db| {
            db.execute("DELETE FROM keyring_entry WHERE account = ?1", [&id.0])?;
            Ok(())
        })
        .await
    }
}

/// A card as it was written; one of a Holdfast with other words is as good as none.
fn card_from(text: &str, kind: ProviderKind) -> Option<AccountCard> {
    let read = serde_json::from_str(text);
    let read = read.inspect_err(|error| tracing::info!(%error, "an account's card cannot be read"));
    // An earlier version's card does not say that a Kubo node's pins have only a name.
    read.ok().map(|card: AccountCard| AccountCard { metadata: card.metadata && kind != ProviderKind::Kubo, ..card })
}

/// Remembers the profile that gives an account's CIDs.
pub(super) fn learn_profile(db: &Connection, id: &AccountId, profile: &str) -> Result<(), StoreError> {
    db.execute("UPDATE account SET profile = ?2 WHERE id = ?1", (&id.0, profile))?;
    Ok(())
}

fn save(db: &Connection, account: &Account) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO account (id, label, kind, endpoint, gateway, this_computer, profile, credentials, position, unlisted)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT coalesce(max(position), 0) + 1 FROM account), ?9)
         ON CONFLICT (id) DO UPDATE SET label = ?2, kind = ?3, endpoint = ?4, gateway = ?5, profile = ?7, credentials = ?8",
        (
            &account.id.0,
            &account.label,
            account.kind.as_str(),
            account.endpoint.as_str(),
            account.gateway.as_ref().map(Url::as_str),
            account.this_computer,
            account.profile.map(|profile| profile.name()),
            account.credentials.as_str(),
            // It may have been here before.
            salvage::has_lost_receipts(db)?,
        ),
    )?;
    Ok(())
}

/// Removes accounts that cannot be used as they stand. Says how many.
pub(super) fn remove_unreadable(db: &Connection) -> Result<usize, StoreError> {
    let mut accounts = db.prepare(&format!("SELECT {COLUMNS}, rowid FROM account"))?;
    let rows = accounts.query_map([], |row| Ok((account(row).is_ok(), row.get::<_, i64>(9)?)))?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut removed = 0;
    for (_, row) in rows.into_iter().filter(|(is_readable, _)| !is_readable) {
        removed += db.execute("DELETE FROM account WHERE rowid = ?1", [row])?;
    }
    Ok(removed)
}

fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    let text = |index| row.get::<_, String>(index);
    let kind = ProviderKind::named(&text(2)?).ok_or(StoreError::Row("a provider's kind"))?;
    let url = |text: String| Url::parse(&text).map_err(|_| StoreError::Row("a URL"));
    Ok(Account {
        id: AccountId(text(0)?),
        label: text(1)?,
        kind,
        endpoint: url(text(3)?)?,
        gateway: row.get::<_, Option<String>>(4)?.map(url).transpose()?,
        this_computer: row.get(5)?,
        profile: row.get::<_, Option<String>>(6)?.and_then(|name| Profile::named(&name)),
        credentials: CredentialKind::named(&text(7)?).ok_or(StoreError::Row("a form of credentials"))?,
        card: row.get::<_, Option<String>>(8)?.and_then(|text| card_from(&text, kind)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_an_earlier_version_is_read_and_its_metadata_goes_by_the_kind_of_service() {
        let card = r#"{"checked_at": 1, "upload": null, "edit": true, "filters": ["cid"], "sorts": [], "paging": "whole",
            "page_rows": null, "profile": null, "duplicates": "same_pin", "deletion": "at_once", "usage": null, "notes": []}"#;
        for kind in ProviderKind::ALL {
            let card = card_from(card, kind).unwrap();
            assert_eq!((card.edit, card.metadata), (true, kind != ProviderKind::Kubo), "{kind:?}");
        }
        let without = card.replace(r#""edit": true"#, r#""edit": true, "metadata": false"#);
        assert!(!card_from(&without, ProviderKind::Psa).unwrap().metadata, "what a check found out stays");
    }
}

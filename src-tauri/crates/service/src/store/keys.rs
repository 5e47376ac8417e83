//! API keys. Kept as SHA-256 hashes, which is enough for random bytes that nobody can guess.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::{OptionalExtension, Transaction};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{database::Database, pins::now_microseconds};
use crate::ServiceError;

const KEY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// The two values that a client sends with each request.
#[derive(Debug)]
pub struct ApiKey {
    /// The header `pinning_api_key`: 24 characters of base64.
    pub key: String,
    /// The header `pinning_secret_key`: 44 characters of base64.
    pub secret: SecretString,
}

impl ApiKey {
    /// A new key of random bytes.
    ///
    /// # Errors
    /// [`ServiceError::Random`].
    pub fn random() -> Result<Self, ServiceError> {
        let mut key = [0; KEY_BYTES];
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut key)?;
        getrandom::fill(&mut secret)?;
        Ok(Self { key: STANDARD.encode(key), secret: STANDARD.encode(secret).into() })
    }
}

/// Whose pins a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) id: i64,
    pub(crate) user_id: Uuid,
}

type Hash = [u8; 32];

#[derive(Debug)]
struct Entry {
    secret_hash: Hash,
    owner: Owner,
    /// Given for this run only.
    installed: bool,
}

/// All keys that are accepted. Those that were created live in the database; installed ones only here.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    database: Database,
    by_key_hash: RwLock<HashMap<Hash, Entry>>,
}

impl ApiKeys {
    pub(crate) fn load(database: Database) -> Result<Self, ServiceError> {
        let keys = database.read(|transaction| {
            let mut select = transaction.prepare(
                "SELECT key_hash, secret_hash, owners.id, user_id FROM keys JOIN owners ON owners.id = owner",
            )?;
            let rows = select.query_map([], |row| {
                let owner = Owner { id: row.get(2)?, user_id: Uuid::from_bytes(row.get(3)?) };
                Ok((row.get(0)?, Entry { secret_hash: row.get(1)?, owner, installed: false }))
            })?;
            rows.collect::<rusqlite::Result<HashMap<Hash, Entry>>>()
        })?;
        Ok(Self { database, by_key_hash: RwLock::new(keys) })
    }

    /// Makes a key that stays valid over restarts.
    pub(crate) fn create(&self, owner: &str, name: &str) -> Result<ApiKey, ServiceError> {
        let new = ApiKey::random()?;
        let (key_hash, secret_hash) = (hash(&new.key), hash(new.secret.expose_secret()));
        let owner = self.database.write(|transaction| {
            let owner = owner_named(transaction, owner)?;
            transaction.execute(
                "INSERT INTO keys (owner, name, key_hash, secret_hash, created) VALUES (?1, ?2, ?3, ?4, ?5)",
                (owner.id, name, key_hash, secret_hash, now_microseconds()),
            )?;
            Ok::<_, ServiceError>(owner)
        })?;
        self.insert(key_hash, Entry { secret_hash, owner, installed: false });
        Ok(new)
    }

    /// Accepts a given key for this run, instead of any other that was installed for that owner.
    pub(crate) fn install(&self, owner: &str, key: &str, secret: &SecretString) -> Result<(), ServiceError> {
        check_form(key, KEY_BYTES, "the key must be base64 of 16 bytes")?;
        check_form(secret.expose_secret(), SECRET_BYTES, "the secret must be base64 of 32 bytes")?;
        let owner = self.database.write(|transaction| owner_named(transaction, owner))?;
        let entry = Entry { secret_hash: hash(secret.expose_secret()), owner, installed: true };
        self.insert(hash(key), entry);
        Ok(())
    }

    /// The owner of that name, made if there is none yet.
    pub(crate) fn owner(&self, name: &str) -> Result<Owner, ServiceError> {
        self.database.write(|transaction| owner_named(transaction, name))
    }

    /// The owner whose key this is.
    pub(crate) fn authenticate(&self, key: &[u8], secret: &[u8]) -> Option<Owner> {
        let secret_hash: Hash = Sha256::digest(secret).into();
        let keys = self.by_key_hash.read().unwrap_or_else(PoisonError::into_inner);
        // Looking up a hash tells nothing about the keys whose hashes are near.
        let entry = keys.get(&Hash::from(Sha256::digest(key)))?;
        bool::from(entry.secret_hash.ct_eq(&secret_hash)).then_some(entry.owner)
    }

    fn insert(&self, key_hash: Hash, entry: Entry) {
        let mut keys = self.by_key_hash.write().unwrap_or_else(PoisonError::into_inner);
        if entry.installed {
            keys.retain(|_, other| !(other.installed && other.owner == entry.owner));
        }
        keys.insert(key_hash, entry);
    }
}

fn owner_named(transaction: &Transaction<'_>, name: &str) -> Result<Owner, ServiceError> {
    let found = transaction
        .query_row("SELECT id, user_id FROM owners WHERE name = ?1", [name], |row| {
            Ok(Owner { id: row.get(0)?, user_id: Uuid::from_bytes(row.get(1)?) })
        })
        .optional()?;
    if let Some(owner) = found {
        return Ok(owner);
    }
    let user_id = random_uuid()?;
    transaction.execute("INSERT INTO owners (name, user_id) VALUES (?1, ?2)", (name, user_id.as_bytes()))?;
    Ok(Owner { id: transaction.last_insert_rowid(), user_id })
}

pub(crate) fn random_uuid() -> Result<Uuid, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

fn check_form(text: &str, bytes: usize, expected: &'static str) -> Result<(), ServiceError> {
    match STANDARD.decode(text) {
        Ok(decoded) if decoded.len() == bytes => Ok(()),
        _ => Err(ServiceError::InvalidKey(expected)),
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (tempfile::TempDir, ApiKeys) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        (dir, ApiKeys::load(database).unwrap())
    }

    fn owner_of(keys: &ApiKeys, key: &ApiKey) -> Option<Owner> {
        keys.authenticate(key.key.as_bytes(), key.secret.expose_secret().as_bytes())
    }

    #[test]
    fn a_created_key_is_known_after_a_restart_and_has_the_form_that_clients_check() {
        let (_dir, keys) = keys();
        let key = keys.create("alice", "laptop").unwrap();
        assert_eq!((key.key.len(), key.secret.expose_secret().len()), (24, 44));
        let owner = owner_of(&keys, &key).unwrap();
        let reloaded = ApiKeys::load(keys.database).unwrap();
        assert_eq!(owner_of(&reloaded, &key), Some(owner));
    }

    #[test]
    fn an_installed_key_replaces_the_one_before_and_keeps_the_owner() {
        let (_dir, keys) = keys();
        let (first, second) = (ApiKey::random().unwrap(), ApiKey::random().unwrap());
        keys.install("home", &first.key, &first.secret).unwrap();
        let owner = owner_of(&keys, &first).unwrap();
        keys.install("home", &second.key, &second.secret).unwrap();
        assert_eq!(owner_of(&keys, &first), None);
        assert_eq!(owner_of(&keys, &second), Some(owner));
    }

    #[test]
    fn a_key_with_the_secret_of_another_is_refused() {
        let (_dir, keys) = keys();
        let (a, b) = (keys.create("a", "").unwrap(), keys.create("b", "").unwrap());
        assert_eq!(keys.authenticate(a.key.as_bytes(), b.secret.expose_secret().as_bytes()), None);
    }

    #[test]
    fn a_key_of_another_form_cannot_be_installed() {
        let (_dir, keys) = keys();
        let good = ApiKey::random().unwrap();
        assert!(matches!(keys.install("home", "short", &good.secret), Err(ServiceError::InvalidKey(_))));
        assert!(matches!(keys.install("home", &good.key, &"short".into()), Err(ServiceError::InvalidKey(_))));
    }
}

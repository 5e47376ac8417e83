//! API keys. Kept as SHA-256 hashes, which is enough for random bytes that nobody can guess.

use std::sync::{PoisonError, RwLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{StoreError, database::Database, pin::now_microseconds, scopes::Scopes};
use crate::ServiceError;

const KEY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// How many keys an owner may have made over the API.
const MAX_KEYS_PER_OWNER: i64 = 100;

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

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) owner: Owner,
    pub(crate) scopes: Scopes,
}

/// What is shown of a key: everything but the secret, which nobody can have again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// By which it is revoked.
    pub id: Uuid,
    /// Whose pins it is for.
    pub owner: String,
    /// What its maker called it.
    pub name: String,
    /// The header `pinning_api_key`; `None` for keys that an earlier version made.
    pub key: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made, in microseconds since 1970.
    pub created: i64,
}

impl KeyInfo {
    /// When it was made, as a date of RFC 3339.
    #[must_use]
    pub fn created_text(&self) -> String {
        format!("{:.6}", Timestamp::from_microsecond(self.created).unwrap_or_default())
    }
}

/// A key given for this run only.
#[derive(Debug)]
struct Installed {
    key_hash: Hash,
    secret_hash: Hash,
    owner: Owner,
}

/// All keys that are accepted. Those that were created live in the database, where another process may make and revoke
/// them too, and are looked up for each request; installed ones live only here.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    database: Database,
    installed: RwLock<Vec<Installed>>,
}

impl ApiKeys {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, installed: RwLock::default() }
    }

    /// Makes a key that stays valid over restarts.
    pub(crate) fn create(&self, owner: &str, name: &str, scopes: &Scopes) -> Result<(KeyInfo, ApiKey), ServiceError> {
        self.database.write(|transaction| {
            let new_owner = owner_named(transaction, owner)?;
            insert_key(transaction, (new_owner, owner.to_owned()), name, scopes)
        })
    }

    /// Makes a key for the owner of another; `None` if they have [`MAX_KEYS_PER_OWNER`] already.
    pub(crate) fn create_for(
        &self,
        owner: Owner,
        name: &str,
        scopes: &Scopes,
    ) -> Result<Option<(KeyInfo, ApiKey)>, ServiceError> {
        self.database.write(|transaction| {
            let (owner_name, keys): (String, i64) = transaction.query_row(
                "SELECT name, (SELECT count(*) FROM keys WHERE owner = ?1) FROM owners WHERE id = ?1",
                [owner.id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if keys >= MAX_KEYS_PER_OWNER {
                return Ok(None);
            }
            insert_key(transaction, (owner, owner_name), name, scopes).map(Some)
        })
    }

    /// Accepts a given key for this run, instead of any other that was installed for that owner.
    pub(crate) fn install(&self, owner: &str, key: &str, secret: &SecretString) -> Result<(), ServiceError> {
        check_form(key, KEY_BYTES, "the key must be base64 of 16 bytes")?;
        check_form(secret.expose_secret(), SECRET_BYTES, "the secret must be base64 of 32 bytes")?;
        let owner = self.database.write(|transaction| owner_named(transaction, owner))?;
        let new =
            Installed { key_hash: hash(key.as_bytes()), secret_hash: hash(secret.expose_secret().as_bytes()), owner };
        let mut installed = self.installed.write().unwrap_or_else(PoisonError::into_inner);
        installed.retain(|other| other.owner != owner);
        installed.push(new);
        Ok(())
    }

    /// The owner of that name, made if there is none yet.
    pub(crate) fn owner(&self, name: &str) -> Result<Owner, ServiceError> {
        self.database.write(|transaction| owner_named(transaction, name))
    }

    /// All keys that stay valid, or those of one owner; the oldest first.
    /// Whether there is an owner of that name.
    pub(crate) fn has_owner(&self, name: &str) -> Result<bool, ServiceError> {
        let sql = "SELECT 1 FROM owners WHERE name = ?1";
        Ok(self.database.read::<_, rusqlite::Error>(|transaction| transaction.prepare_cached(sql)?.exists([name]))?)
    }

    pub(crate) fn list(&self, owner: Option<Owner>) -> Result<Vec<KeyInfo>, StoreError> {
        self.database.read(|transaction| {
            let mut select = transaction.prepare(
                "SELECT id_shown, owners.name, keys.name, api_key, scopes, created
                 FROM keys JOIN owners ON owners.id = owner WHERE ?1 IS NULL OR owner = ?1 ORDER BY keys.id",
            )?;
            let rows = select.query_map([owner.map(|owner| owner.id)], |row| {
                Ok(KeyInfo {
                    id: Uuid::from_bytes(row.get(0)?),
                    owner: row.get(1)?,
                    name: row.get(2)?,
                    key: row.get(3)?,
                    scopes: Scopes::from_stored(&row.get::<_, String>(4)?),
                    created: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Makes a key invalid from now on; `false` if there is none of that id, or not of that owner.
    pub(crate) fn revoke(&self, id: Uuid, owner: Option<Owner>) -> Result<bool, StoreError> {
        self.database.write(|transaction| {
            let sql = "DELETE FROM keys WHERE id_shown = ?1 AND (?2 IS NULL OR owner = ?2)";
            Ok(transaction.execute(sql, (id.as_bytes(), owner.map(|owner| owner.id)))? == 1)
        })
    }

    /// Whose key and secret these are.
    pub(crate) fn authenticate(&self, key: &[u8], secret: &[u8]) -> Result<Option<Grant>, StoreError> {
        let (key_hash, secret_hash) = (hash(key), hash(secret));
        let installed = self.installed(|other| bool::from(other.key_hash.ct_eq(&key_hash)));
        let found = match installed {
            Some(installed) => Some(installed),
            None => self.stored("key_hash", key_hash)?,
        };
        // Looking up a hash tells nothing about the keys whose hashes are near.
        Ok(found.and_then(|(grant, expected)| bool::from(expected.ct_eq(&secret_hash)).then_some(grant)))
    }

    /// Whose secret this is: by itself it is the bearer token of the Pinning Service API.
    pub(crate) fn authenticate_token(&self, token: &[u8]) -> Result<Option<Grant>, StoreError> {
        let secret_hash = hash(token);
        let installed = self.installed(|other| bool::from(other.secret_hash.ct_eq(&secret_hash)));
        let found = match installed {
            Some(installed) => Some(installed),
            None => self.stored("secret_hash", secret_hash)?,
        };
        Ok(found.and_then(|(grant, expected)| bool::from(expected.ct_eq(&secret_hash)).then_some(grant)))
    }

    fn installed(&self, is_asked: impl Fn(&Installed) -> bool) -> Option<(Grant, Hash)> {
        let installed = self.installed.read().unwrap_or_else(PoisonError::into_inner);
        let found = installed.iter().find(|installed| is_asked(installed))?;
        Some((Grant { owner: found.owner, scopes: Scopes::all() }, found.secret_hash))
    }

    fn stored(&self, column: &'static str, hash: Hash) -> Result<Option<(Grant, Hash)>, StoreError> {
        self.database.read(|transaction| {
            let found = transaction
                .prepare_cached(&format!(
                    "SELECT secret_hash, owners.id, user_id, scopes FROM keys JOIN owners ON owners.id = owner
                     WHERE {column} = ?1"
                ))?
                .query_row([hash], |row| {
                    let owner = Owner { id: row.get(1)?, user_id: Uuid::from_bytes(row.get(2)?) };
                    let scopes = Scopes::from_stored(&row.get::<_, String>(3)?);
                    Ok((Grant { owner, scopes }, row.get(0)?))
                });
            Ok(found.optional()?)
        })
    }
}

fn insert_key(
    transaction: &Transaction<'_>,
    (owner, owner_name): (Owner, String),
    name: &str,
    scopes: &Scopes,
) -> Result<(KeyInfo, ApiKey), ServiceError> {
    let new = ApiKey::random()?;
    let info = KeyInfo {
        id: random_uuid()?,
        owner: owner_name,
        name: name.to_owned(),
        key: Some(new.key.clone()),
        scopes: scopes.clone(),
        created: now_microseconds(),
    };
    transaction.execute(
        "INSERT INTO keys (id_shown, owner, name, api_key, key_hash, secret_hash, scopes, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            info.id.as_bytes(),
            owner.id,
            name,
            &new.key,
            hash(new.key.as_bytes()),
            hash(new.secret.expose_secret().as_bytes()),
            scopes.stored(),
            info.created,
        ),
    )?;
    Ok((info, new))
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

fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (tempfile::TempDir, ApiKeys) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("service.db")).unwrap();
        (dir, ApiKeys::new(database))
    }

    fn create(keys: &ApiKeys, owner: &str) -> ApiKey {
        keys.create(owner, "", &Scopes::all()).unwrap().1
    }

    fn grant_of(keys: &ApiKeys, key: &ApiKey) -> Option<Grant> {
        let secret = key.secret.expose_secret().as_bytes();
        let grant = keys.authenticate(key.key.as_bytes(), secret).unwrap();
        assert_eq!(keys.authenticate_token(secret).unwrap(), grant);
        grant
    }

    #[test]
    fn a_created_key_is_known_after_a_restart_and_has_the_form_that_clients_check() {
        let (_dir, keys) = keys();
        let key = create(&keys, "alice");
        assert_eq!((key.key.len(), key.secret.expose_secret().len()), (24, 44));
        let grant = grant_of(&keys, &key).unwrap();
        let reloaded = ApiKeys::new(keys.database);
        assert_eq!(grant_of(&reloaded, &key), Some(grant));
    }

    #[test]
    fn an_installed_key_replaces_the_one_before_and_keeps_the_owner() {
        let (_dir, keys) = keys();
        let (first, second) = (ApiKey::random().unwrap(), ApiKey::random().unwrap());
        keys.install("home", &first.key, &first.secret).unwrap();
        let grant = grant_of(&keys, &first).unwrap();
        keys.install("home", &second.key, &second.secret).unwrap();
        assert_eq!(grant_of(&keys, &first), None);
        assert_eq!(grant_of(&keys, &second), Some(grant));
    }

    #[test]
    fn a_key_with_the_secret_of_another_is_refused() {
        let (_dir, keys) = keys();
        let (a, b) = (create(&keys, "a"), create(&keys, "b"));
        let mixed = keys.authenticate(a.key.as_bytes(), b.secret.expose_secret().as_bytes());
        assert_eq!(mixed.unwrap(), None);
    }

    #[test]
    fn a_key_of_another_form_cannot_be_installed() {
        let (_dir, keys) = keys();
        let good = ApiKey::random().unwrap();
        assert!(matches!(keys.install("home", "short", &good.secret), Err(ServiceError::InvalidKey(_))));
        assert!(matches!(keys.install("home", &good.key, &"short".into()), Err(ServiceError::InvalidKey(_))));
    }

    #[test]
    fn a_revoked_key_is_refused_and_the_others_stay() {
        let (_dir, keys) = keys();
        let (info, revoked) = keys.create("a", "old", &Scopes::all()).unwrap();
        let kept = create(&keys, "a");
        let other = grant_of(&keys, &create(&keys, "b")).unwrap();
        assert!(!keys.revoke(info.id, Some(other.owner)).unwrap());
        assert!(keys.revoke(info.id, None).unwrap());
        assert!(!keys.revoke(info.id, None).unwrap());
        assert_eq!(grant_of(&keys, &revoked), None);
        assert!(grant_of(&keys, &kept).is_some());
    }

    #[test]
    fn the_database_holds_no_secret() {
        let (dir, keys) = keys();
        let key = create(&keys, "a");
        keys.database.close();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let secret = key.secret.expose_secret().as_bytes();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

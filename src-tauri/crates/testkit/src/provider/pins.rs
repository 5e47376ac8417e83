//! What the service holds.

use holdfast_content::{Cid, multihash_hex};
use serde_json::{Map, Value, json};

/// Go's zero time: "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

const UNPINNED: &str = "unpinNormally";

/// One pin as the API describes it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the API's field of that name")]
pub struct HeldPin {
    pub id: String,
    pub cid: String,
    pub name: Option<String>,
    pub keyvalues: Option<Map<String, Value>>,
    pub size: Option<u64>,
    pub date_pinned: String,
    pub date_unpinned: String,
    pub pinned: bool,
    pub is_pin_by_hash: bool,
    pub is_dir: bool,
    pub status: String,
}

/// All pins of the one account, oldest first.
#[derive(Debug, Default)]
pub struct Pins {
    all: Vec<HeldPin>,
    made: u64,
}

impl Pins {
    /// Adds a settled pin and gives it, to be changed.
    pub fn add(&mut self, cid: &Cid, name: &str) -> &mut HeldPin {
        self.made += 1;
        let at = self.all.len();
        self.all.push(HeldPin {
            id: format!("00000000-0000-4000-8000-{:012}", self.made),
            cid: cid.to_string(),
            name: Some(name.into()).filter(|name: &String| !name.is_empty()),
            keyvalues: None,
            size: None,
            date_pinned: format!(
                "2025-01-{:02}T{:02}:{:02}:{:02}.123456Z",
                1 + self.made / 86_400 % 28,
                self.made / 3_600 % 24,
                self.made / 60 % 60,
                self.made % 60
            ),
            date_unpinned: NEVER.into(),
            pinned: true,
            is_pin_by_hash: false,
            is_dir: false,
            status: "pinned".into(),
        });
        &mut self.all[at]
    }

    /// The pin of that CID, which is its id; made where there is none.
    pub(super) fn get_or_add(&mut self, cid: &Cid) -> &mut HeldPin {
        let id = cid.to_string();
        if let Some(at) = self.all.iter().position(|pin| pin.id == id) {
            return &mut self.all[at];
        }
        let pin = self.add(cid, "");
        pin.id = id;
        pin
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn all(&self) -> &[HeldPin] {
        &self.all
    }

    /// The pin of that id.
    #[must_use]
    pub fn get(&mut self, id: &str) -> Option<&mut HeldPin> {
        self.all.iter_mut().find(|pin| pin.id == id)
    }

    /// Removes the pins for which `gone` is true, without history.
    pub fn remove(&mut self, mut gone: impl FnMut(&HeldPin) -> bool) {
        self.all.retain(|pin| !gone(pin));
    }

    /// The ids, sorted.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.all.iter().map(|pin| pin.id.clone()).collect();
        ids.sort();
        ids
    }
}

impl HeldPin {
    /// The service has come to this status with it.
    pub fn settle_as(&mut self, status: &str) {
        self.pinned = status == "pinned";
        self.status = status.into();
    }

    /// Whether its owner has removed it.
    #[must_use]
    pub fn is_unpinned(&self) -> bool {
        self.status == UNPINNED
    }

    pub(super) fn unpin(&mut self) {
        self.pinned = false;
        self.status = UNPINNED.into();
        self.date_unpinned = "2026-01-01T00:00:00Z".into();
    }

    pub(super) fn json(&self) -> Value {
        let root_hash = Cid::try_from(self.cid.as_str()).map(|cid| multihash_hex(&cid)).unwrap_or_default();
        json!({
            "id": self.id,
            "file_record_id": "00000000-0000-0000-0000-000000000000",
            "root_hash": root_hash,
            "cid": self.cid,
            "size": self.size,
            "user_id": "c2452942-5dc5-4a0d-9c38-77a66edcf43a",
            "date_pinned": self.date_pinned,
            "date_unpinned": self.date_unpinned,
            "pinned": self.pinned,
            "is_pin_by_hash": self.is_pin_by_hash,
            "is_dir": self.is_dir,
            "metadata": { "name": self.name, "keyvalues": self.keyvalues },
            "status": self.status,
        })
    }
}

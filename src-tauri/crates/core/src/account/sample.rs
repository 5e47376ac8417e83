//! What a check of an account pins for itself: a file that exists only here, or a tiny CID that everybody has.
//!
//! How its pins are recognised again is in here too: a check that was cut off left some behind.

use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_content::{Cid, Profile, same_content};
use serde::{Deserialize, Serialize};

use crate::{
    content::{HashingPool, Identification, Identified, Limits, Plan, Progress, Sent, UploadBody, plan_below},
    disk::{Entries, EntryKind, Fingerprint, Identity, OpenFile, Opened, Place, Root, Stat},
    error::Error,
    ids::PinId,
    pin::{Metadata, ProviderPin},
};

/// What the pins of checks are called, before the check's own id.
const NAME: &str = "holdfast-check-";

/// The key of their metadata; its value is the check's id.
const KEY: &str = "holdfast-check";

/// Longer than the largest chunk of any profile, so that each gives another CID.
const SAMPLE_BYTES: usize = (1 << 20) + 50_000;

/// Content that is so small, and so well known, that asking for it costs nobody anything: the empty directory, the empty
/// block, and the empty file.
const TINY: [&str; 3] = [
    "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
    "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
];

/// What the pins of one check are known by. Written down before the first of them is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The check's id.
    id: String,
    /// The CIDs that its content may have.
    cids: Vec<String>,
    /// Whether nobody else has that content.
    is_unique: bool,
    /// The pins that the service is known to have made.
    pub(super) made: Vec<PinId>,
}

impl Mark {
    pub(super) fn new(id: String, cids: &[Cid], is_unique: bool) -> Self {
        Self { id, cids: cids.iter().map(ToString::to_string).collect(), is_unique, made: Vec::new() }
    }

    /// The name that its pins get.
    pub(super) fn name(&self) -> String {
        format!("{NAME}{}.txt", self.id)
    }

    /// The name that they get when they are renamed.
    pub(super) fn other_name(&self) -> String {
        format!("{NAME}{}-renamed.txt", self.id)
    }

    /// Their metadata.
    pub(super) fn metadata(&self) -> Metadata {
        Metadata::from([(KEY.into(), self.id.clone())])
    }

    /// Notes a pin that the service made, and what it calls the content.
    pub(super) fn take(&mut self, pin: &ProviderPin) {
        if !self.made.contains(&pin.id) {
            self.made.push(pin.id.clone());
        }
        if !self.cids().iter().any(|cid| same_content(cid, &pin.cid)) {
            self.cids.push(pin.cid.to_string());
        }
    }

    /// The CIDs that its content may have.
    pub(super) fn cids(&self) -> Vec<Cid> {
        self.cids.iter().filter_map(|text| Cid::try_from(text.as_str()).ok()).collect()
    }

    /// Whether this check made the pin.
    pub(super) fn is_on(&self, pin: &ProviderPin) -> bool {
        self.made.contains(&pin.id) && self.has_content(pin) || self.shows_on(pin)
    }

    /// Whether the pin itself shows that this check made it. Long after the check an id proves nothing: services that have one
    /// pin for a CID give it to whoever pins the CID next.
    pub(super) fn shows_on(&self, pin: &ProviderPin) -> bool {
        let has_name = pin.name.as_ref().is_some_and(|name| *name == self.name() || *name == self.other_name());
        let has_content = self.has_content(pin);
        has_name && (has_content || is_left_behind(pin)) || has_content && self.is_unique
    }

    fn has_content(&self, pin: &ProviderPin) -> bool {
        self.cids().iter().any(|cid| same_content(cid, &pin.cid))
    }
}

/// Whether the pin is one that some check made, by its name and metadata.
pub(super) fn is_left_behind(pin: &ProviderPin) -> bool {
    let (Some(name), Some(id)) = (&pin.name, pin.metadata.get(KEY)) else { return false };
    let mark = Mark::new(id.clone(), &[], false);
    *name == mark.name() || *name == mark.other_name()
}

/// Content that everybody has.
pub(super) fn tiny_cids() -> impl Iterator<Item = Cid> {
    TINY.iter().filter_map(|text| Cid::try_from(*text).ok())
}

/// A file that exists only in memory, and nowhere else.
pub(super) struct Sample {
    pool: HashingPool,
    plan: Arc<Plan>,
}

impl Sample {
    /// The file of the check with that id.
    ///
    /// # Errors
    /// None, but for defects.
    pub(super) fn new(id: &str, pool: HashingPool) -> Result<Self, Error> {
        let mut text = String::with_capacity(SAMPLE_BYTES + 200);
        text.push_str("Holdfast checks what this service can do, and removes this file when it has.\n");
        for line in 0_u32.. {
            if text.len() >= SAMPLE_BYTES {
                break;
            }
            writeln!(text, "{id} {line}").map_err(|_| Error::Internal)?;
        }
        let path = PathBuf::from(format!("{NAME}{id}.txt"));
        let root = Arc::new(OneFile { name: path.clone(), bytes: text.into_bytes().into() });
        let plan = Arc::new(plan_below(root, &Place { root: PathBuf::new(), below: path }, Limits::LEAST)?);
        Ok(Self { pool, plan })
    }

    /// Its CIDs under every profile. Blocks.
    pub(super) fn identify(&self) -> Result<Vec<Identified>, Error> {
        Identification::new(self.pool.clone()).identify(&self.plan, &Profile::ALL)
    }

    /// A body that sends it.
    pub(super) fn body(&self) -> (UploadBody, Sent) {
        let plan = Arc::clone(&self.plan);
        UploadBody::new(self.pool.clone(), plan, Profile::ALL.to_vec(), Progress::default())
    }
}

/// A directory with one file in it.
#[derive(Debug)]
struct OneFile {
    name: PathBuf,
    bytes: Arc<[u8]>,
}

impl OneFile {
    fn stat_of(bytes: &[u8]) -> Stat {
        Stat { kind: EntryKind::File, fingerprint: Fingerprint { bytes: bytes.len() as u64, ..Fingerprint::default() } }
    }

    fn find(&self, below: &Path) -> io::Result<&Arc<[u8]>> {
        if below == self.name { Ok(&self.bytes) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

impl Root for OneFile {
    fn identity(&self) -> io::Result<Identity> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn stat(&self, below: &Path) -> io::Result<Stat> {
        Ok(Self::stat_of(self.find(below)?))
    }

    fn read_directory(&self, _below: &Path) -> io::Result<Entries> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn read_link(&self, _below: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn open(&self, below: &Path) -> io::Result<Opened> {
        let bytes = Arc::clone(self.find(below)?);
        Ok(Opened { stat: Self::stat_of(&bytes), file: Box::new(InMemory(bytes)) })
    }

    fn root(&self, _below: &Path) -> io::Result<Arc<dyn Root>> {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

struct InMemory(Arc<[u8]>);

impl OpenFile for InMemory {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let bytes = left.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&left[..bytes]);
        Ok(bytes)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(OneFile::stat_of(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        content::Urgency,
        pin::{LeftOut, PinStatus},
    };

    fn pin(id: &str, cid: Cid, name: Option<String>, metadata: Metadata) -> ProviderPin {
        ProviderPin {
            id: PinId(id.into()),
            cid,
            name,
            bytes: None,
            status: PinStatus::Pinned,
            raw_status: String::new(),
            message: None,
            is_directory: false,
            pinned_at: None,
            metadata,
            left_out: LeftOut::NOTHING,
        }
    }

    #[test]
    fn the_sample_has_another_cid_under_every_profile_and_for_every_check() {
        let pool = HashingPool::start(Urgency::Foreground).unwrap();
        let mut cids: Vec<_> = ["a", "b"]
            .iter()
            .flat_map(|id| Sample::new(id, pool.clone()).unwrap().identify().unwrap())
            .map(|one| one.link.cid.to_string())
            .collect();
        cids.sort();
        cids.dedup();
        assert_eq!(cids.len(), 2 * Profile::ALL.len());
    }

    #[test]
    fn a_check_knows_its_own_pins_and_no_others() {
        let [empty, other] = [0, 1].map(|n| tiny_cids().nth(n).unwrap());
        let mut mark = Mark::new("id".into(), &[empty], false);
        let named = |cid| pin("1", cid, Some(mark.name()), mark.metadata());
        assert!(mark.is_on(&named(empty)) && is_left_behind(&named(empty)));
        assert!(mark.is_on(&pin("1", empty, Some(mark.other_name()), Metadata::new())));
        assert!(!mark.is_on(&pin("1", other, Some(mark.name()), Metadata::new())));
        assert!(!is_left_behind(&pin("1", empty, Some(mark.name()), Metadata::new())));
        assert!(!is_left_behind(&pin("1", empty, Some("mine".into()), mark.metadata())));
        assert!(!mark.is_on(&pin("1", empty, None, Metadata::new())), "somebody else's empty directory");
        mark.made.push(PinId("1".into()));
        assert!(mark.is_on(&pin("1", empty, None, Metadata::new())));
        assert!(!mark.is_on(&pin("1", other, None, Metadata::new())), "its id was given to another pin");
        assert!(Mark::new("id".into(), &[empty], true).is_on(&pin("1", empty, None, Metadata::new())));
    }

    #[test]
    fn every_tiny_cid_is_one() {
        assert_eq!(tiny_cids().count(), TINY.len());
    }
}

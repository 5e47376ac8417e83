//! Random files and trees for comparisons with other software, made again from their seed.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use sha2::{Digest, Sha256};

/// Names the seed of all random trees, for seeing a failure again.
const SEED: &str = "HOLDFAST_SEED";

/// Lengths of files around the chunk sizes of the named profiles.
pub const CHUNK_LIMITS: [u64; 10] =
    [0, 1, 262_143, 262_144, 262_145, 1_048_575, 1_048_576, 1_048_577, 2_097_152, 3_500_000];

/// Lengths around those of a profile of tiny chunks.
pub const TINY_LIMITS: [u64; 10] = [0, 1, 15, 16, 17, 48, 49, 144, 145, 2_000];

/// For each named profile, how many names of which length make the largest directory that is not sharded.
pub const AT_SHARD_THRESHOLD: [(&str, usize, usize); 3] = [
    // A CIDv0 of 34 bytes and the name.
    ("unixfs-v0-2015", 4_096, 30),
    // 4 bytes for the directory itself, 44 and the name for each entry.
    ("unixfs-v1-2025", 4_369, 16),
    // A CIDv1 of 36 bytes and the name.
    ("kubo-cidv1-256k-174", 4_096, 28),
];

/// Names that sort, compare or print in surprising ways.
const AWKWARD_NAMES: [&str; 22] = [
    "\u{ff5e}", // before U+1F600 in UTF-8, behind it in UTF-16
    "\u{1f600}",
    "caf\u{e9}",
    "cafe\u{301}",
    ".hidden",
    "..still hidden",
    " outer spaces ",
    "A",
    "a",
    "a b",
    "a-b",
    "a.b",
    "a\\b",
    "\"q'uoted\"",
    "#hash?query=%41",
    "%2F",
    "^caret",
    "line\nbreak",
    "\u{202e}txt",
    "日本語",
    "-rf",
    "0",
];

/// A stream of choices that a seed determines.
#[derive(Debug)]
pub struct Random(ChaCha20);

impl Random {
    /// The stream of `seed` for one purpose.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self(ChaCha20::new(&Sha256::digest(format!("{seed} {purpose}")), &[0; 12].into()))
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes) % limit
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, several: &'a [T]) -> &'a T {
        // Below the length of something in memory.
        &several[self.below(several.len() as u64) as usize]
    }

    /// Noise.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
        self.0.apply_keystream(bytes);
    }

    /// A name of letters, digits and signs, now and then as long as a file system takes.
    pub fn name(&mut self) -> String {
        let length = if self.below(20) == 0 { 255 } else { 1 + self.below(24) };
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,;!~()[]{}";
        (0..length).map(|_| char::from(*self.pick(letters))).collect()
    }
}

/// The seed of this run, which a failure names: that of `HOLDFAST_SEED`, else the time.
///
/// # Errors
///
/// When the variable is no number.
pub fn seed(test: &str) -> Result<u64> {
    let seed = match std::env::var(SEED) {
        Ok(seed) => seed.parse()?,
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    crate::say(&format!("{test}: {SEED}={seed}"));
    Ok(seed)
}

/// What a random tree may hold.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Lengths of files, to choose from.
    pub lengths: &'static [u64],
    /// Bytes of all files together, about.
    pub bytes: u64,
    /// Symlinks and empty directories.
    pub other_kinds: bool,
}

/// Makes a random directory at `root`, which must not exist, with at least two entries.
///
/// # Errors
///
/// When the disk does not take it.
pub fn grow(root: &Path, random: &mut Random, growth: Growth) -> Result<()> {
    fs::create_dir(root)?;
    let mut directories = vec![root.to_owned()];
    let mut left = growth.bytes;
    write_noise(&root.join("first"), random, 3)?;
    for _ in 0..8 + random.below(40) {
        let parent = random.pick(&directories).clone();
        let awkward = random.below(2) == 0;
        let name = if awkward { (*random.pick(&AWKWARD_NAMES)).to_owned() } else { random.name() };
        let path = parent.join(name);
        // There may be one of this name already.
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match random.below(8) {
            0 | 1 if growth.other_kinds || directories.len() < 3 => {
                fs::create_dir(&path)?;
                if !growth.other_kinds {
                    write_noise(&path.join("inside"), random, 7)?;
                }
                directories.push(path);
            }
            2 if growth.other_kinds => symlink(target(random), &path)?,
            _ => {
                let length = (*random.pick(growth.lengths)).min(left);
                left -= length;
                write_noise(&path, random, length)?;
            }
        }
    }
    Ok(())
}

/// Makes a directory of one file of one letter under many names: so many of each length.
///
/// # Errors
///
/// When the disk does not take it.
pub fn fill_with_names(root: &Path, counts: &[(usize, usize)]) -> Result<()> {
    fs::create_dir(root)?;
    let mut first = None;
    for &(count, length) in counts {
        for index in 0..count {
            let path = root.join(format!("{index:0length$}"));
            // Far quicker than a file each.
            match &first {
                Some(first) => fs::hard_link(first, &path)?,
                None => {
                    fs::write(&path, "x")?;
                    first = Some(path);
                }
            }
        }
    }
    Ok(())
}

/// Writes `length` random bytes.
///
/// # Errors
///
/// When the disk does not take them.
pub fn write_noise(path: &Path, random: &mut Random, length: u64) -> Result<()> {
    let mut bytes = vec![0; usize::try_from(length)?];
    random.fill(&mut bytes);
    Ok(File::create_new(path)?.write_all(&bytes)?)
}

/// Where a symlink points: mostly nowhere.
fn target(random: &mut Random) -> PathBuf {
    match random.below(4) {
        0 => "first".into(),
        1 => "../\u{1f600}/cafe\u{301}".into(),
        2 => ".".into(),
        _ => PathBuf::from("/").join(random.name()),
    }
}

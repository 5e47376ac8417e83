//! Content to pin: that of the shared CID vectors, and noise of any length.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use serde_json::Value;
use sha2::{Digest, Sha256};

const VECTORS: &str = include_str!("../../src-tauri/crates/content/tests/cid-vectors.json");
const BLOCK: usize = 1 << 20;

/// A file or directory with known CIDs.
#[derive(Clone, Debug)]
pub struct Vector(Value);

impl Vector {
    /// The vector of this id.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn named(id: &str) -> Result<Self> {
        let all: Value = serde_json::from_str(VECTORS)?;
        let found = all["vectors"].as_array().into_iter().flatten().find(|vector| vector["id"] == id);
        Ok(Self(found.with_context(|| format!("no vector {id}"))?.clone()))
    }

    /// Its CID under a profile.
    ///
    /// # Errors
    ///
    /// When the vectors do not say.
    pub fn cid(&self, profile: &str) -> Result<String> {
        Ok(self.0["cids"][profile]["cid"].as_str().with_context(|| format!("no CID under {profile}"))?.to_owned())
    }

    /// Makes the file or directory at `path`.
    ///
    /// # Errors
    ///
    /// When the disk does not take it, or the vector has a kind of entry that is not known here.
    pub fn write(&self, path: &Path) -> Result<()> {
        if self.0["kind"] == "file" {
            return write_recipe(&self.0, path);
        }
        fs::create_dir_all(path)?;
        for entry in self.0["entries"].as_array().context("a directory without entries")? {
            let place = path.join(entry["path"].as_str().context("an entry without path")?);
            if entry["dir"] == true {
                fs::create_dir_all(&place)?;
            } else {
                fs::create_dir_all(place.parent().context("an entry at the root")?)?;
                write_recipe(entry, &place)?;
            }
        }
        Ok(())
    }
}

/// Writes `bytes` of noise that nobody else has for this seed.
///
/// # Errors
///
/// When the disk does not take it.
pub fn write_noise(path: &Path, seed: &str, bytes: u64) -> Result<()> {
    let mut cipher = ChaCha20::new(&Sha256::digest(seed), &[0; 12].into());
    let mut file = BufWriter::with_capacity(BLOCK, File::create(path)?);
    let mut left = bytes;
    let mut block = vec![0; BLOCK];
    while left > 0 {
        let length = usize::try_from(left.min(BLOCK as u64))?;
        block.fill(0);
        cipher.apply_keystream(&mut block[..length]);
        file.write_all(&block[..length])?;
        left -= length as u64;
    }
    Ok(file.flush()?)
}

fn write_recipe(recipe: &Value, path: &Path) -> Result<()> {
    let bytes = recipe["size"].as_u64().context("a file without size")?;
    let content = recipe["content"].as_str().context("a file without content")?;
    match content.split_once(':') {
        Some(("text", text)) => fs::write(path, text)?,
        Some(("chacha20", seed)) => write_noise(path, seed, bytes)?,
        None if content == "zeros" => File::create(path)?.set_len(bytes)?,
        _ => anyhow::bail!("a recipe that is not known: {content}"),
    }
    Ok(())
}

/// Writes a folder of so many files that do not repeat, `bytes` in all, a hundred in each folder below it.
///
/// # Errors
///
/// When the disk does not take it.
pub fn write_folder(folder: &Path, files: usize, bytes: usize) -> Result<()> {
    let mut cipher = ChaCha20::new(&Sha256::digest("folder"), &[0; 12].into());
    let mut content = vec![0; bytes / files];
    for number in 0..files {
        let below = folder.join(format!("{:04}", number / 100));
        if number % 100 == 0 {
            fs::create_dir_all(&below)?;
        }
        cipher.apply_keystream(&mut content);
        fs::write(below.join(format!("{number:06}.bin")), &content)?;
    }
    Ok(())
}

//! Proof without knowing the profile, against layouts that npm `ipfs-unixfs-importer` made: proven from the inner nodes
//! alone, and every difference located to the byte.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use holdfast_content::car::CarIndex;
use holdfast_content::{BlockSource, Cid, FileReader, ProofLimits, Proven, Verdict, prove_file};
use holdfast_tests::node::Scripts;
use holdfast_tests::trees::{self, Random};
use serde_json::{Value, json};

/// Of the file's bytes, the most that a proof may fetch.
const MAX_FETCHED: f64 = 0.001;

const FILE_BYTES: u64 = 64 << 20;

/// An archive that counts what is taken from it.
struct Counting {
    archive: CarIndex,
    blocks: Cell<u64>,
    bytes: Cell<u64>,
}

impl BlockSource for Counting {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        let block = self.archive.get(cid)?;
        self.blocks.set(self.blocks.get() + 1);
        self.bytes.set(self.bytes.get() + block.as_ref().map_or(0, |block| block.len() as u64));
        Ok(block)
    }
}

/// A file as the importer laid it out.
struct Imported {
    root: Cid,
    source: Counting,
}

impl Imported {
    fn prove(&self, local: &[u8]) -> Result<Proven> {
        self.source.blocks.set(0);
        self.source.bytes.set(0);
        let proven = prove_file(&local, &self.root, &self.source, ProofLimits::default())?;
        ensure!(proven.fetched_blocks == self.source.blocks.get(), "{proven:?}");
        ensure!(proven.fetched_bytes == self.source.bytes.get(), "{proven:?}");
        Ok(proven)
    }
}

/// Imports one file under several options, one archive each, and shows each to `see`.
fn import_each(
    scripts: &Scripts,
    file: &Path,
    layouts: &[Value],
    mut see: impl FnMut(&Value, Imported) -> Result<()>,
) -> Result<()> {
    let place = tempfile::tempdir()?;
    let car = |index: usize| place.path().join(format!("{index}.car"));
    let jobs = layouts.iter().enumerate();
    let jobs: Vec<_> =
        jobs.map(|(index, options)| json!({ "path": file, "options": options, "car": car(index) })).collect();
    let roots: Vec<String> = serde_json::from_value(scripts.ask("import.mjs", &Value::Array(jobs))?)?;
    ensure!(roots.len() == layouts.len());
    for (index, (options, root)) in layouts.iter().zip(roots).enumerate() {
        let archive = CarIndex::open(File::open(car(index))?)?;
        let source = Counting { archive, blocks: Cell::new(0), bytes: Cell::new(0) };
        see(options, Imported { root: root.parse()?, source }).with_context(|| format!("under {options}"))?;
        fs::remove_file(car(index))?;
    }
    Ok(())
}

/// Layouts of chunks that are neither tiny nor all the same.
fn sane_layouts() -> Vec<Value> {
    let rabin = json!({ "rabin": { "minChunkSize": 87_381, "avgChunkSize": 262_144, "maxChunkSize": 393_216 } });
    let fixed = |bytes: u32| json!({ "fixedSize": { "chunkSize": bytes } });
    let balanced = |links: u32| json!({ "balanced": { "maxChildrenPerNode": links } });
    vec![
        json!({ "profile": "unixfs-v0-2015" }),
        json!({ "profile": "unixfs-v1-2025" }),
        json!({ "chunker": rabin }),
        json!({ "chunker": rabin, "layout": { "trickle": {} } }),
        json!({ "chunker": rabin, "layout": { "flat": {} }, "rawLeaves": false, "cidVersion": 0 }),
        json!({ "layout": { "trickle": { "maxChildrenPerNode": 11, "layerRepeat": 2 } } }),
        json!({ "layout": { "trickle": {} }, "rawLeaves": false, "leafType": "raw", "cidVersion": 0 }),
        json!({ "chunker": fixed(100_000), "layout": balanced(7) }),
        json!({ "chunker": fixed(99_991), "layout": balanced(13), "rawLeaves": false, "leafType": "raw" }),
        json!({ "chunker": fixed(131_071), "layout": balanced(2), "rawLeaves": false, "leafType": "file" }),
        json!({ "chunker": fixed(2_096_128), "rawLeaves": false, "fieldOrder": "data-first" }),
        json!({ "chunker": fixed(2_097_152), "layout": balanced(4) }),
    ]
}

#[test]
fn a_large_file_is_proven_under_every_layout_with_a_thousandth_of_it_fetched() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let mut random = Random::new(trees::seed("large file")?, "large file");
    let place = tempfile::tempdir()?;
    let path = place.path().join("file");
    trees::write_noise(&path, &mut random, FILE_BYTES)?;
    let mut bytes = fs::read(&path)?;
    import_each(&scripts, &path, &sane_layouts(), |options, imported| {
        let proven = imported.prove(&bytes)?;
        let part = proven.fetched_bytes as f64 / FILE_BYTES as f64;
        holdfast_tests::say(&format!(
            "proven with {:>2} blocks, {:>6} bytes, {:.4} % of the file: {options}",
            proven.fetched_blocks,
            proven.fetched_bytes,
            part * 100.0,
        ));
        assert_eq!(proven.verdict, Verdict::Equal);
        assert!(part <= MAX_FETCHED, "{} bytes fetched", proven.fetched_bytes);
        for at in [0, FILE_BYTES - 1, random.below(FILE_BYTES)] {
            let place = usize::try_from(at)?;
            let bit = 1 << random.below(8);
            bytes[place] ^= bit;
            assert_eq!(imported.prove(&bytes)?.verdict, Verdict::DiffersFrom(at));
            bytes[place] ^= bit;
        }
        let one_short = &bytes[..bytes.len() - 1];
        assert_eq!(imported.prove(one_short)?.verdict, Verdict::DiffersFrom(FILE_BYTES - 1));
        bytes.push(0);
        assert_eq!(imported.prove(&bytes)?.verdict, Verdict::DiffersFrom(FILE_BYTES));
        bytes.pop();
        Ok(())
    })
}

/// Options that nobody would choose, for files of few bytes.
fn any_layout(random: &mut Random, length: u64) -> Value {
    let chunk_bytes = 1 + random.below(300);
    let chunker = match random.below(3) {
        // The importer's rabin chunker finds no chunk in an empty file, and then there is no root.
        0 if length > 0 => {
            json!({ "rabin": { "minChunkSize": 16 + random.below(40), "avgChunkSize": 64 + random.below(200),
            "maxChunkSize": 264 + random.below(300) } })
        }
        _ => json!({ "fixedSize": { "chunkSize": chunk_bytes } }),
    };
    let links = 2 + random.below(9);
    let layout = match random.below(5) {
        0 => json!({ "flat": {} }),
        1 | 2 => json!({ "trickle": { "maxChildrenPerNode": links, "layerRepeat": 1 + random.below(4) } }),
        _ => json!({ "balanced": { "maxChildrenPerNode": links } }),
    };
    json!({
        "chunker": chunker,
        "layout": layout,
        "rawLeaves": random.below(2) == 0,
        "leafType": random.pick(&["file", "raw"]),
        "cidVersion": random.below(2),
        "reduceSingleLeafToSelf": random.below(2) == 0,
        "fieldOrder": random.pick(&["links-first", "data-first"]),
    })
}

fn first_difference(ours: &[u8], theirs: &[u8]) -> Verdict {
    let shorter = ours.len().min(theirs.len());
    match ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs) {
        Some(at) => Verdict::DiffersFrom(at as u64),
        None if ours.len() == theirs.len() => Verdict::Equal,
        None => Verdict::DiffersFrom(shorter as u64),
    }
}

#[test]
fn any_layout_of_any_file_is_read_and_proven_and_any_difference_is_located() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let mut random = Random::new(trees::seed("any layout")?, "any layout");
    let place = tempfile::tempdir()?;
    for length in [0, 1, 2, 100, 5_000, random.below(20_000), random.below(20_000), random.below(20_000)] {
        let path = place.path().join("file");
        trees::write_noise(&path, &mut random, length)?;
        let bytes = fs::read(&path)?;
        let layouts: Vec<_> = (0..24).map(|_| any_layout(&mut random, length)).collect();
        import_each(&scripts, &path, &layouts, |_, imported| {
            assert_eq!(imported.prove(&bytes)?.verdict, Verdict::Equal);
            let read = FileReader::open(&imported.source, &imported.root)?.collect::<Result<Vec<_>, _>>()?;
            assert!(read.concat() == bytes, "read back as something else");
            let mut others = vec![[&bytes[..], &[0]].concat(), bytes.repeat(2), Vec::new()];
            for _ in 0..4 {
                if bytes.is_empty() {
                    break;
                }
                let at = usize::try_from(random.below(length))?;
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << random.below(8);
                others.push(flipped);
                others.push(bytes[..at].to_vec());
                // Everything behind is in another place.
                others.push([&bytes[..at], &bytes[at + 1..]].concat());
            }
            for other in others {
                assert_eq!(imported.prove(&other)?.verdict, first_difference(&other, &bytes), "{} bytes", other.len());
            }
            Ok(())
        })?;
        fs::remove_file(&path)?;
    }
    Ok(())
}

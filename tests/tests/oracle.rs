//! CIDs compared with those that other people's software gives the same random files and trees: npm `ipfs-unixfs-importer`
//! and `ipfs-car`, in `tests/oracle`. Where those are known to differ, the specification wins and a test says so.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use holdfast_content::car::CarIndex;
use holdfast_content::{BlockSink, Cid, Profile, WalkLimits, child_cids, list_directory, verify};
use holdfast_tests::identity;
use holdfast_tests::node::Scripts;
use holdfast_tests::trees::{self, AT_SHARD_THRESHOLD, CHUNK_LIMITS, Growth, Random, TINY_LIMITS};
use serde_json::{Value, json};

/// Links of a shard, at most.
const SHARD_SLOTS: usize = 256;

/// A profile, and the same as the importer's options.
struct Layout {
    profile: Profile,
    options: Value,
}

fn named_layouts() -> Vec<Layout> {
    let kubo = json!({ "cidVersion": 1, "rawLeaves": true, "shardSplitStrategy": "links-bytes",
        "chunker": { "fixedSize": { "chunkSize": 262_144 } }, "layout": { "balanced": { "maxChildrenPerNode": 174 } } });
    vec![
        Layout { profile: Profile::UNIXFS_V0_2015, options: json!({ "profile": "unixfs-v0-2015" }) },
        Layout { profile: Profile::UNIXFS_V1_2025, options: json!({ "profile": "unixfs-v1-2025" }) },
        Layout { profile: Profile::KUBO_CIDV1_256K_174, options: kubo },
    ]
}

/// Layouts that make deep trees of small files.
fn tiny_layouts() -> Vec<Layout> {
    let mut layouts = named_layouts();
    for layout in &mut layouts {
        layout.profile = layout.profile.custom(16, 3);
        layout.options["chunker"] = json!({ "fixedSize": { "chunkSize": 16 } });
        layout.options["layout"] = json!({ "balanced": { "maxChildrenPerNode": 3 } });
    }
    layouts
}

fn our_cids(path: &Path, layouts: &[Layout]) -> Result<Vec<String>> {
    let profiles: Vec<_> = layouts.iter().map(|layout| layout.profile).collect();
    identity::cids(path, &profiles)
}

/// Keeps the last block, which is the root.
#[derive(Default)]
struct Last(Vec<u8>);

impl BlockSink for Last {
    fn put(&mut self, _: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        self.0 = parts.concat();
        Ok(())
    }
}

/// Links of the root that we give a directory: as many as entries, or at most [`SHARD_SLOTS`].
fn root_links(path: &Path, layout: &Layout) -> Result<usize> {
    let mut last = Last::default();
    let identified = identity::identified(path, &[layout.profile], &mut last)?;
    Ok(child_cids(&identified[0].link.cid, &last.0)?.len())
}

/// The importer's CIDs of each path under each layout.
fn their_cids(scripts: &Scripts, paths: &[PathBuf], layouts: &[Layout]) -> Result<Vec<Vec<String>>> {
    let jobs: Vec<_> = paths
        .iter()
        .flat_map(|path| layouts.iter().map(move |layout| json!({ "path": path, "options": layout.options })))
        .collect();
    let cids: Vec<String> = serde_json::from_value(scripts.ask("import.mjs", &Value::Array(jobs))?)?;
    ensure!(cids.len() == paths.len() * layouts.len());
    Ok(cids.chunks(layouts.len()).map(<[_]>::to_vec).collect())
}

fn assert_same_cids(scripts: &Scripts, paths: &[PathBuf], layouts: &[Layout]) -> Result<()> {
    for (path, theirs) in paths.iter().zip(their_cids(scripts, paths, layouts)?) {
        assert_eq!(our_cids(path, layouts)?, theirs, "{}", path.display());
    }
    Ok(())
}

/// The root that `ipfs-car pack` gives a path, and its archive.
fn pack(scripts: &Scripts, path: &Path, archive: &Path) -> Result<(Cid, CarIndex)> {
    let arguments = ["pack", "--hidden", "--no-wrap", "--output"].map(Path::new);
    let printed = scripts.run("node_modules/ipfs-car/bin.js", &[&arguments[..], &[archive, path]].concat())?;
    let root: Cid = printed.trim().parse()?;
    Ok((root, CarIndex::open(File::open(archive)?)?))
}

#[test]
fn files_of_lengths_around_chunk_limits_have_the_importers_cids() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let mut random = Random::new(trees::seed("files")?, "files");
    let place = tempfile::tempdir()?;
    for (kind, limits, layouts) in [("named", CHUNK_LIMITS, named_layouts()), ("tiny", TINY_LIMITS, tiny_layouts())] {
        let mut paths = Vec::new();
        for (index, length) in limits.into_iter().chain([random.below(5_000), random.below(5_000)]).enumerate() {
            let path = place.path().join(format!("{kind} {index} {length}"));
            trees::write_noise(&path, &mut random, length)?;
            paths.push(path);
        }
        assert_same_cids(&scripts, &paths, &layouts)?;
    }
    Ok(())
}

#[test]
fn random_trees_have_the_importers_cids() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let mut random = Random::new(trees::seed("trees")?, "trees");
    let large = Growth { lengths: &CHUNK_LIMITS, bytes: 8 << 20, other_kinds: true };
    let small = Growth { lengths: &TINY_LIMITS, bytes: 20_000, other_kinds: true };
    for (growth, layouts, count) in [(large, named_layouts(), 4), (small, tiny_layouts(), 12)] {
        let place = tempfile::tempdir()?;
        let mut paths = Vec::new();
        for index in 0..count {
            let path = place.path().join(format!("{index}"));
            trees::grow(&path, &mut random, growth)?;
            paths.push(path);
        }
        assert_same_cids(&scripts, &paths, &layouts)?;
    }
    Ok(())
}

#[test]
fn a_directory_is_sharded_from_one_byte_above_the_threshold_on() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let place = tempfile::tempdir()?;
    for (layout, (profile, count, length)) in named_layouts().into_iter().zip(AT_SHARD_THRESHOLD) {
        assert_eq!(layout.profile.name(), profile);
        let at = place.path().join(format!("{} at", layout.profile));
        let above = place.path().join(format!("{} above", layout.profile));
        trees::fill_with_names(&at, &[(count, length)])?;
        trees::fill_with_names(&above, &[(count - 1, length), (1, length + 1)])?;
        assert_same_cids(&scripts, &[at.clone(), above.clone()], std::slice::from_ref(&layout))?;
        assert_eq!(root_links(&at, &layout)?, count);
        assert!(root_links(&above, &layout)? <= SHARD_SLOTS);
    }
    Ok(())
}

/// The importer measures a directory while its subdirectories have no CID yet and counts those as nothing. IPIP-499 counts
/// every link.
#[test]
fn many_subdirectories_are_sharded_though_the_importer_does_not() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let place = tempfile::tempdir()?;
    let path = place.path().join("many");
    fs::create_dir(&path)?;
    for index in 0..5_000 {
        let inner = path.join(format!("subdirectory {index:06}"));
        fs::create_dir(&inner)?;
        fs::write(inner.join("x"), "x")?;
    }
    let layouts = named_layouts();
    let ours = our_cids(&path, &layouts)?;
    let theirs = their_cids(&scripts, std::slice::from_ref(&path), &layouts)?.swap_remove(0);
    for (layout, (ours, theirs)) in layouts.iter().zip(ours.iter().zip(&theirs)) {
        assert_ne!(ours, theirs, "{}: the importer counts subdirectories now", layout.profile);
        assert!(root_links(&path, layout)? <= SHARD_SLOTS, "{}", layout.profile);
    }
    Ok(())
}

/// The importer takes `\/` for a slash inside a name, so that a directory whose name ends in a backslash and its content
/// become one entry. In UnixFS a name is any bytes without a slash.
#[test]
fn a_directorys_name_may_end_in_a_backslash_though_not_in_the_importer() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let place = tempfile::tempdir()?;
    let path = place.path().join("top");
    fs::create_dir_all(path.join("back\\"))?;
    fs::write(path.join("back\\/file"), "x")?;
    let layouts = named_layouts();
    let theirs = their_cids(&scripts, std::slice::from_ref(&path), &layouts)?;
    for (ours, theirs) in our_cids(&path, &layouts)?.iter().zip(&theirs[0]) {
        assert_ne!(ours, theirs, "the importer keeps such names now");
    }
    Ok(())
}

#[test]
fn ipfs_car_packs_files_and_trees_under_the_cids_of_v1_2025() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let mut random = Random::new(trees::seed("ipfs-car")?, "ipfs-car");
    let place = tempfile::tempdir()?;
    // ipfs-car leaves symlinks and empty directories out.
    let growth = Growth { lengths: &CHUNK_LIMITS, bytes: 8 << 20, other_kinds: false };
    for index in 0..3 {
        trees::grow(&place.path().join(format!("tree {index}")), &mut random, growth)?;
    }
    for length in [0, 262_145, 1_048_576, 1_048_577, 3_000_000 + random.below(1_000_000)] {
        trees::write_noise(&place.path().join(format!("file {length}")), &mut random, length)?;
    }
    let archive = place.path().join("packed.car");
    let mut compared = 0;
    for entry in fs::read_dir(place.path())?.collect::<Result<Vec<_>, _>>()? {
        let (root, car) = pack(&scripts, &entry.path(), &archive)?;
        let [_, v1, _] = &our_cids(&entry.path(), &named_layouts())?[..] else { unreachable!() };
        assert_eq!(&root.to_string(), v1, "{:?}", entry.file_name());
        assert_eq!(car.roots(), [root]);
        let walked = verify(&car, &root, WalkLimits::default())?;
        assert!(walked.is_complete(), "{walked:?}");
        compared += 1;
    }
    assert_eq!(compared, 8);
    Ok(())
}

/// `ipfs-car` shards every directory of more than 1,000 entries. IPIP-499 measures bytes.
#[test]
fn a_thousand_and_one_entries_are_not_sharded_though_ipfs_car_does() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("oracle")? else { return Ok(()) };
    let place = tempfile::tempdir()?;
    for (count, agrees) in [(1_000, true), (1_001, false)] {
        let path = place.path().join(format!("{count}"));
        trees::fill_with_names(&path, &[(count, 5)])?;
        let (root, car) = pack(&scripts, &path, &place.path().join("packed.car"))?;
        let layout = named_layouts().swap_remove(1);
        let ours = our_cids(&path, std::slice::from_ref(&layout))?.pop().context("no CID")?;
        assert_eq!(root.to_string() == ours, agrees, "{count}");
        assert_eq!(list_directory(&car, &root)?.len(), count);
        let mut options = layout.options;
        options["shardSplitThresholdBytes"] = json!(if agrees { u32::MAX } else { 0 });
        let forced = Layout { profile: layout.profile, options };
        assert_eq!(root.to_string(), their_cids(&scripts, &[path], &[forced])?[0][0], "{count}");
    }
    Ok(())
}

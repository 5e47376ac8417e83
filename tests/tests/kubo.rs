//! Both ways with Kubo, the reference implementation: the same CIDs, its layouts proven, archives understood.
//!
//! `make interop` builds Kubo and runs these.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use holdfast_content::car::CarIndex;
use holdfast_content::{FileReader, Profile, ProofLimits, Verdict, WalkLimits, prove_file, verify};
use holdfast_tests::dags::{self, Dag};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::kubo::Kubo;
use holdfast_tests::trees::{self, AT_SHARD_THRESHOLD, CHUNK_LIMITS, Growth, Random, TINY_LIMITS};
use holdfast_tests::{identity, process, samples};

/// Of the file's bytes, the most that a proof may fetch.
const MAX_FETCHED: f64 = 0.001;

/// A profile, the same in Kubo's words, and options that go with it.
struct Layout {
    profile: Profile,
    kubo: Kubo,
    options: Vec<&'static str>,
}

impl Layout {
    fn named() -> Result<Vec<Self>> {
        let all = [
            (Profile::UNIXFS_V0_2015, Some("unixfs-v0-2015"), vec![]),
            (Profile::UNIXFS_V1_2025, Some("unixfs-v1-2025"), vec![]),
            (Profile::KUBO_CIDV1_256K_174, None, vec!["--cid-version=1"]),
        ];
        let mut layouts = Vec::new();
        for (profile, name, options) in all {
            layouts.push(Self { profile, kubo: Kubo::new(name)?, options });
        }
        Ok(layouts)
    }

    /// The same with chunks of 16 bytes, three to a node.
    fn tiny(mut self) -> Self {
        self.profile = self.profile.custom(16, 3);
        self.options.extend(["--chunker=size-16", "--max-file-links=3"]);
        self
    }

    fn assert_same_cid(&self, path: &Path) -> Result<()> {
        let ours = identity::cids(path, &[self.profile])?;
        let theirs = self.kubo.add(path, &[&self.options[..], &["--only-hash"]].concat())?;
        assert_eq!(ours, [theirs], "{} under {} {:?}", path.display(), self.profile, self.options);
        Ok(())
    }
}

#[test]
#[ignore = "needs Kubo: make interop"]
fn random_files_and_trees_have_kubos_cids() -> Result<()> {
    let layouts = Layout::named()?;
    let mut random = Random::new(trees::seed("kubo")?, "kubo");
    let place = tempfile::tempdir()?;
    let large = Growth { lengths: &CHUNK_LIMITS, bytes: 8 << 20, other_kinds: true };
    let small = Growth { lengths: &TINY_LIMITS, bytes: 20_000, other_kinds: true };
    for layout in layouts {
        let path = |kind: &str| place.path().join(format!("{kind} {}", layout.profile));
        for length in CHUNK_LIMITS {
            let path = path(&format!("{length}"));
            trees::write_noise(&path, &mut random, length)?;
            layout.assert_same_cid(&path)?;
        }
        for index in 0..3 {
            let path = path(&format!("large {index}"));
            trees::grow(&path, &mut random, large)?;
            layout.assert_same_cid(&path)?;
        }
        let tiny_place = path("small");
        fs::create_dir(&tiny_place)?;
        let layout = layout.tiny();
        for length in TINY_LIMITS {
            let path = tiny_place.join(format!("{length}"));
            trees::write_noise(&path, &mut random, length)?;
            layout.assert_same_cid(&path)?;
        }
        for index in 0..3 {
            let path = tiny_place.join(format!("tree {index}"));
            trees::grow(&path, &mut random, small)?;
            layout.assert_same_cid(&path)?;
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs Kubo: make interop"]
fn a_directory_is_sharded_when_kubo_shards_it() -> Result<()> {
    let layouts = Layout::named()?;
    let place = tempfile::tempdir()?;
    // What npm ipfs-unixfs-importer does not shard, because it counts no subdirectory.
    let subdirectories = place.path().join("subdirectories");
    for index in 0..5_000 {
        fs::create_dir_all(subdirectories.join(format!("subdirectory {index:06}")))?;
    }
    for (layout, (profile, count, length)) in layouts.iter().zip(AT_SHARD_THRESHOLD) {
        assert_eq!(layout.profile.name(), profile);
        let at = place.path().join(format!("{profile} at"));
        let above = place.path().join(format!("{profile} above"));
        trees::fill_with_names(&at, &[(count, length)])?;
        trees::fill_with_names(&above, &[(count - 1, length), (1, length + 1)])?;
        for path in [&at, &above, &subdirectories] {
            layout.assert_same_cid(path)?;
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs Kubo: make interop"]
fn kubos_layouts_are_proven_and_differences_located() -> Result<()> {
    let kubo = Kubo::new(None)?;
    let mut random = Random::new(trees::seed("kubo layouts")?, "kubo layouts");
    let place = tempfile::tempdir()?;
    let (file, archive) = (place.path().join("file"), place.path().join("archive"));
    let length = (24 << 20) + random.below(1 << 20);
    trees::write_noise(&file, &mut random, length)?;
    let mut bytes = fs::read(&file)?;
    let layouts: [&[&str]; 12] = [
        &[],
        &["--cid-version=1"],
        &["--chunker=rabin"],
        &["--chunker=rabin-87381-262144-393216", "--cid-version=1"],
        &["--chunker=buzhash"],
        &["--chunker=buzhash", "--trickle", "--cid-version=1"],
        &["--chunker=rabin", "--trickle", "--raw-leaves"],
        &["--trickle"],
        &["--trickle", "--max-file-links=5", "--chunker=size-100000"],
        &["--chunker=size-100000", "--max-file-links=7"],
        &["--chunker=size-2096896", "--cid-version=1"],
        &["--chunker=size-131071", "--max-file-links=2", "--cid-version=1", "--raw-leaves=false"],
    ];
    for options in layouts {
        let root = kubo.add(&file, options)?;
        kubo.export(&root, &archive)?;
        let (root, source) = (root.parse()?, CarIndex::open(File::open(&archive)?)?);
        let prove = |local: &[u8]| prove_file(&local, &root, &source, ProofLimits::default());
        let proven = prove(&bytes)?;
        let part = proven.fetched_bytes as f64 / length as f64;
        holdfast_tests::say(&format!("proven with {:.4} % of the file: {options:?}", part * 100.0));
        assert_eq!(proven.verdict, Verdict::Equal, "{options:?}");
        assert!(part <= MAX_FETCHED, "{options:?}: {} bytes fetched", proven.fetched_bytes);
        for at in [0, length - 1, random.below(length)] {
            let index = usize::try_from(at)?;
            bytes[index] ^= 16;
            assert_eq!(prove(&bytes)?.verdict, Verdict::DiffersFrom(at), "{options:?}");
            bytes[index] ^= 16;
        }
        assert_eq!(prove(&bytes[..bytes.len() - 1])?.verdict, Verdict::DiffersFrom(length - 1), "{options:?}");
    }
    Ok(())
}

/// Small files under chunkers and widths that make deep trees.
#[test]
#[ignore = "needs Kubo: make interop"]
fn kubos_deep_trees_are_verified_read_and_proven() -> Result<()> {
    let kubo = Kubo::new(None)?;
    let mut random = Random::new(trees::seed("kubo deep trees")?, "kubo deep trees");
    let place = tempfile::tempdir()?;
    let (file, archive) = (place.path().join("file"), place.path().join("archive"));
    for _ in 0..32 {
        let length = 1 + random.below(9_000);
        trees::write_noise(&file, &mut random, length)?;
        let chunker = format!("--chunker=size-{}", 1 + random.below(300));
        let width = format!("--max-file-links={}", 2 + random.below(9));
        let version = format!("--cid-version={}", random.below(2));
        let raw_leaves = format!("--raw-leaves={}", random.below(2) == 0);
        let trickle = format!("--trickle={}", random.below(2) == 0);
        let inline = format!("--inline={}", random.below(2) == 0);
        let options = [&chunker[..], &width, &version, &raw_leaves, &trickle, &inline, "--inline-limit=64"];
        let root = kubo.add(&file, &options)?;
        kubo.export(&root, &archive)?;
        let source = CarIndex::open(File::open(&archive)?)?;
        let root = root.parse()?;
        let mut bytes = fs::read(&file)?;
        let walked = verify(&source, &root, WalkLimits::default())?;
        assert!(walked.is_complete(), "{options:?}: {walked:?}");
        let read: Vec<u8> = FileReader::open(&source, &root)?.collect::<Result<Vec<_>, _>>()?.concat();
        assert!(read == bytes, "{options:?}: read back as something else");
        let prove = |local: &[u8]| prove_file(&local, &root, &source, ProofLimits::default());
        assert_eq!(prove(&bytes)?.verdict, Verdict::Equal, "{options:?}");
        let at = random.below(length);
        bytes[usize::try_from(at)?] ^= 1;
        assert_eq!(prove(&bytes)?.verdict, Verdict::DiffersFrom(at), "{options:?}");
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// A tree with everything in it, and a sharded directory.
fn everything(place: &Path, random: &mut Random) -> Result<PathBuf> {
    let path = place.join("everything");
    trees::grow(&path, random, Growth { lengths: &CHUNK_LIMITS, bytes: 8 << 20, other_kinds: true })?;
    let (_, count, length) = AT_SHARD_THRESHOLD[0];
    trees::fill_with_names(&path.join("sharded directory"), &[(count, length + 10)])?;
    Ok(path)
}

#[test]
#[ignore = "needs Kubo: make interop"]
fn kubo_takes_our_archives_and_we_verify_kubos() -> Result<()> {
    let kubo = Kubo::new(None)?;
    let holdfast = Programs::find()?.command;
    let mut random = Random::new(trees::seed("kubo archives")?, "kubo archives");
    let place = tempfile::tempdir()?;
    let tree = everything(place.path(), &mut random)?;
    let file = place.path().join("file");
    samples::write_noise(&file, "kubo archives", 3_000_000)?;
    for path in [tree, file] {
        for profile in Profile::ALL {
            let archive = place.path().join("ours.car");
            let mut make = Command::new(&holdfast);
            make.args(["cid", "--profile", profile.name(), "--json", "--car"]).args([&archive, &path]);
            let made: serde_json::Value = serde_json::from_str(&process::output(&mut make)?)?;
            let root = made["cid"].as_str().context("no CID")?;
            // Pinning walks the DAG, so that nothing may be missing.
            let imported = kubo.run(&["dag", "import", "--stats", &archive.display().to_string()])?;
            assert!(imported.contains(&format!("Pinned root\t{root}\tsuccess")), "{imported}");
            let target = tempfile::tempdir()?;
            let back = target.path().join("back");
            kubo.run(&["get", "--progress=false", "--output", &back.display().to_string(), root])?;
            assert_eq!(identity::cids(&back, &[profile])?, [root], "what Kubo wrote is what was packed");

            let theirs = place.path().join("theirs.car");
            kubo.export(root, &theirs)?;
            let mut verify = Command::new(&holdfast);
            let verified = process::output(verify.args(["car", "verify", "--json"]).arg(&theirs))?;
            let verified: serde_json::Value = serde_json::from_str(&verified)?;
            assert_eq!((&verified["root"], &verified["complete"]), (&root.into(), &true.into()), "{verified}");
            for archive in [archive, theirs] {
                fs::remove_file(archive)?;
            }
        }
    }
    Ok(())
}

/// What Kubo makes of a DAG: whether it has all of it and gives a file's bytes, or a directory's entries, without an error.
fn taken_by_kubo(kubo: &Kubo, dag: &Dag, place: &Path) -> Result<Option<Vec<u8>>> {
    let archive = place.join("dag.car");
    fs::write(&archive, dag.archive())?;
    // Pinning walks the DAG, so that nothing may be missing.
    if kubo.run(&["dag", "import", &archive.display().to_string()]).is_err() {
        return Ok(None);
    }
    let root = dag.root.to_string();
    let out = place.join("kubo");
    let got = kubo.run(&["get", "--progress=false", "--output", &out.display().to_string(), &root]).is_ok();
    let bytes = if got && out.is_file() && !out.is_symlink() { fs::read(&out)? } else { Vec::new() };
    for stale in [&out, &archive] {
        if stale.is_dir() && !stale.is_symlink() {
            fs::remove_dir_all(stale).ok()
        } else {
            fs::remove_file(stale).ok()
        };
    }
    Ok(got.then_some(bytes))
}

/// Where the rule of `holdfast_content::judge` says that Kubo does the same, it does, and gives the same bytes.
#[test]
#[ignore = "needs Kubo: make interop"]
fn kubo_agrees_wherever_the_rule_says_that_it_does() -> Result<()> {
    let kubo = Kubo::new(None)?;
    let place = tempfile::tempdir()?;
    let (mut disagreeing, mut agreeing) = (Vec::new(), 0);
    // All that are odd in one way, and some of the combinations.
    let all = dags::family()
        .into_iter()
        .enumerate()
        .filter(|(at, dag)| *at < 140 || at % 23 == 0 || !dag.taken && at % 41 == 0);
    for (_, dag) in all {
        let theirs = taken_by_kubo(&kubo, &dag, place.path())?;
        let is_same = theirs.is_some() == dag.taken;
        if dag.kubo == dags::Kubo::Agrees {
            agreeing += 1;
            let archive = place.path().join("ours.car");
            fs::write(&archive, dag.archive())?;
            let source = CarIndex::open(File::open(&archive)?)?;
            let ours = FileReader::open(&source, &dag.root).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let has_same_bytes = match (&ours, &theirs) {
                (Ok(ours), Some(theirs)) if dag.taken => ours.concat() == *theirs,
                _ => true,
            };
            if !is_same || !has_same_bytes {
                disagreeing.push(format!("{}: here {}, there {}", dag.what, dag.taken, theirs.is_some()));
            }
        } else {
            holdfast_tests::say(&format!("disputed: {}: here {}, there {}", dag.what, dag.taken, theirs.is_some()));
        }
    }
    assert!(disagreeing.is_empty(), "{agreeing} agree, but: {disagreeing:#?}");
    Ok(())
}

/// What the rule of `holdfast_content::judge` says that Kubo does with files whose sizes contradict one another.
#[test]
#[ignore = "needs Kubo: make interop"]
fn kubo_reads_files_of_wrong_sizes_as_the_rule_says() -> Result<()> {
    let kubo = Kubo::new(None)?;
    let place = tempfile::tempdir()?;
    let family = dags::family();
    let root_says = |sizes: &str, size: &str| {
        format!(
            "a root of type 2 with leaves of raw, 0 bytes of its own, Tsize Some(5), block sizes {sizes}, file size {size}"
        )
    };
    let part_is = |what: &str| format!("a file with a part that is {what} than is said");
    let cases = [
        // What it is, whether `get` gives all of it, and what comes of its bytes from the seventh on.
        (root_says("right", "right"), true, Some("her")),
        (root_says("right", "absent"), false, Some("")),
        (root_says("right", "one more"), false, Some("her")),
        (root_says("absent", "right"), true, None),
        (root_says("one short", "right"), true, None),
        (root_says("wrong", "right"), true, Some("ther")),
        (part_is("longer"), false, None),
        (part_is("shorter"), false, None),
    ];
    for (what, is_got, from_seventh) in cases {
        let dag = family.iter().find(|dag| dag.what == what).with_context(|| what.clone())?;
        let archive = place.path().join("dag.car");
        fs::write(&archive, dag.archive())?;
        kubo.run(&["dag", "import", &archive.display().to_string()])?;
        let (root, out) = (dag.root.to_string(), place.path().join("out"));
        let is_part = what.contains("a part");
        let whole = if is_part { "firstfourlast" } else { "firstother" };
        assert_eq!(kubo.run(&["cat", &root])?, whole, "{what}");
        let got = kubo.run(&["get", "--progress=false", "--output", &out.display().to_string(), &root]);
        assert_eq!(got.is_ok(), is_got, "{what}");
        if is_got {
            assert_eq!(fs::read_to_string(&out)?, whole, "{what}");
        }
        fs::remove_file(&out).ok();
        if !is_part {
            let range = kubo.run(&["cat", "--offset=7", &root]).ok();
            assert_eq!(range.as_deref(), from_seventh, "{what}");
        }
    }
    Ok(())
}

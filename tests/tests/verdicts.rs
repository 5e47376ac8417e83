//! One verdict on every DAG, whoever is asked: the library's readers, `holdfast car`, `holdfast verify`, and a real
//! `holdfast serve` with its uploads, its pins by CID and its gateway.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use holdfast_content::car::{CarIndex, CarReader};
use holdfast_content::{
    Cid, Extent, FaultKind, Judged, JudgedKind, Looked, Survey, Surveyed, WalkLimits, Walked, export, file_name, judge,
    look_at, multihash_hex, survey, verify, verify_archive,
};
use holdfast_tests::dags::{self, Dag};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::serving::Serving;
use percent_encoding::percent_decode_str;
use reqwest::StatusCode;
use serde_json::{Value, json};

const BOUNDARY: &str = "a-line-that-is-in-no-file";

/// What was read of a DAG: files, symlinks and directories by their paths, those of directories with a slash at their end.
type Tree = BTreeMap<String, Vec<u8>>;

/// The judgement, or the reason.
fn judged(dag: &Dag, index: &CarIndex) -> Result<Judged, String> {
    judge(index, &dag.root).map_err(|error| error.to_string())
}

fn archive_of(dag: &Dag, path: &Path) -> Result<CarIndex> {
    fs::write(path, dag.archive())?;
    Ok(CarIndex::open(File::open(path)?)?)
}

/// The reason that a walk names first.
fn first_reason(walked: &Walked) -> Option<String> {
    let missing = walked.missing.first().map(|cid| format!("the block {cid} is missing"));
    let unknown = || walked.unknown.first().map(|cid| format!("{cid} is neither raw nor dag-pb"));
    let refused = || walked.refused.first().map(ToString::to_string);
    missing.or_else(unknown).or_else(refused)
}

/// What asking for the blocks one by one finds, with every block or a few of many.
fn asked_for(dag: &Dag, extent: Extent) -> Surveyed {
    let blocks: HashMap<_, _> = dag.blocks.iter().cloned().collect();
    let mut survey = Survey::of(dag.root, extent);
    while let Some(wanted) = survey.wanted() {
        let looked = blocks.get(&wanted.cid).map_or(Looked::Missing, |bytes| look_at(&wanted.cid, bytes));
        survey.take(&wanted, looked, &mut |_| 0);
    }
    survey.end()
}

/// Whether that is no fault, and the reasons.
fn reasons(surveyed: &Surveyed) -> Vec<String> {
    let faults = surveyed.faults.iter().map(|fault| match fault.kind {
        FaultKind::Missing => format!("the block {} is missing", fault.cid),
        FaultKind::Damaged => format!("the block {} is damaged", fault.cid),
    });
    let refused = surveyed.refused.iter().map(ToString::to_string);
    faults.chain(refused).chain(surveyed.unclear.iter().map(ToString::to_string)).collect()
}

fn read_back(path: &Path, at: &str, tree: &mut Tree) -> Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_symlink() {
        tree.insert(at.into(), fs::read_link(path)?.into_os_string().into_encoded_bytes());
    } else if kind.is_dir() {
        tree.insert(format!("{at}/"), Vec::new());
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().into_string().ok().context("a name that is no text")?;
            let name = name_in_dag(&name);
            read_back(&entry.path(), &format!("{at}/{name}"), tree)?;
        }
    } else {
        tree.insert(at.into(), fs::read(path)?);
    }
    Ok(())
}

/// The name in the DAG behind that of an exported file.
fn name_in_dag(exported: &str) -> String {
    let decoded = percent_decode_str(exported).decode_utf8_lossy();
    if file_name(&decoded) == exported { decoded.into_owned() } else { exported.to_owned() }
}

/// What is written to the disk; nothing where the DAG is refused.
fn exported(dag: &Dag, index: &CarIndex, place: &Path) -> Result<Result<Tree, String>> {
    let target = place.join("out");
    let written = export(index, &dag.root, &target).map_err(|error| error.to_string());
    let mut tree = Tree::new();
    if written.is_ok() {
        read_back(&target, "", &mut tree)?;
    } else {
        ensure!(!target.exists(), "{}: something was written", dag.what);
    }
    remove(&target)?;
    Ok(written.map(|_| tree))
}

#[test]
fn every_reader_gives_the_same_verdict_for_the_same_reason() -> Result<()> {
    let place = tempfile::tempdir()?;
    let archive = place.path().join("dag.car");
    let family = dags::family();
    ensure!(family.len() > 1000, "{} are few", family.len());
    for dag in &family {
        let index = archive_of(dag, &archive)?;
        let verdict = judged(dag, &index);
        let what = &dag.what;
        assert_eq!(verdict.is_ok(), dag.taken, "{what}: {verdict:?}");
        let in_memory: HashMap<_, _> = dag.blocks.iter().cloned().collect();
        let limits = WalkLimits::default();
        let walks = [
            verify(&index, &dag.root, limits)?,
            survey(&index, &dag.root, limits)?,
            verify(&in_memory, &dag.root, limits)?,
            verify_archive(CarReader::new(File::open(&archive)?)?, &dag.root, limits)?,
        ];
        for walked in &walks {
            assert_eq!(walked.is_complete(), dag.taken, "{what}: {walked:?}");
            if let Err(reason) = &verdict {
                assert_eq!(first_reason(walked).as_ref(), Some(reason), "{what}");
            }
        }
        let all = reasons(&asked_for(dag, Extent::Whole));
        assert_eq!(all.is_empty(), dag.taken, "{what}: {all:?}");
        if let Err(reason) = &verdict {
            let is_named = |said: &String| said == reason || reason.contains(" is neither ");
            assert!(all.iter().any(is_named), "{what}: {all:?}, not {reason}");
        }
        let few = reasons(&asked_for(dag, Extent::Sample { parts: 2, bytes: 100, drawn: 1 }));
        assert!(few.is_empty() || !dag.taken, "{what}: {few:?}");
        let written = exported(dag, &index, place.path())?;
        match (&verdict, &written) {
            (Ok(judged), Ok(tree)) => {
                let bytes: u64 = tree.values().map(|bytes| bytes.len() as u64).sum();
                let is_link = judged.kind == JudgedKind::Symlink;
                let has_links = what.contains("symlink");
                ensure!(is_link || has_links || judged.content_bytes == bytes, "{what}: {judged:?}, {bytes} written");
            }
            (Err(reason), Err(said)) => assert_eq!(reason, said, "{what}"),
            (verdict, written) => panic!("{what}: {verdict:?}, {written:?}"),
        }
    }
    Ok(())
}

fn client() -> Result<reqwest::Client> {
    // A second test of this process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?)
}

async fn upload(client: &reqwest::Client, served: &Serving, dag: &Dag) -> Result<(StatusCode, Value)> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"car\"; filename=\"dag.car\"\r\n\r\n");
    let body = [head.as_bytes(), &dag.archive(), format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    let request = client
        .post(format!("{}/pinning/", served.text("endpoint")?))
        .header("pinning_api_key", served.text("key")?)
        .header("pinning_secret_key", served.text("secret")?)
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let reply = request.body(body).send().await?;
    Ok((reply.status(), reply.json().await?))
}

async fn pin_by_cid(client: &reqwest::Client, served: &Serving, dag: &Dag) -> Result<Value> {
    let request = client
        .post(format!("{}/pinning/pinByHash", served.text("endpoint")?))
        .header("pinning_api_key", served.text("key")?)
        .header("pinning_secret_key", served.text("secret")?);
    let body = json!({ "hash_to_pin": dag.root.to_string() }).to_string();
    Ok(request.body(body).send().await?.json().await?)
}

async fn get(client: &reqwest::Client, served: &Serving, root: &Cid, path: &str) -> Result<(StatusCode, Vec<u8>)> {
    let mut url = format!("{}/ipfs/{root}", served.text("gateway")?);
    for byte in path.bytes() {
        if byte == b'/' || byte.is_ascii_alphanumeric() {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    let reply = client.get(url).send().await?;
    Ok((reply.status(), reply.bytes().await?.to_vec()))
}

#[tokio::test]
async fn the_service_takes_pins_and_serves_what_is_taken_and_refuses_the_rest_with_that_reason() -> Result<()> {
    let place = tempfile::tempdir()?;
    let served = Serving::start(&place.path().join("home"), &["--listen", "127.0.0.1:0"])?;
    let client = client()?;
    let ask = async |dag: Dag| -> Result<()> {
        let place = tempfile::tempdir()?;
        let index = archive_of(&dag, &place.path().join("dag.car"))?;
        let (status, reply) = upload(&client, &served, &dag).await?;
        let what = &dag.what;
        match exported(&dag, &index, place.path())? {
            Ok(tree) => {
                ensure!(status == StatusCode::CREATED, "{what}: {status} {reply}");
                for (path, bytes) in tree {
                    let (status, answered) = get(&client, &served, &dag.root, &path).await?;
                    ensure!(status == StatusCode::OK, "{what}: {path}: {status}");
                    ensure!(path.ends_with('/') || answered == bytes, "{what}: {path}: {answered:?}");
                }
                let (status, archive) = get_archive(&client, &served, &dag.root).await?;
                ensure!(status == StatusCode::OK, "{what}: {status}");
                let walked = verify_archive(CarReader::new(&*archive)?, &dag.root, WalkLimits::default())?;
                ensure!(walked.is_complete(), "{what}: {walked:?}");
            }
            Err(reason) => {
                ensure!(status == StatusCode::BAD_REQUEST, "{what}: {status} {reply}");
                let said = reply["message"].as_str().unwrap_or_default();
                ensure!(said.contains(&reason), "{what}: {said}, not {reason}");
                let (status, _) = get(&client, &served, &dag.root, "").await?;
                // What another DAG has too stays, and is refused as a file or a directory.
                let is_refused = matches!(status, StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY);
                ensure!(is_refused, "{what}: {status}");
            }
        }
        Ok(())
    };
    stream::iter(dags::family()).map(ask).buffer_unordered(4).try_collect::<()>().await
}

async fn get_archive(client: &reqwest::Client, served: &Serving, root: &Cid) -> Result<(StatusCode, Vec<u8>)> {
    let reply = client.get(format!("{}/ipfs/{root}?format=car", served.text("gateway")?)).send().await?;
    Ok((reply.status(), reply.bytes().await?.to_vec()))
}

/// Puts blocks where the service looks for them, past its API.
fn plant(home: &Path, dag: &Dag) -> Result<()> {
    for (cid, bytes) in &dag.blocks {
        let name = multihash_hex(cid);
        fs::write(home.join("service/blocks").join(&name[name.len() - 2..]).join(name), bytes)?;
    }
    Ok(())
}

/// Runs the command.
fn holdfast(home: &Path, arguments: &[&std::ffi::OsStr]) -> Result<Output> {
    let mut command = Command::new(Programs::find()?.command);
    Ok(command.arg("--home").arg(home).args(arguments).output()?)
}

/// Whether a command took a DAG; that it refused it for this reason is made sure.
fn took(output: &Output, reason: Option<&str>, what: &str) -> Result<bool> {
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let named = |reason: &str| {
        said.contains(reason) || reason.split_once(" is neither").is_some_and(|(cid, _)| said.contains(cid))
    };
    ensure!(output.status.success() || reason.is_none_or(named), "{what}: {said}, not {reason:?}");
    Ok(output.status.success())
}

#[tokio::test]
async fn the_commands_and_a_pin_of_what_is_held_give_that_verdict_too() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (home, other) = (place.path().join("home"), place.path().join("other"));
    let served = Serving::start(&home, &["--listen", "127.0.0.1:0"])?;
    let (client, archive) = (client()?, place.path().join("dag.car"));
    let out = place.path().join("out");
    for dag in dags::odd_ones() {
        let index = archive_of(&dag, &archive)?;
        let verdict = judged(&dag, &index).err();
        let (reason, what) = (verdict.as_deref(), &dag.what);
        let car = |arguments: &[&std::ffi::OsStr]| holdfast(&other, arguments);
        let verified = car(&["car".as_ref(), "verify".as_ref(), archive.as_ref()])?;
        ensure!(took(&verified, reason, what)? == dag.taken, "car verify: {what}");
        let written = car(&["car".as_ref(), "export".as_ref(), archive.as_ref(), out.as_ref()])?;
        ensure!(took(&written, reason, what)? == dag.taken, "car export: {what}");
        remove(&out)?;

        plant(&home, &dag)?;
        let (root, gateway) = (dag.root.to_string(), served.text("gateway")?);
        let fetched = car(&["verify".as_ref(), root.as_ref(), "--gateway".as_ref(), gateway.as_ref()])?;
        ensure!(took(&fetched, reason, what)? == dag.taken, "verify: {what}: {fetched:?}");
        let pinned = pin_by_cid(&client, &served, &dag).await?;
        ensure!((pinned["data"]["status"] == "pinned") == dag.taken, "pin by CID: {what}: {pinned}");
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path)?,
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {}
    }
    Ok(())
}

#[test]
fn an_archive_that_is_refused_is_not_sent() -> Result<()> {
    let place = tempfile::tempdir()?;
    let archive = place.path().join("dag.car");
    let home = place.path().join("home");
    let is_shown = |dag: &&Dag| dag.what.contains("longer than is said") || dag.what.contains("a name twice");
    for dag in dags::odd_ones().iter().filter(is_shown) {
        File::create(&archive)?.write_all(&dag.archive())?;
        let index = CarIndex::open(File::open(&archive)?)?;
        let reason = judged(dag, &index).err().context("it is taken")?;
        let sent = holdfast(&home, &["car".as_ref(), "import".as_ref(), archive.as_ref()])?;
        ensure!(!took(&sent, Some(&reason), &dag.what)?, "{}", dag.what);
    }
    Ok(())
}

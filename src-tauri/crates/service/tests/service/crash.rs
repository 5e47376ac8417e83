//! Killed with SIGKILL at random moments under load: what was acknowledged is there, and nothing else is left.
//!
//! Ten kills, or as many as `HOLDFAST_CRASHES` says. `HOLDFAST_SEED` repeats a run's choices; when the kernel runs which
//! thread it cannot repeat.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use holdfast_service::StoppedService;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{
    client::{Client, Form, file_cid, noise, tree_cid},
    durability::ServiceProcess,
};

const LANES: u64 = 4;
/// From here on a lane unpins more than it pins.
const ENOUGH_PINS: usize = 60;
/// Opening includes starting a process and making a key, on a machine that has other things to do.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A generator that is good enough to choose with (splitmix64).
struct Choices(u64);

impl Choices {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// What the service has acknowledged: CIDs by pin.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<HashMap<String, String>>>);

impl Ledger {
    fn add(&self, pin: &Value) {
        let text = |name: &str| pin[name].as_str().unwrap().to_owned();
        self.0.lock().unwrap().insert(text("id"), text("cid"));
    }

    /// Takes a pin off, because nobody knows any more whether it is there.
    fn take(&self, choices: &mut Choices) -> Option<String> {
        let mut pins = self.0.lock().unwrap();
        let mut ids: Vec<_> = pins.keys().cloned().collect();
        ids.sort();
        let id = ids.get(choices.next(ids.len().max(1) as u64) as usize)?.clone();
        pins.remove(&id);
        Some(id)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Uploads, pins by CID and unpins, until the service is gone. Many uploads share blocks with what others have uploaded
/// or unpinned a moment ago.
async fn load(client: Client, ledger: Ledger, mut choices: Choices) {
    loop {
        let often_unpin = if ledger.len() > ENOUGH_PINS { 6 } else { 2 };
        if choices.next(10) < often_unpin {
            let Some(id) = ledger.take(&mut choices) else { continue };
            let path = format!("/pinning/unpin/{id}");
            if client.request(reqwest::Method::DELETE, &path).send().await.is_err() {
                return;
            }
            continue;
        }
        let own = noise(choices.next(u64::MAX), choices.next(3000) as usize + 1);
        let shared = noise(choices.next(5), 300_000 + choices.next(2) as usize * 900_000);
        let (form, cid) = match choices.next(3) {
            0 => (Form::new().file("f", &shared), file_cid(&shared)),
            1 => (Form::new().file("f", &own), file_cid(&own)),
            _ => (
                Form::new().file("t/shared", &shared).file("t/own", &own),
                tree_cid(&[("shared", &shared), ("own", &own)]),
            ),
        };
        let Ok(response) = client.upload_request(form.bytes()).send().await else { return };
        let status = response.status();
        let Ok(reply) = response.json::<Value>().await else { return };
        match status {
            StatusCode::CREATED => {
                assert_eq!(reply["data"]["cid"], cid.as_str());
                ledger.add(&reply["data"]);
            }
            status => assert_eq!(status, StatusCode::CONFLICT, "{reply}"),
        }
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_keeps_every_acknowledged_pin_and_no_block_too_many() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("HOLDFAST_SEED").unwrap_or(now.as_nanos() as u64);
    let crashes = number("HOLDFAST_CRASHES").unwrap_or(10);
    println!("{crashes} crashes, HOLDFAST_SEED={seed}");
    let mut choices = Choices(seed);
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::default();
    for crash in 0..=crashes {
        let started = Instant::now();
        let mut process = ServiceProcess::start(dir.path()).await;
        assert!(started.elapsed() < AT_ONCE, "seed {seed}, crash {crash}: opened after {:?}", started.elapsed());
        let list = process.client.list("limit=1000&pinned=true").await;
        let listed: HashMap<_, _> = list["pins"].as_array().unwrap().iter().map(|pin| (&pin["id"], pin)).collect();
        assert_eq!(list["totals"]["files"], listed.len(), "the list is one page");
        for (id, cid) in &*ledger.0.lock().unwrap() {
            let pin = listed.get(&Value::from(id.as_str()));
            let pin = pin.unwrap_or_else(|| panic!("seed {seed}, crash {crash}: the pin {id} of {cid} is gone"));
            assert_eq!((&pin["cid"], &pin["status"]), (&Value::from(cid.as_str()), &Value::from("pinned")));
        }
        let lanes: Vec<_> = (0..LANES)
            .map(|_| tokio::spawn(load(process.client.clone(), ledger.clone(), Choices(choices.next(u64::MAX)))))
            .collect();
        tokio::time::sleep(Duration::from_millis(choices.next(300))).await;
        process.kill();
        for lane in lanes {
            lane.await.unwrap_or_else(|error| panic!("seed {seed}, crash {crash}: {error}"));
        }
        let stopped = StoppedService::open(dir.path()).unwrap();
        let checked = stopped.check(|_| {}).unwrap();
        assert_eq!((checked.damaged_blocks, checked.damaged_pins), (vec![], vec![]), "seed {seed}, crash {crash}");
        assert!(checked.pins >= ledger.len() as u64, "seed {seed}, crash {crash}");
        stopped.collect().unwrap();
        let statistics = stopped.statistics().unwrap();
        assert_eq!(statistics.reclaimable_blocks, Some(0), "seed {seed}, crash {crash}");
        let files = crate::durability::block_files(dir.path()) as u64;
        assert_eq!(files, statistics.blocks, "seed {seed}, crash {crash}: other files are left");
        stopped.close().unwrap();
    }
}

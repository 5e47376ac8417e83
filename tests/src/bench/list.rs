//! How long one page of a very long list takes, at any offset and in any order.

use std::io::{Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use holdfast_content::Cid;
use holdfast_service::{ApiKey, Service, ServiceConfig};
use rusqlite::Connection;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::limits::Verdict;
use super::times::{Numbers, Times};

/// How many pins are listed.
const PINS: u32 = 1_000_000;

const PAGE: u32 = 1_000;

/// Pages of each order.
const PAGES: usize = 200;

const ORDERS: [&str; 6] = [
    "sortBy=created_at&sortOrder=DESC",
    "sortBy=created_at&sortOrder=ASC",
    "sortBy=size&sortOrder=DESC",
    "sortBy=name&sortOrder=ASC",
    "sortBy=created_at&pinned=true",
    "sortBy=name&sortOrder=DESC&pinned=false",
];

/// Measures and prints.
///
/// # Errors
///
/// When the service does not answer as it should.
pub fn measure(_: &mut Verdict) -> Result<()> {
    let dir = tempfile::tempdir()?;
    tokio::runtime::Runtime::new()?.block_on(run(dir.path()))
}

async fn run(dir: &Path) -> Result<()> {
    let mut out = stdout();
    rustls::crypto::ring::default_provider().install_default().ok();
    let service = Service::start(ServiceConfig::new(dir)).await?;
    let key = service.create_key("home", "bench").await?;
    service.shutdown().await?;
    let started = Instant::now();
    fill(&dir.join("service.db"), PINS, 1)?;
    writeln!(out, "{PINS} pins written into the database in {:.1} s", started.elapsed().as_secs_f64())?;
    let started = Instant::now();
    let service = Service::start(ServiceConfig::new(dir)).await?;
    writeln!(out, "service started in {:.1} s", started.elapsed().as_secs_f64())?;
    writeln!(out, "pages of {PAGE} of {PINS} pins at random offsets, over HTTP on loopback; milliseconds")?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    for order in ORDERS {
        let times = pages(&http, &service.endpoint(), &key, order).await?;
        writeln!(out, "  {order:<42} {times}")?;
    }
    Ok(service.shutdown().await?)
}

async fn pages(http: &reqwest::Client, endpoint: &str, key: &ApiKey, order: &str) -> Result<Times> {
    let mut random = Numbers(4);
    let get = async |offset: u64, limit: u32| -> Result<(Duration, Vec<u8>)> {
        let started = Instant::now();
        let response = http
            .get(format!("{endpoint}/pinning/pins/?offset={offset}&limit={limit}&{order}"))
            .header("pinning_api_key", &key.key)
            .header("pinning_secret_key", key.secret.expose_secret())
            .send()
            .await?
            .error_for_status()?;
        let body = response.bytes().await?;
        Ok((started.elapsed(), body.to_vec()))
    };
    let first: Value = serde_json::from_slice(&get(0, 1).await?.1)?;
    let files = first["data"]["totals"]["files"].as_u64().unwrap_or_default();
    ensure!(files >= u64::from(PINS / 10), "{first}");
    let mut times = Times::default();
    for _ in 0..PAGES {
        let offset = u64::from(random.next()) % (files - u64::from(PAGE));
        let (time, body) = get(offset, PAGE).await?;
        times.add(time);
        let page: Value = serde_json::from_slice(&body)?;
        ensure!(page["data"]["pins"].as_array().is_some_and(|pins| pins.len() == PAGE as usize), "a short page");
    }
    Ok(times)
}

/// Writes pins as the service would: with many names and sizes, some of which repeat, and one of ten given up. Others for each
/// seed.
pub(super) fn fill(database: &Path, pins: u32, seed: u64) -> Result<()> {
    let mut connection = Connection::open(database)?;
    // Only the writing of it: the service opens connections of its own.
    connection.execute_batch("PRAGMA cache_size = -500000; PRAGMA synchronous = OFF")?;
    let transaction = connection.transaction()?;
    let owner: i64 = transaction.query_row("SELECT id FROM owners WHERE name = 'home'", (), |row| row.get(0))?;
    let mut random = Numbers(seed);
    {
        let mut insert = transaction.prepare(
            "INSERT INTO pins (id, owner, file_record_id, cid, root, size, order_size, name, mime_type, keyvalues, is_dir,
                 is_pin_by_hash, status, pinned, created_at, date_pinned)
             VALUES (randomblob(16), ?1, randomblob(16), ?2, ?3, ?4, ?4, ?5, 'image/jpeg', ?6, 0, 0, ?7, ?8, ?9, ?9)",
        )?;
        for number in 0..pins {
            let mut root = vec![0x01, 0x55, 0x12, 0x20];
            root.extend((0..8).flat_map(|_| random.next().to_be_bytes()));
            let name = if number % 100 == 0 { "copy.jpg".into() } else { format!("IMG_{:08}.jpg", random.next()) };
            let keyvalues = (number % 3 == 0).then(|| format!(r#"{{"album":"{}"}}"#, number % 1000));
            let pinned = number % 10 != 7;
            insert.execute((
                owner,
                Cid::try_from(root.as_slice())?.to_string(),
                root,
                random.next() % 10_000_000,
                name,
                keyvalues,
                if pinned { "pinned" } else { "unpinned" },
                pinned,
                (1_700_000_000_000 + i64::from(number)) * 1000,
            ))?;
        }
    }
    Ok(transaction.commit()?)
}

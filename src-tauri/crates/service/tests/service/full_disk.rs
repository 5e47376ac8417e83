//! A disk that becomes full while an upload is under way. Runs in a mount namespace of its own, which needs Linux and
//! `unshare`.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::{
    client::{self, Client, Form, file_cid, noise},
    durability::{ServiceProcess, block_files},
};

/// Starts the service on a small disk; gives where it is seen from here. `None` where no such disk can be made.
async fn start_on_small_disk(dir: &Path) -> Option<(ServiceProcess, PathBuf)> {
    let may = Command::new("unshare").args(["-rm", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no mount namespace can be made here (unshare -rm true)");
        return None;
    }
    let disk = dir.join("disk");
    fs::create_dir(&disk).unwrap();
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=40m tmpfs \"$0\" && exec \"$@\"";
    command.args(["-rm", "sh", "-c", script]).arg(&disk);
    let process = ServiceProcess::start_as(command, &disk, dir).await;
    let seen = PathBuf::from(format!("/proc/{}/root", process.id())).join(disk.strip_prefix("/").unwrap());
    Some((process, seen))
}

#[tokio::test]
async fn an_upload_that_fills_the_disk_fails_cleanly_and_the_next_one_works() {
    let dir = tempfile::tempdir().unwrap();
    let Some((process, disk)) = start_on_small_disk(dir.path()).await else { return };
    let client: &Client = &process.client;
    let kept = client.upload(Form::new().file("kept", b"kept")).await;
    let before = block_files(&disk);

    let bytes = noise(1, 12_000_000);
    let whole = Form::new().file("f", &bytes).bytes();
    let half = whole.len() / 2;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|bytes| (bytes, receiver))
    });
    let request = client.upload_request(reqwest::Body::wrap_stream(Box::pin(body)));
    let upload = tokio::spawn(async move { client::json(request.send().await.unwrap()).await });
    sender.send(Ok(whole[..half].to_vec())).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while block_files(&disk) < before + 4 {
        assert!(Instant::now() < deadline, "the first blocks did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Somebody else takes the rest of the disk.
    let filler = disk.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    sender.send(Ok(whole[half..].to_vec())).await.unwrap();
    drop(sender);
    let (status, reply) = upload.await.unwrap();
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{reply}");
    assert!(reply["message"].as_str().unwrap().contains("full"), "{reply}");
    assert_eq!(block_files(&disk), before, "blocks of the failed upload are left");
    assert_eq!(client.content(kept["cid"].as_str().unwrap()).await, b"kept");

    drop(file);
    fs::remove_file(&filler).unwrap();
    let pin = client.upload(Form::new().file("f", &bytes)).await;
    assert_eq!(pin["cid"], file_cid(&bytes));
    assert!(client.content(pin["cid"].as_str().unwrap()).await == bytes);
}

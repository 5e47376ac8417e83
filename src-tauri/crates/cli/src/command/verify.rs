//! `holdfast verify`: whether files here are what a CID names, or whether everything below a CID can be fetched.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_content::{Cid, CidInText, Difference, DifferenceKind, Walked};
use holdfast_core::{
    Error,
    account::{Account, PlainHttp, parse_base_url},
    content::Limits,
    content::Urgency,
    host,
    pin::{Pin, PinQuery},
    proof::{Course, Method, Outcome, compare, walk},
};
use serde::Serialize;
use url::Url;

use crate::{
    Failure,
    args::VerifyArgs,
    command::car::complain_of,
    output::{Output, bytes},
    progress,
    session::Session,
};

#[derive(Serialize)]
struct Compared {
    cid: String,
    path: String,
    verdict: &'static str,
    how: Option<&'static str>,
    profile: Option<&'static str>,
    difference: Option<ShownDifference>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct ShownDifference {
    /// Inside the folder; empty for what was compared itself.
    path: String,
    what: &'static str,
    byte: Option<u64>,
}

#[derive(Serialize)]
struct Retrieved {
    cid: String,
    verdict: &'static str,
    blocks: usize,
    bytes: u64,
    missing: Vec<String>,
    corrupt: Vec<String>,
    unknown: Vec<String>,
    refused: Vec<String>,
    reason: Option<String>,
}

pub(crate) async fn run(args: VerifyArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    match verify(args, home, out).await {
        // A failure says nothing about the content.
        Err(failure) if !matches!(failure, Failure::Partial | Failure::Unknown) => {
            crate::report(&failure);
            Err(Failure::Unknown)
        }
        result => result,
    }
}

async fn verify(args: VerifyArgs, home: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let gateway =
        args.gateway.as_deref().map(|text| parse_base_url("gateway", text, PlainHttp::Refused)).transpose()?;
    let path = args.path.as_deref().map(real).transpose()?;
    let cid = match args.what.parse::<CidInText>() {
        Ok(found) if !found.path.is_empty() => {
            return Err(Failure::Plain(format!(
                "This link leads to {:?} inside a directory; only the directory itself ({}) has a CID here.",
                found.path, found.cid
            )));
        }
        Ok(found) => Some(found.cid),
        Err(_) => None,
    };
    // With a CID and a gateway, no home is needed: another engine may own it.
    if let (Some(cid), Some(gateway), None) = (cid, &gateway, &args.account) {
        return elsewhere(cid, path.as_deref(), Some(gateway), out).await;
    }
    let session = Session::with_service(home).await?;
    let result = at_account(&session, &args, cid, path.as_deref(), gateway, out).await;
    session.end().await?;
    result
}

/// Verifies what an account holds; a comparison with files is kept with the pin.
async fn at_account(
    session: &Session,
    args: &VerifyArgs,
    cid: Option<Cid>,
    path: Option<&Path>,
    gateway: Option<Url>,
    out: Output,
) -> Result<(), Failure> {
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?),
        None => None,
    };
    let id = account.as_ref().map(|account| &account.id);
    let pin = match cid {
        Some(cid) => pin_of(session, cid, account.as_ref()).await?,
        None => Some(session.engine.pin_named(&args.what, id).await?),
    };
    if let (Some(pin), Some(path)) = (&pin, path) {
        let key = pin.key();
        let proving = session.engine.prove(&key, Some(path.into()), gateway.as_ref());
        let line = || progress::of(session.engine.proof_progress(&key).unwrap_or_default());
        let compared = progress::shown(line, proving).await?;
        return print_compared(&pin.held.cid, path, &compared.outcome, out);
    }
    let account = match (&pin, account) {
        (_, Some(account)) => Some(account),
        (Some(pin), None) => Some(session.engine.account(&pin.account).await?),
        (None, None) => None,
    };
    let gateway = gateway.or_else(|| account.as_ref()?.gateway.clone());
    let cid = pin.map(|pin| pin.held.cid).or(cid).ok_or(Error::Internal)?;
    elsewhere(cid, path, gateway.as_ref(), out).await
}

/// The pin of that CID that is known here.
async fn pin_of(session: &Session, cid: Cid, account: Option<&Account>) -> Result<Option<Pin>, Failure> {
    let query = PinQuery {
        limit: 100,
        search: cid.to_string(),
        account: account.map(|account| account.id.clone()),
        ..PinQuery::default()
    };
    Ok(session.engine.pins(query).await?.rows.into_iter().find(|pin| pin.held.cid == cid))
}

/// Verifies without any pin.
async fn elsewhere(cid: Cid, path: Option<&Path>, gateway: Option<&Url>, out: Output) -> Result<(), Failure> {
    let ports = host::ports(Urgency::Foreground)?;
    let gateway = gateway.map(|base| ports.connect.gateway(base)).transpose()?;
    let course = Course::default();
    let line = || progress::of(course.bytes());
    if let Some(path) = path {
        let clock = Arc::clone(&ports.clock);
        let comparing = compare((ports.disk, ports.hashing), clock, gateway, (path, Limits::NONE), cid, course.clone());
        let (_, outcome) = progress::shown(line, comparing).await?;
        return print_compared(&cid, path, &outcome, out);
    }
    let Some(gateway) = gateway else {
        return Err(Failure::Plain("No gateway is known for this; say which with --gateway or --account.".into()));
    };
    let walked = walk(ports.clock, gateway, cid, &course).await?;
    print_walked(&cid, &walked, out)
}

fn real(path: &Path) -> Result<PathBuf, Error> {
    let real = std::path::absolute(path).and_then(std::fs::canonicalize);
    real.map_err(|source| Error::Unreadable { path: path.into(), source })
}

fn print_compared(cid: &Cid, path: &Path, outcome: &Outcome, out: Output) -> Result<(), Failure> {
    let (verdict, how, profile) = match outcome {
        Outcome::Verified(Method::Profile(profile)) => ("verified", Some("profile"), Some(profile.name())),
        Outcome::Verified(Method::Blocks) => ("verified", Some("blocks"), None),
        Outcome::Differs(_) => ("differs", None, None),
        Outcome::Unknown(_) => ("unknown", None, None),
    };
    let compared = Compared {
        cid: cid.to_string(),
        path: path.display().to_string(),
        verdict,
        how,
        profile,
        difference: match outcome {
            Outcome::Differs(difference) => Some(shown(difference)),
            _ => None,
        },
        reason: match outcome {
            Outcome::Unknown(reason) => Some(reason.clone()),
            _ => None,
        },
    };
    out.result(&compared, || {
        let said = match outcome {
            Outcome::Differs(Difference { path: inside, kind: DifferenceKind::FromByte(byte) }) => {
                let path = if inside.is_empty() { path.into() } else { path.join(inside) };
                format!("differs from byte {byte} of {}", path.display())
            }
            outcome => outcome.to_string(),
        };
        format!("{}  {said}", compared.cid)
    })?;
    match outcome {
        Outcome::Verified(_) => Ok(()),
        Outcome::Differs(_) => Err(Failure::Partial),
        Outcome::Unknown(_) => Err(Failure::Unknown),
    }
}

fn shown(difference: &Difference) -> ShownDifference {
    let (what, byte) = match difference.kind {
        DifferenceKind::FromByte(byte) => ("content", Some(byte)),
        DifferenceKind::OnlyHere => ("only_here", None),
        DifferenceKind::OnlyThere => ("only_there", None),
        DifferenceKind::Kind { .. } => ("kind", None),
        DifferenceKind::Target => ("link_target", None),
    };
    ShownDifference { path: difference.path.clone(), what, byte }
}

fn print_walked(cid: &Cid, walked: &Walked, out: Output) -> Result<(), Failure> {
    let texts = |cids: &[Cid]| cids.iter().map(Cid::to_string).collect::<Vec<_>>();
    let is_sound = walked.missing.is_empty() && walked.corrupt.is_empty();
    let (verdict, word) = match (is_sound, walked.refused.is_empty()) {
        _ if walked.is_complete() => ("complete", "complete: every block can be fetched and is undamaged"),
        (false, _) => ("incomplete", "not complete"),
        (true, false) => ("refused", "cannot be read: every block can be fetched, and they contradict each other"),
        (true, true) if walked.unknown.is_empty() => {
            ("unknown", "cannot be said: it has more blocks than are looked at")
        }
        (true, true) => ("unknown", "cannot be said: it has blocks of a format or hash that is not known here"),
    };
    let retrieved = Retrieved {
        cid: cid.to_string(),
        verdict,
        blocks: walked.blocks,
        bytes: walked.bytes,
        missing: texts(&walked.missing),
        corrupt: texts(&walked.corrupt),
        unknown: texts(&walked.unknown),
        refused: walked.refused.iter().map(ToString::to_string).collect(),
        reason: (verdict == "unknown").then(|| word.into()),
    };
    out.result(&retrieved, || {
        format!("{}  {word}  {} blocks, {}", retrieved.cid, retrieved.blocks, bytes(retrieved.bytes))
    })?;
    complain_of(walked);
    match verdict {
        "complete" => Ok(()),
        "incomplete" | "refused" => Err(Failure::Partial),
        _ => Err(Failure::Unknown),
    }
}

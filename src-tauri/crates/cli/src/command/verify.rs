//! `holdfast verify`: two questions, each with its own answer. Whether an account's service has the blocks; and, where a file is
//! named, whether that is what the CID names.

mod answer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use holdfast_content::{Cid, CidInText, Extent};
use holdfast_core::{
    CheckRun, CheckedPin, Error,
    account::{Account, PlainHttp, parse_base_url},
    content::{Limits, Urgency},
    host,
    pin::{Pin, PinQuery, PinSet},
    proof::{CopyState, Course, USUAL_EXTENT, check_copy, compare},
};
use url::Url;

use self::answer::{Told, Worst, print_compared, print_copy};
use crate::{
    Failure,
    args::VerifyArgs,
    caller::Caller,
    progress,
    run::{owned_by_another, tell},
    session::Session,
};

pub(crate) async fn run(args: VerifyArgs, caller: &Caller) -> Result<(), Failure> {
    match verify(args, caller).await {
        // A failure says nothing about the content.
        Err(failure)
            if !matches!(failure, Failure::Partial | Failure::Unknown) && owned_by_another(&failure).is_none() =>
        {
            tell(&failure, caller);
            Err(Failure::Unknown)
        }
        result => result,
    }
}

async fn verify(args: VerifyArgs, caller: &Caller) -> Result<(), Failure> {
    let gateway =
        args.gateway.as_deref().map(|text| parse_base_url("gateway", text, PlainHttp::Refused)).transpose()?;
    let path = args.path.as_deref().map(|path| real(path, caller)).transpose()?;
    let cid = match args.what.as_deref().map(str::parse::<CidInText>) {
        Some(Ok(found)) if !found.path.is_empty() => {
            return Err(Failure::Plain(format!(
                "This link leads to {:?} inside a directory; only the directory itself ({}) has a CID here.",
                found.path, found.cid
            )));
        }
        Some(Ok(found)) => Some(found.cid),
        _ => None,
    };
    // With a CID and a gateway, no home is needed: another engine may own it.
    if let (Some(cid), Some(gateway), None) = (cid, &gateway, &args.account) {
        return elsewhere(cid, path.as_deref(), Some(gateway), extent(&args), caller).await;
    }
    let session = Session::with_service(caller).await?;
    let result = at_accounts(&session, &args, cid, path.as_deref(), gateway, caller).await;
    session.end().await?;
    result
}

const fn extent(args: &VerifyArgs) -> Extent {
    if args.every_block { Extent::Whole } else { USUAL_EXTENT }
}

/// Verifies what accounts hold; what comes of it is kept.
async fn at_accounts(
    session: &Session,
    args: &VerifyArgs,
    cid: Option<Cid>,
    path: Option<&Path>,
    gateway: Option<Url>,
    caller: &Caller,
) -> Result<(), Failure> {
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?),
        None => None,
    };
    let Some(what) = &args.what else {
        let pins = every_pin(session, account, caller).await;
        return copies(session, pins, extent(args), true, caller).await?.end();
    };
    let pins = match cid {
        Some(cid) => {
            let mut pins = session.engine.pins_of(cid).await?;
            pins.retain(|pin| account.as_ref().is_none_or(|account| account.id == pin.account));
            pins
        }
        None => vec![session.engine.pin_named(what, account.as_ref().map(|account| &account.id)).await?],
    };
    let [first, ..] = pins.as_slice() else {
        let gateway = gateway.or_else(|| account?.gateway);
        return match cid {
            Some(cid) => elsewhere(cid, path, gateway.as_ref(), extent(args), caller).await,
            None => Ok(()),
        };
    };
    let mut worst = Worst::default();
    if let Some(path) = path {
        let key = first.key();
        let proving = session.engine.prove(&key, Some(path.into()), gateway.as_ref());
        let line = || progress::of(session.engine.proof_progress(&key).unwrap_or_default());
        let compared = progress::shown(line, proving, caller).await?;
        worst.add(print_compared(&first.held.cid, path, &compared.outcome, caller)?);
    }
    let pins = PinSet::Named(pins.iter().map(Pin::key).collect());
    worst.add(copies(session, pins, extent(args), false, caller).await?);
    worst.end()
}

/// Asks the accounts for their copies. Of many, each that is not sound is told, and how many are.
async fn copies(
    session: &Session,
    pins: PinSet,
    extent: Extent,
    many: bool,
    caller: &Caller,
) -> Result<Worst, Failure> {
    let run = CheckRun::of(&session.engine);
    let told = Mutex::new((Told::default(), Ok(())));
    let checked = |CheckedPin { pin, account, check }: CheckedPin| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.0.count(check.state);
        if !many || caller.is_json() || check.state != CopyState::Sound {
            let printed = print_copy(&pin.held.cid, Some((&account.label, &pin.name())), &check, caller);
            told.1 = std::mem::replace(&mut told.1, Ok(())).and(printed);
        }
    };
    let line = || {
        let progress = run.progress();
        let (pins, blocks) = (progress.pins_done, progress.blocks_done);
        format!("{pins} of {} pins, {blocks} of {} blocks of the next", progress.pins_total, progress.blocks_total)
    };
    progress::shown(line, session.engine.check_copies(pins, extent, &run, checked), caller).await?;
    let (told, printed) = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    printed?;
    if many && !caller.is_json() {
        caller.result(&(), || told.to_string())?;
    }
    Ok(told.worst())
}

/// All pins of an account, or of all of them, as their services list them.
async fn every_pin(session: &Session, account: Option<Account>, caller: &Caller) -> PinSet {
    if let Err(error) = session.engine.refresh(account.as_ref().map(|account| &account.id)).await {
        caller.complain(&format!("the list of pins may be out of date: {error}"), error.details().as_deref());
    }
    let query = PinQuery { account: account.map(|account| account.id), ..PinQuery::default() };
    PinSet::Matching(query.into())
}

/// Verifies without any pin: what lies here where a path is given, else what the gateway has.
async fn elsewhere(
    cid: Cid,
    path: Option<&Path>,
    gateway: Option<&Url>,
    extent: Extent,
    caller: &Caller,
) -> Result<(), Failure> {
    let ports = host::ports(Urgency::Foreground)?;
    let gateway = gateway.map(|base| ports.connect.gateway(base)).transpose().map_err(Error::from)?;
    let course = Course::default();
    let mut worst = Worst::default();
    if let Some(path) = path {
        let clock = Arc::clone(&ports.clock);
        let (files, here) = ((ports.disk, ports.hashing), (path, Limits::NONE));
        let comparing = compare(files, clock, gateway, here, (cid, None), course.clone());
        let (_, outcome) = progress::shown(|| progress::of(course.progress()), comparing, caller).await?;
        worst.add(print_compared(&cid, path, &outcome, caller)?);
        return worst.end();
    }
    let Some(gateway) = gateway else {
        return Err(Failure::Plain("No gateway is known for this; say which with --gateway or --account.".into()));
    };
    let line = || {
        let (done, total) = course.progress();
        format!("{done} of {total} blocks")
    };
    let checking = check_copy(ports.clock, &*ports.entropy, gateway, cid, extent, &course);
    let check = progress::shown(line, checking, caller).await?;
    print_copy(&cid, None, &check, caller)?;
    let mut told = Told::default();
    told.count(check.state);
    told.worst().end()
}

fn real(path: &Path, caller: &Caller) -> Result<PathBuf, Error> {
    let real = caller.absolute(path).and_then(std::fs::canonicalize);
    real.map_err(|source| Error::Unreadable { path: path.into(), source })
}

//! `holdfast show`

use holdfast_content::{base36, cid_v0, cid_v1, multihash_hex};
use holdfast_core::{
    OtherCopy,
    account::SameLogin,
    pin::PinKey,
    proof::{Check, CopyState, Finding, Scope},
};
use serde::Serialize;

use super::list::Row;
use crate::{Failure, args::ShowArgs, caller::Caller, session::Session};

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: Row,
    cid_v0: Option<String>,
    cid_v1: String,
    cid_base36: String,
    multihash: String,
    gateway_link: Option<String>,
    is_directory: bool,
    raw_status: String,
    message: Option<String>,
    /// The word that the table has for it.
    standing: &'static str,
    proof: &'static str,
    others: Vec<ShownOther>,
    checks: Vec<ShownCheck>,
    receipts: Vec<ShownReceipt>,
}

/// Another pin of the same content.
#[derive(Serialize)]
struct ShownOther {
    account: String,
    id: String,
    status: &'static str,
    /// Whether it is the same login as the pin's account, which makes it no other copy.
    same_login: &'static str,
}

/// A question that was asked, and the answer.
#[derive(Serialize)]
struct ShownCheck {
    at: String,
    question: &'static str,
    outcome: &'static str,
    code: Option<&'static str>,
    blocks: Option<u64>,
    of: Option<u64>,
    path: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct ShownReceipt {
    at: String,
    cid: String,
    proof: &'static str,
    profile: Option<String>,
    reason: Option<String>,
    compared_at: Option<String>,
    source: Option<String>,
    size: u64,
}

pub(crate) async fn run(args: ShowArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::with_service(caller).await?;
    let account = match &args.account {
        Some(name) => Some(session.engine.account_named(name).await?.id),
        None => None,
    };
    if let Err(error) = session.engine.refresh(account.as_ref()).await {
        caller.complain(&format!("this may be out of date: {error}"), error.details().as_deref());
    }
    let pin = session.engine.pin_named(&args.id, account.as_ref()).await?;
    let details = session.engine.pin_details(&PinKey { account: pin.account.clone(), id: pin.held.id.clone() }).await?;
    let views = session.engine.accounts().await?;
    let view = views.into_iter().find(|view| view.account.id == details.account.id);
    let (cid, held) = (pin.held.cid, details.pin.held.clone());
    let shown = Shown {
        cid_v0: cid_v0(&cid),
        cid_v1: cid_v1(&cid),
        cid_base36: base36(&cid),
        multihash: multihash_hex(&cid),
        gateway_link: details.account.gateway_link(&cid.to_string()),
        is_directory: held.is_directory,
        raw_status: held.raw_status,
        message: held.message,
        standing: details.pin.standing().as_str(),
        proof: details.pin.content.as_str(),
        others: details.others.iter().map(other).collect(),
        checks: details.checks.iter().map(check).collect(),
        receipts: details.receipts.into_iter().map(receipt).collect(),
        row: Row::of(details.pin, view.as_ref()),
    };
    caller.result(&shown, || describe(&shown))?;
    session.end().await
}

fn other(other: &OtherCopy) -> ShownOther {
    ShownOther {
        account: other.label.clone(),
        id: other.pin.held.id.0.clone(),
        status: other.pin.held.status.as_str(),
        same_login: match other.same_login {
            SameLogin::No => "no",
            SameLogin::Perhaps => "perhaps",
            SameLogin::Yes => "yes",
        },
    }
}

fn check(check: &Check) -> ShownCheck {
    let (at, reason) = (check.at.to_rfc3339(), check.reason.clone());
    match &check.finding {
        Finding::Copy { scope, state } => {
            let (blocks, of) = match *scope {
                Scope::All { blocks } => (blocks, None),
                Scope::Sample { blocks, of } => (blocks, Some(of)),
            };
            let code = match state {
                CopyState::Unknown(doubt) => Some(doubt.as_str()),
                _ => None,
            };
            let (question, outcome, blocks) = ("copy", state.as_str(), Some(blocks));
            ShownCheck { at, question, outcome, code, blocks, of, path: None, reason }
        }
        Finding::File { path, state } => {
            let (question, outcome, path) = ("file", state.as_str(), Some(path.display().to_string()));
            ShownCheck { at, question, outcome, code: None, blocks: None, of: None, path, reason }
        }
    }
}

fn receipt(receipt: holdfast_core::pin::Receipt) -> ShownReceipt {
    ShownReceipt {
        at: receipt.at.to_rfc3339(),
        cid: receipt.cid.to_string(),
        proof: receipt.proof.as_str(),
        profile: receipt.profile,
        reason: receipt.reason,
        compared_at: receipt.compared_at.map(|at| at.to_rfc3339()),
        source: receipt.source.map(|path| path.display().to_string()),
        size: receipt.bytes,
    }
}

fn describe(shown: &Shown) -> Vec<String> {
    let row = &shown.row;
    let mut lines = vec![
        format!("name       {}", row.name),
        format!("account    {}", row.account),
        format!("id         {}", row.id),
        format!("CID        {}", row.cid),
        format!("CID v0     {}", shown.cid_v0.as_deref().unwrap_or("none (it is no dag-pb)")),
        format!("CID v1     {}", shown.cid_v1),
        format!("base36     {}", shown.cid_base36),
        format!("multihash  {}", shown.multihash),
        format!("size       {}", row.size.map_or_else(|| "unknown".into(), |size| format!("{size} bytes"))),
        format!("status     {} ({})", row.shown_status(), shown.raw_status),
        format!("proof      {}", shown.standing.replace('_', " ")),
        format!("pinned at  {}", row.pinned_at.as_deref().unwrap_or("unknown")),
    ];
    lines.extend(shown.message.iter().map(|message| format!("message    {message}")));
    lines.extend(shown.gateway_link.iter().map(|link| format!("gateway    {link}")));
    lines.extend(row.metadata.iter().map(|(key, value)| format!("metadata   {key}={value}")));
    for other in &shown.others {
        let login = match other.same_login {
            "yes" => ", the same login",
            "perhaps" => ", perhaps the same login",
            _ => "",
        };
        lines.push(format!("also at    {} ({}{login})", other.account, other.status));
    }
    for check in &shown.checks {
        let reason = check.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let said = match (&check.path, check.blocks, check.of) {
            (Some(path), ..) => format!("file {}: {}{reason}", path, check.outcome),
            (None, Some(blocks), Some(of)) => format!("copy {} ({blocks} of {of} blocks){reason}", check.outcome),
            (None, blocks, _) => format!("copy {} (all {} blocks){reason}", check.outcome, blocks.unwrap_or_default()),
        };
        lines.push(format!("checked    {}  {said}", check.at));
    }
    for receipt in &shown.receipts {
        let source = receipt.source.as_deref().unwrap_or("by CID");
        let proof = match (receipt.proof, &receipt.profile, &receipt.reason) {
            ("verified", Some(profile), _) => format!("same CID computed here ({profile})"),
            ("verified", None, _) => "proven block by block".into(),
            (proof, _, Some(reason)) => format!("{}: {reason}", proof.replace('_', " ")),
            (proof, _, None) => proof.replace('_', " "),
        };
        lines.push(format!("receipt    {}  {source}  {proof}", receipt.at));
    }
    lines
}

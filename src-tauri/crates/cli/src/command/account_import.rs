//! `holdfast account import-kubo`

use holdfast_core::account::Keep;
use serde::Serialize;

use super::account_row::print;
use crate::{Failure, args::ImportKuboArgs, caller::Caller, output::Lines, session::Session};

#[derive(Serialize)]
struct Found {
    name: String,
    label: String,
    kind: &'static str,
    endpoint: String,
    already_added: bool,
    problem: Option<String>,
}

pub(super) async fn run(args: ImportKuboArgs, caller: &Caller) -> Result<(), Failure> {
    let session = Session::open(caller).await?;
    let repository = args.repo.map(|repo| caller.absolute(repo)).transpose()?;
    if args.names.is_empty() {
        let found: Vec<Found> = session.engine.kubo_services(repository).await?.into_iter().map(Found::from).collect();
        caller.result(&found, || describe(&found))?;
        return session.end().await;
    }
    let mut complete = true;
    for imported in session.engine.import_kubo_services(repository, &args.names, Keep::Keyring).await? {
        match imported.account {
            Ok(view) => print(&view, caller)?,
            Err(error) => {
                caller.complain(&format!("{}: {error}", imported.name), error.details().as_deref());
                complete = false;
            }
        }
    }
    session.end().await?;
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

impl From<holdfast_core::FoundService> for Found {
    fn from(found: holdfast_core::FoundService) -> Self {
        Self {
            name: found.name,
            label: found.label,
            kind: found.kind.as_str(),
            endpoint: found.endpoint,
            already_added: found.already_added,
            problem: found.problem,
        }
    }
}

fn describe(found: &[Found]) -> Lines {
    let line = |one: &Found| {
        let state = match &one.problem {
            _ if one.already_added => "added already",
            Some(problem) => problem.as_str(),
            None => "can be added",
        };
        let state = if one.label == one.name { state.to_owned() } else { format!("{state}, as {}", one.label) };
        format!("{}  {}  {}  {}", one.name, one.kind, one.endpoint, state)
    };
    found.iter().map(line).collect()
}

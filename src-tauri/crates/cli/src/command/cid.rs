//! `holdfast cid`: offline, no home needed.

use holdfast_content::Profile;
use holdfast_core::{
    content::{Limits, identify, plan},
    disk::Disk,
    host::RealDisk,
};
use serde::Serialize;

use crate::{
    Failure,
    args::CidArgs,
    output::{Output, complain, note, one_line},
};

#[derive(Serialize)]
struct Row {
    path: String,
    profile: &'static str,
    cid: String,
    size: u64,
}

pub(crate) fn run(args: &CidArgs, out: Output) -> Result<(), Failure> {
    let profiles = if args.all_profiles { Profile::ALL.to_vec() } else { vec![args.profile] };
    let mut complete = true;
    for path in &args.paths {
        let shown = path.display().to_string();
        let identified = std::path::absolute(path)
            .and_then(|path| RealDisk.canonicalize(&path))
            .map_err(|source| holdfast_core::Error::Unreadable { path: path.clone(), source })
            .and_then(|path| plan(&RealDisk, &path, Limits::NONE))
            .and_then(|plan| identify(&RealDisk, &plan, &profiles).map(|identified| (plan.skipped, identified)));
        match identified {
            Ok((skipped, identified)) => {
                for problem in skipped {
                    note(&format!("holdfast: left out {}: {}", one_line(&problem.name), problem.reason));
                }
                for one in identified {
                    let row = Row {
                        path: shown.clone(),
                        profile: one.profile.name(),
                        cid: one.link.cid.to_string(),
                        size: one.link.content_bytes,
                    };
                    out.result(&row, || {
                        let profile = if args.all_profiles { format!("{:<20}  ", row.profile) } else { String::new() };
                        format!("{profile}{}  {}", row.cid, one_line(&row.path))
                    })?;
                }
            }
            Err(error) => {
                complain(&error.to_string(), None);
                complete = false;
            }
        }
    }
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

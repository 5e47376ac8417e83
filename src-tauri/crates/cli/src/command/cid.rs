//! `holdfast cid`: offline, no home needed.

use std::{io::BufWriter, path::Path, sync::Arc};

use holdfast_content::{BlockSink, Discard, Entries, EntryRules, NewFile, Profile, car::CarWriter};
use holdfast_core::{
    Error,
    content::{HashingPool, Identification, Identified, Limits, Problem, Urgency, plan},
    disk::Disk,
    host::RealDisk,
};
use holdfast_private::Umask;
use serde::Serialize;

use crate::{
    Failure,
    args::{CidArgs, LeaveOut},
    caller::Caller,
    interrupt::{Interrupt, Writing, until_interrupted},
    stream,
};

#[derive(Serialize)]
struct Row {
    path: String,
    profile: &'static str,
    cid: String,
    size: u64,
}

pub(crate) async fn run(args: CidArgs, umask: Umask, caller: &Caller) -> Result<(), Failure> {
    let own = caller.clone();
    until_interrupted(caller, move |interrupt| print_all(&args, umask, &interrupt, &own)).await
}

fn print_all(args: &CidArgs, umask: Umask, interrupt: &Interrupt, caller: &Caller) -> Result<(), Failure> {
    if args.car.is_some() && args.paths.len() > 1 {
        return Err(Failure::Plain("An archive holds one path; give --car for each.".into()));
    }
    let pool = HashingPool::start(Urgency::Foreground).map_err(Error::Threads)?;
    let identification = Identification::new(pool);
    let entries = |kind| if args.leave_out.contains(&kind) { Entries::LeftOut } else { Entries::Included };
    let entries = EntryRules {
        hidden: entries(LeaveOut::Hidden),
        symlinks: entries(LeaveOut::Symlinks),
        empty_directories: entries(LeaveOut::EmptyFolders),
    };
    let profiles = if args.all_profiles { Profile::ALL.to_vec() } else { vec![args.profile] };
    let profiles: Vec<_> = profiles.into_iter().map(|profile| profile.with_entries(entries)).collect();
    let mut complete = true;
    for path in &args.paths {
        let car = args.car.as_deref().map(|car| (car, umask));
        match identified(&identification, path, &profiles, car, interrupt) {
            Ok(Found { skipped, identified }) => {
                for problem in &skipped {
                    caller.note(&format!("holdfast: left out {}: {}", problem.name, problem.reason));
                }
                for one in identified {
                    print(&path.display().to_string(), &one, args.all_profiles, caller)?;
                }
            }
            Err(error) => {
                caller.complain(&error.to_string(), None);
                complete = false;
            }
        }
    }
    if complete { Ok(()) } else { Err(Failure::Partial) }
}

/// What was left out of a path, and its CIDs.
struct Found {
    skipped: Vec<Problem>,
    identified: Vec<Identified>,
}

fn identified(
    identification: &Identification,
    path: &Path,
    profiles: &[Profile],
    car: Option<(&Path, Umask)>,
    interrupt: &Interrupt,
) -> Result<Found, Failure> {
    let unreadable = |source| Error::Unreadable { path: path.into(), source };
    if let Some(mut stream) = stream::at(path).map_err(unreadable)? {
        let car = car.map(|(car, umask)| create(car, None, umask)).transpose()?;
        let identify = |sink: &mut dyn BlockSink| identification.identify_stream(&mut stream, path, profiles, sink);
        return Ok(Found { skipped: Vec::new(), identified: written(profiles, car, interrupt, identify)? });
    }
    let real = std::path::absolute(path).and_then(|path| RealDisk.canonicalize(&path)).map_err(unreadable)?;
    let entries = profiles.first().map_or(EntryRules::EVERYTHING, Profile::entries);
    let plan = Arc::new(plan(&RealDisk, &real, Limits { entries, outward_links: Entries::LeftOut, ..Limits::NONE })?);
    let car = car.map(|(car, umask)| create(car, Some(&real), umask)).transpose()?;
    let identify = |sink: &mut dyn BlockSink| identification.identify_into(&plan, profiles, sink);
    let identified = written(profiles, car, interrupt, identify)?;
    Ok(Found { skipped: plan.skipped.clone(), identified })
}

/// Begins an archive of what lies at `of`. It is no part of that, even where it will lie inside.
fn create(car: &Path, of: Option<&Path>, umask: Umask) -> Result<NewFile, Failure> {
    let shown = car.display().to_string();
    let file = NewFile::create(car).map_err(|error| Failure::Plain(format!("{shown}: {error}")))?;
    let directory = std::path::absolute(car)?.parent().map(Path::to_owned).unwrap_or_default();
    let is_inside = of.is_some_and(|of| directory.canonicalize().is_ok_and(|directory| directory.starts_with(of)));
    if file.is_seen() && is_inside {
        return Err(Failure::Plain(format!("{shown} would lie inside what it is made of; write it somewhere else.")));
    }
    umask.open_up(file.file())?;
    Ok(file)
}

/// Identifies, and writes the blocks into an archive where one is wanted.
fn written(
    profiles: &[Profile],
    car: Option<NewFile>,
    interrupt: &Interrupt,
    identify: impl FnOnce(&mut dyn BlockSink) -> Result<Vec<Identified>, Error>,
) -> Result<Vec<Identified>, Failure> {
    let (Some(car), [profile]) = (car, profiles) else {
        return Ok(identify(&mut Writing(&mut Discard, interrupt))?);
    };
    let out = BufWriter::with_capacity(1 << 20, car.file());
    let mut writer = CarWriter::new(out, *profile).map_err(Error::Blocks)?;
    let identified = identify(&mut Writing(&mut writer, interrupt))?;
    let root = identified.first().ok_or(Error::Internal)?.link.cid;
    writer.finish(&root).map_err(Error::Blocks)?;
    car.keep().map_err(Error::Blocks)?;
    Ok(identified)
}

fn print(path: &str, one: &Identified, with_profile: bool, caller: &Caller) -> Result<(), Failure> {
    let row = Row {
        path: path.into(),
        profile: one.profile.name(),
        cid: one.link.cid.to_string(),
        size: one.link.content_bytes,
    };
    caller.result(&row, || {
        let profile = if with_profile { format!("{:<20}  ", row.profile) } else { String::new() };
        format!("{profile}{}  {}", row.cid, row.path)
    })?;
    Ok(())
}

//! `holdfast cid`: offline, no home needed.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::Path,
    sync::Arc,
};

use holdfast_content::{Entries, EntryRules, Profile, car::CarWriter};
use holdfast_core::{
    Error,
    content::{HashingPool, Identification, Identified, Limits, Plan, Urgency, plan},
    disk::Disk,
    host::RealDisk,
};
use holdfast_private::Umask;
use serde::Serialize;

use crate::{
    Failure,
    args::{CidArgs, LeaveOut},
    output::{Output, complain, note},
};

#[derive(Serialize)]
struct Row {
    path: String,
    profile: &'static str,
    cid: String,
    size: u64,
}

pub(crate) fn run(args: &CidArgs, umask: Umask, out: Output) -> Result<(), Failure> {
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
        match identified(&identification, path, &profiles, args.car.as_deref(), umask) {
            Ok((plan, identified)) => {
                for problem in &plan.skipped {
                    note(&format!("holdfast: left out {}: {}", problem.name, problem.reason));
                }
                for one in identified {
                    print(&path.display().to_string(), &one, args.all_profiles, out)?;
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

fn identified(
    identification: &Identification,
    path: &Path,
    profiles: &[Profile],
    car: Option<&Path>,
    umask: Umask,
) -> Result<(Arc<Plan>, Vec<Identified>), Error> {
    let unreadable = |source| Error::Unreadable { path: path.into(), source };
    let real = std::path::absolute(path).and_then(|path| RealDisk.canonicalize(&path)).map_err(unreadable)?;
    let entries = profiles.first().map_or(EntryRules::EVERYTHING, Profile::entries);
    let plan = Arc::new(plan(&RealDisk, &real, Limits { entries, outward_links: Entries::LeftOut, ..Limits::NONE })?);
    let identified = match (car, profiles) {
        (Some(car), [profile]) => archived(identification, &plan, *profile, car, umask)?,
        _ => identification.identify(&plan, profiles)?,
    };
    Ok((plan, identified))
}

/// Writes the blocks to a new archive; an archive that could not be finished is removed.
fn archived(
    identification: &Identification,
    plan: &Arc<Plan>,
    profile: Profile,
    car: &Path,
    umask: Umask,
) -> Result<Vec<Identified>, Error> {
    let file = File::create_new(car).map_err(Error::Blocks)?;
    let written = || {
        umask.open_up(&file).map_err(Error::Blocks)?;
        let mut writer = CarWriter::new(BufWriter::with_capacity(1 << 20, file), profile).map_err(Error::Blocks)?;
        let identified = identification.identify_into(plan, &[profile], &mut writer)?;
        let root = identified.first().ok_or(Error::Internal)?.link.cid;
        writer.finish(&root).map_err(Error::Blocks)?;
        Ok(identified)
    };
    let written = written();
    if written.is_err()
        && let Err(error) = fs::remove_file(car)
    {
        note(&format!("holdfast: {} is not complete and cannot be removed: {error}", car.display()));
    }
    written
}

fn print(path: &str, one: &Identified, with_profile: bool, out: Output) -> Result<(), Failure> {
    let row = Row {
        path: path.into(),
        profile: one.profile.name(),
        cid: one.link.cid.to_string(),
        size: one.link.content_bytes,
    };
    out.result(&row, || {
        let profile = if with_profile { format!("{:<20}  ", row.profile) } else { String::new() };
        format!("{profile}{}  {}", row.cid, row.path)
    })?;
    Ok(())
}

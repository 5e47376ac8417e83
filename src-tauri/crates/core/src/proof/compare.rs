//! Comparing files here with what a CID names.

use std::{io, path::Path, sync::Arc};

use holdfast_content::{
    BlockSink, Cid, Difference, DifferenceKind, Entries, Profile, ProofLimits, Verdict, prove_file, prove_tree,
};
use tokio::task::spawn_blocking;

use super::{
    Course, Method, Outcome,
    local::{PlannedFile, PlannedTree},
    remote::RemoteBlocks,
};
use crate::{
    clock::Clock,
    content::{HashingPool, Identification, Limits, Plan, plan},
    disk::Disk,
    error::Error,
    gateway::Gateway,
};

/// Compares what lies at `path` with what `cid` names: by its CID under every named profile, which asks nobody, else by
/// the blocks that `gateway` gives. A file that has another CID under the profile `made_by`, which is known to have made this
/// one, is another file whatever the gateway gives.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Changed`] and [`Error::Refused`] for what lies at `path`, and [`Error::Cancelled`]. What
/// is wrong with the gateway is an outcome.
pub async fn compare(
    (disk, pool): (Arc<dyn Disk>, HashingPool),
    clock: Arc<dyn Clock>,
    gateway: Option<Arc<dyn Gateway>>,
    (path, limits): (&Path, Limits),
    (cid, made_by): (Cid, Option<Profile>),
    course: Course,
) -> Result<(Arc<Plan>, Outcome), Error> {
    let path = path.to_owned();
    let planned = blocking(&course, move |_| plan(&*disk, &path, limits)).await?;
    let planned = Arc::new(planned);
    course.expect(planned.content_bytes());
    let again = Identification { pool, cancel: course.stop.clone() };
    let identified = {
        let identification = again.clone();
        let planned = Arc::clone(&planned);
        blocking(&course, move |course| identification.identify_into(&planned, &Profile::ALL, &mut Counted(course)))
            .await?
    };
    let same = |one: &Cid| one.hash() == cid.hash() && one.codec() == cid.codec();
    if let Some(one) = identified.iter().find(|one| same(&one.link.cid)) {
        return Ok((planned, Outcome::Verified(Method::Profile(one.profile))));
    }
    // Links that lead out are not sent, but others may have taken them as they are.
    if planned.links().next().is_some() || limits.outward_links == Entries::LeftOut {
        let other = match limits.outward_links {
            Entries::Included => Entries::LeftOut,
            Entries::LeftOut => Entries::Included,
        };
        let (first, identification) = (Arc::clone(&planned), again);
        let other = Limits { outward_links: other, ..limits };
        let found = blocking(&course, move |_| {
            let planned = Arc::new(first.within(other)?);
            let is_same = planned.has_the_entries_of(&first);
            let all = if is_same { Vec::new() } else { identification.identify(&planned, &Profile::ALL)? };
            Ok((planned, all))
        });
        let (planned, identified) = found.await?;
        if let Some(one) = identified.iter().find(|one| same(&one.link.cid)) {
            return Ok((planned, Outcome::Verified(Method::Profile(one.profile))));
        }
    }
    let is_other = !planned.is_directory && made_by.is_some();
    let Some(gateway) = gateway else {
        if is_other {
            return Ok((planned, Outcome::Differs(None)));
        }
        let reason = "no known profile gives this CID, and there is no gateway to get its blocks from.";
        return Ok((planned, Outcome::Unknown(reason.into())));
    };
    let outcome = match by_blocks(clock, gateway, Arc::clone(&planned), cid, course).await? {
        Outcome::Unknown(_) if is_other => Outcome::Differs(None),
        outcome => outcome,
    };
    Ok((planned, outcome))
}

/// Compares a plan's files with the blocks behind `cid`.
pub(crate) async fn by_blocks(
    clock: Arc<dyn Clock>,
    gateway: Arc<dyn Gateway>,
    plan: Arc<Plan>,
    cid: Cid,
    course: Course,
) -> Result<Outcome, Error> {
    course.expect(plan.content_bytes());
    blocking(&course, move |course| {
        let source = RemoteBlocks::new(gateway, cid, clock, course.stop.clone());
        let limits = ProofLimits::default();
        let proven = match plan.single() {
            Some(file) => prove_file(&PlannedFile::open(&plan, file, course)?, &cid, &source, limits),
            None => prove_tree(&PlannedTree::new(&plan, course), &cid, &source, limits),
        };
        let verdict = match proven.map_err(error_of) {
            Ok(proven) => proven.verdict,
            Err(Error::Gateway(error)) => return Ok(Outcome::Unknown(format!("{error}."))),
            Err(error) => return Err(error),
        };
        // A difference, too, is one only if nobody wrote meanwhile.
        plan.check()?;
        Ok(match verdict {
            Verdict::Equal => Outcome::Verified(Method::Blocks),
            Verdict::DiffersFrom(byte) => {
                Outcome::Differs(Some(Difference { path: String::new(), kind: DifferenceKind::FromByte(byte) }))
            }
            Verdict::Differs(difference) => Outcome::Differs(Some(difference)),
            Verdict::CannotFetch(block, why) => Outcome::Unknown(format!("the block {block}: {why}.")),
            Verdict::Undecided(why) => Outcome::Unknown(format!("{why}.")),
        })
    })
    .await
}

/// Counts blocks of every profile at once.
struct Counted<'a>(&'a Course);

impl BlockSink for Counted<'_> {
    fn put(&mut self, _: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        self.0.done((bytes / Profile::ALL.len()) as u64);
        Ok(())
    }
}

/// Runs `work` on a thread that may block; it is told to stop when nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    course: &Course,
    work: impl FnOnce(&Course) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let waited_for = Course { stop: course.stop.child_token(), ..course.clone() };
    let _ends = waited_for.stop.clone().drop_guard();
    tokio::select! {
        done = spawn_blocking(move || work(&waited_for)) => done.map_err(|_| Error::Internal)?,
        () = course.stop.cancelled() => Err(Error::Cancelled),
    }
}

/// The error that came through an interface of I/O errors.
fn error_of(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(Error::Blocks)
}

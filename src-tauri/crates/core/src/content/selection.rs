//! A selection: what a person dropped or picked, looked at before anything is sent.

use std::path::{Path, PathBuf};

use super::{Limits, Plan, Problem, plan, plan::entry_name};
use crate::{
    disk::{Disk, EntryKind},
    error::Error,
};

/// Links of a directory that are told by name.
const LINKS_NAMED: usize = 3;

/// What a person chose.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What can be pinned.
    pub items: Vec<SelectionItem>,
    /// What inside a directory is left out.
    pub skipped: Vec<Problem>,
    /// What is pinned, and will not be what a person may expect.
    pub remarks: Vec<Problem>,
    /// What cannot be pinned at all.
    pub refused: Vec<Problem>,
    /// Why a person should be asked first, where there is a reason.
    pub needs_confirmation: Option<String>,
}

/// One file or directory of a selection.
#[derive(Clone, Debug)]
pub struct SelectionItem {
    /// The path that was chosen.
    pub given: PathBuf,
    /// Where it lies, without links in it.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Regular files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is to be uploaded, and what it is called; by itself it has the name that it lies under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Where it lies, without links in it.
    pub path: PathBuf,
    /// What its pin is called.
    pub name: Option<String>,
    /// Bytes of content, as they were when it was chosen; 0 where nobody looked.
    pub bytes: u64,
}

impl From<PathBuf> for Chosen {
    fn from(path: PathBuf) -> Self {
        Self { path, name: None, bytes: 0 }
    }
}

impl From<&SelectionItem> for Chosen {
    fn from(item: &SelectionItem) -> Self {
        Self { path: item.path.clone(), name: Some(item.name.clone()), bytes: item.bytes }
    }
}

/// Looks at the paths that a person chose. `own` are directories that hold Holdfast's own state; `home` is the person's
/// home directory. Blocks.
#[must_use]
pub fn select(disk: &dyn Disk, paths: &[PathBuf], limits: Limits, own: &Path, home: Option<&Path>) -> Selection {
    let mut selection = Selection::default();
    for path in paths {
        match look(disk, path, limits, own, home) {
            Ok(looked) => {
                selection.needs_confirmation = selection.needs_confirmation.or(looked.reason_to_ask);
                selection.skipped.extend(looked.skipped);
                selection.remarks.extend(looked.remarks);
                selection.items.push(looked.item);
            }
            Err(error) => {
                let name = path.file_name().map_or_else(|| path.display().to_string(), entry_name);
                selection.refused.push(Problem { name, reason: reason(error) });
            }
        }
    }
    selection
}

struct Looked {
    item: SelectionItem,
    skipped: Vec<Problem>,
    remarks: Vec<Problem>,
    reason_to_ask: Option<String>,
}

fn look(disk: &dyn Disk, given: &Path, limits: Limits, own: &Path, home: Option<&Path>) -> Result<Looked, Error> {
    if !given.is_absolute() {
        return Err(Error::InvalidInput("this is not a file on this computer".into()));
    }
    // A link that a person drops stands for what it points to.
    let unreadable = |source| Error::Unreadable { path: given.into(), source };
    let path = disk.canonicalize(given).map_err(unreadable)?;
    let is_directory = disk.stat(&path).map_err(unreadable)?.kind == EntryKind::Directory;
    if let Some(reason) = reason_to_ask(&path, own, home).filter(|_| is_directory) {
        // Perhaps a whole disk: it is looked at when a person has said so.
        let name = path.file_name().map_or_else(|| path.display().to_string(), entry_name);
        let item = SelectionItem { given: given.into(), path, name, is_directory, files: 0, bytes: 0 };
        return Ok(Looked { item, skipped: Vec::new(), remarks: Vec::new(), reason_to_ask: Some(reason) });
    }
    let plan = plan(disk, &path, limits)?;
    let item = SelectionItem {
        given: given.into(),
        path,
        // What a link is called, not what it leads to.
        name: given.file_name().map_or_else(|| plan.name.clone(), entry_name),
        is_directory: plan.is_directory,
        files: plan.files(),
        bytes: plan.content_bytes(),
    };
    let remarks = about_links(&plan).into_iter().chain(plan.about_names());
    let remarks = remarks.map(|reason| Problem { name: item.name.clone(), reason }).collect();
    Ok(Looked { item, skipped: plan.skipped, remarks, reason_to_ask: None })
}

/// What gateways make of links, where there are some.
fn about_links(plan: &Plan) -> Option<String> {
    let named: Vec<_> = plan.links().take(LINKS_NAMED).map(|link| link.path()).collect();
    let more = plan.links().skip(LINKS_NAMED).count();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = named.join(", ");
    (!named.is_empty()).then(|| {
        format!("the links in it stay links ({named}{more}). Gateways do not follow them: a page needs the file itself")
    })
}

fn reason(error: Error) -> String {
    match error {
        Error::Refused { reason, .. } => reason,
        error => error.to_string(),
    }
}

fn reason_to_ask(path: &Path, own: &Path, home: Option<&Path>) -> Option<String> {
    if path.parent().is_none() {
        Some("This is a whole disk. What is pinned at an online service can be fetched by anybody.".into())
    } else if home.is_some_and(|home| home.starts_with(path)) {
        Some("This holds your whole home folder. What is pinned at an online service can be fetched by anybody.".into())
    } else if own.starts_with(path) || path.starts_with(own) {
        Some("This holds Holdfast's own state.".into())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::RealDisk;

    #[test]
    fn what_cannot_be_pinned_is_named_and_the_rest_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a \"b\"\n");
        fs::write(&file, "abc").unwrap();
        let paths = [file, dir.path().join("vanished"), "relative".into()];
        let own = Path::new("/nowhere/holdfast");
        let selection = select(&RealDisk, &paths, Limits::NONE, own, None);
        assert_eq!((selection.items.len(), selection.items[0].bytes), (1, 3));
        let refused: Vec<_> = selection.refused.iter().map(|problem| problem.name.as_str()).collect();
        assert_eq!(refused, ["vanished", "relative"]);
        assert_eq!(selection.needs_confirmation, None);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_was_chosen_is_what_it_leads_to_under_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("v1.2.bin"), "abc").unwrap();
        let link = dir.path().join("latest.bin");
        std::os::unix::fs::symlink("v1.2.bin", &link).unwrap();
        let selection = select(&RealDisk, &[link], Limits::NONE, Path::new("/nowhere"), None);
        let item = &selection.items[0];
        assert_eq!((item.name.as_str(), item.path.file_name().unwrap().to_str()), ("latest.bin", Some("v1.2.bin")));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_stay_links_are_mentioned() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("site")).unwrap();
        for name in ["a", "b", "c", "d"] {
            std::os::unix::fs::symlink("page", dir.path().join("site").join(name)).unwrap();
        }
        let selection = select(&RealDisk, &[dir.path().join("site")], Limits::NONE, Path::new("/nowhere"), None);
        assert_eq!(selection.remarks[0].name, "site");
        assert!(selection.remarks[0].reason.contains("(a, b, c and 1 more)"), "{:?}", selection.remarks);
    }

    #[test]
    fn names_that_are_sent_as_others_are_mentioned() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("trip")).unwrap();
        for name in ["a\u{7}", "b\n", "c\u{1}", "d\u{2}", "good"] {
            fs::write(dir.path().join("trip").join(name), name).unwrap();
        }
        let chosen = [dir.path().join("trip")];
        let exact = select(&RealDisk, &chosen, Limits::NONE, Path::new("/nowhere"), None);
        assert_eq!((exact.items[0].files, exact.remarks.len()), (5, 0));
        let sent = select(&RealDisk, &chosen, Limits::LEAST, Path::new("/nowhere"), None);
        assert_eq!((sent.items[0].files, sent.skipped.len(), sent.remarks.len()), (5, 0, 1));
        assert!(sent.remarks[0].reason.contains("\u{7} as a%07"), "{:?}", sent.remarks);
        assert!(sent.remarks[0].reason.ends_with(" and 1 more)"), "{:?}", sent.remarks);
    }

    #[test]
    fn a_home_directory_and_holdfasts_own_state_are_asked_about() {
        let ask =
            |path: &str| reason_to_ask(Path::new(path), Path::new("/h/u/.data/holdfast"), Some(Path::new("/h/u")));
        assert!(ask("/").is_some() && ask("/h").is_some() && ask("/h/u").is_some() && ask("/h/u/.data").is_some());
        assert!(ask("/h/u/pictures").is_none());
    }
}

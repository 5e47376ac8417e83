//! What is wrong with the home as a whole, told on standard error as it comes to be known.

use std::convert::Infallible;

use holdfast_core::{Duty, Trouble};
use tokio::sync::{oneshot, watch};

use crate::caller::Caller;

/// Tells of each trouble once, until the other end of `ends` is gone.
pub(crate) async fn tell(
    caller: Caller,
    mut troubles: watch::Receiver<Vec<Trouble>>,
    mut ends: oneshot::Receiver<Infallible>,
) {
    let (mut told, mut is_last): (Vec<Trouble>, bool) = (Vec::new(), false);
    loop {
        let now = troubles.borrow_and_update().clone();
        for trouble in now.iter().filter(|trouble| !told.contains(trouble)) {
            caller.note(&format!("holdfast: {}", in_words(trouble)));
        }
        told = now;
        if is_last {
            return;
        }
        tokio::select! {
            changed = troubles.changed() => is_last = changed.is_err(),
            _ = &mut ends => is_last = true,
        }
    }
}

fn in_words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::DiskFull => {
            "the disk with Holdfast's data is full. Nothing is lost; make room, and work goes on by itself.".to_owned()
        }
        Trouble::DiskFails { said } => format!(
            "Holdfast's data cannot be written ({said}). Nothing is lost; it is tried again by itself, until you have seen to \
             its disk."
        ),
        Trouble::Damaged => {
            "Holdfast's database is damaged. Nothing more is begun; start Holdfast again, and it is set aside \
             and what can be read of it is kept."
                .to_owned()
        }
        Trouble::SetAside { copy, is_whole } => {
            let rest = if *is_whole {
                "Everything in it could be read, but for the lists of the services, which are asked for again"
            } else {
                "What could be read of it is kept: look whether accounts or folders are missing, and add those again"
            };
            format!(
                "Holdfast's database was damaged. It is set aside as {}. {rest}. What is pinned is looked for before \
                 anything is sent.",
                copy.display()
            )
        }
        Trouble::Defect { duty, times } => {
            let what = match duty {
                Duty::Queue => "working through the queue".to_owned(),
                Duty::Lists => "asking the accounts for their lists".to_owned(),
                Duty::UnderWay => "asking about what services work on".to_owned(),
                Duty::Account(id) => format!("asking the account {id}"),
                Duty::Usage => "measuring what this computer holds".to_owned(),
                Duty::Keyring => "having the keyring forget what is not needed".to_owned(),
                Duty::History => "forgetting old transfers".to_owned(),
                Duty::Limits => "keeping to the limits of the hour".to_owned(),
                Duty::Database => "looking whether there is room for Holdfast's data".to_owned(),
                Duty::Folder(id) => format!("watching the folder {id}"),
            };
            let often = if *times == 1 { String::new() } else { format!(", for the {times}th time in a row") };
            format!(
                "{what} ended with a defect of Holdfast{often}; it is begun again by itself. Please report what stands above."
            )
        }
    }
}

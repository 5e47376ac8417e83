//! What is wrong with the home as a whole, told on standard error as it comes to be known.

use holdfast_core::{Duty, Trouble};
use tokio::sync::watch;

use crate::output::note;

/// Tells of each trouble once, until the engine is gone.
pub(crate) async fn tell(mut troubles: watch::Receiver<Vec<Trouble>>) {
    let mut told: Vec<Trouble> = Vec::new();
    loop {
        let now = troubles.borrow_and_update().clone();
        for trouble in now.iter().filter(|trouble| !told.contains(trouble)) {
            note(&format!("holdfast: {}", in_words(trouble)));
        }
        told = now;
        if troubles.changed().await.is_err() {
            return;
        }
    }
}

fn in_words(trouble: &Trouble) -> String {
    match trouble {
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
                Duty::Folder(id) => format!("watching the folder {id}"),
            };
            let often = if *times == 1 { String::new() } else { format!(", for the {times}th time in a row") };
            format!(
                "{what} ended with a defect of Holdfast{often}; it is begun again by itself. Please report what stands above."
            )
        }
    }
}

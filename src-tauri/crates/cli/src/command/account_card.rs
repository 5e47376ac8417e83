//! `holdfast account check`

use holdfast_core::{
    account::{AccountCard, Deletion, Duplicates},
    provider::UploadForms,
};
use serde::Serialize;

use crate::{Failure, caller::Caller, output::bytes, session::Session};

#[derive(Serialize)]
struct Checked<'a> {
    account: &'a str,
    #[serde(flatten)]
    card: &'a AccountCard,
}

pub(super) async fn run(name: &str, caller: &Caller) -> Result<(), Failure> {
    let session = Session::with_service(caller).await?;
    let account = session.engine.account_named(name).await?;
    let view = session.engine.probe_account(&account.id).await?;
    let Some(card) = &view.account.card else {
        return Err(Failure::Plain("The check found nothing out.".into()));
    };
    let checked = Checked { account: &view.account.label, card };
    caller.result(&checked, || describe(&checked))?;
    session.end().await
}

fn describe(checked: &Checked<'_>) -> Vec<String> {
    let card = checked.card;
    let mut lines = vec![
        format!("account     {}", checked.account),
        format!("takes       {}", card.upload.map_or_else(|| "no files, only CIDs".into(), taken)),
        format!("CIDs        {}", card.profile.as_deref().unwrap_or("of no profile that showed")),
        format!(
            "keeps       {}",
            if card.metadata { "names and metadata of pins" } else { "names of pins, no metadata" }
        ),
        format!("changes     {}", changes(card)),
        format!("twice       {}", duplicates(card.duplicates)),
        format!("unpinned    {}", deletion(card.deletion)),
        format!("filters by  {}", listed(card.filters.iter().map(|filter| filter.as_str()))),
        format!("sorts by    {}", listed(card.sorts.iter().map(|sort| sort.as_str()))),
        format!(
            "pages by    {}{}",
            card.paging.as_str(),
            card.page_rows.map(|rows| format!(", {rows} rows")).unwrap_or_default()
        ),
    ];
    lines.extend(card.usage.map(|usage| {
        let quota = usage.quota_bytes.map(|quota| format!(" of {}", bytes(quota))).unwrap_or_default();
        format!("used        {}{quota}", bytes(usage.used_bytes))
    }));
    lines.extend(card.notes.iter().map(|note| format!("note        {note}")));
    lines
}

fn taken(forms: UploadForms) -> String {
    let more = [
        (forms.empty_files, "files without content"),
        (forms.directory_parts, "empty folders, symlinks"),
        (forms.car_archives, "CAR archives"),
    ];
    let more = more.into_iter().filter_map(|(is_taken, what)| is_taken.then_some(what));
    ["files", "folders"].into_iter().chain(more).collect::<Vec<_>>().join(", ")
}

const fn changes(card: &AccountCard) -> &'static str {
    match (card.edit, card.metadata) {
        (true, true) => "name and metadata of a pin",
        (true, false) => "the name of a pin",
        (false, _) => "nothing of a pin",
    }
}

const fn duplicates(duplicates: Duplicates) -> &'static str {
    match duplicates {
        Duplicates::SamePin => "the same content is the same pin",
        Duplicates::AnotherPin => "the same content is another pin",
        Duplicates::Refused => "the same content is refused",
        Duplicates::Unknown => "did not show",
    }
}

const fn deletion(deletion: Deletion) -> &'static str {
    match deletion {
        Deletion::AtOnce => "gone at once",
        Deletion::Later => "gone after a while",
        Deletion::Failed => "not removed",
        Deletion::Unknown => "did not show",
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names = names.collect::<Vec<_>>().join(", ");
    if names.is_empty() { "nothing".into() } else { names }
}

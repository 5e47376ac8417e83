//! Questions to the mirror: sorted both ways, searched in every script, paged without gaps.

use std::collections::BTreeSet;

use holdfast_content::{Cid, Profile};
use holdfast_core::pin::{Pin, PinQuery, PinSort, PinStatus};
use holdfast_testkit::{FakeProvider, World, identified};

fn cid(number: u64) -> Cid {
    identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid
}

/// A world whose mirror has pins of these names, with many equal values in every column.
async fn world_of(names: &[String]) -> (FakeProvider, World) {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    provider.pins(|pins| {
        for (number, name) in (0..).zip(names) {
            let pin = pins.add(&cid(number), name);
            pin.size = (number % 5 != 0).then_some(number % 7);
            if number % 3 == 0 {
                (pin.status, pin.pinned) = ("pinning".into(), false);
            }
        }
    });
    let account = world.account(&provider, "one").await;
    world.engine.refresh(Some(&account)).await.unwrap();
    (provider, world)
}

async fn all(world: &World, query: &PinQuery, rows: u32) -> Vec<Pin> {
    let mut all = Vec::new();
    loop {
        let query = PinQuery { offset: all.len() as u64, limit: rows, ..query.clone() };
        let page = world.engine.pins(query).await.unwrap();
        if page.rows.is_empty() {
            assert_eq!(page.total, all.len() as u64);
            return all;
        }
        all.extend(page.rows);
    }
}

async fn found(world: &World, search: &str) -> BTreeSet<String> {
    let query = PinQuery { search: search.into(), ..PinQuery::default() };
    all(world, &query, 100).await.iter().map(Pin::name).collect()
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test]
async fn every_order_is_kept_over_all_pages_without_gaps_or_repeats() {
    let many: Vec<String> = (0..157).map(|number| format!("{}{}", ["b", "A", "c"][number % 3], number % 11)).collect();
    let (_provider, world) = world_of(&many).await;
    for descending in [false, true] {
        for sort in [PinSort::Name, PinSort::Size, PinSort::Status, PinSort::PinnedAt] {
            let query = PinQuery { sort, descending, ..PinQuery::default() };
            let mut rows = all(&world, &query, 10).await;
            let ids: BTreeSet<_> = rows.iter().map(Pin::key).collect();
            assert_eq!((rows.len(), ids.len()), (157, 157), "{sort:?}");
            if descending {
                rows.reverse();
            }
            let is_sorted = match sort {
                PinSort::Name => rows.is_sorted_by_key(|pin| pin.name().to_lowercase()),
                PinSort::Size => rows.is_sorted_by_key(|pin| pin.held.bytes),
                PinSort::Status => rows.is_sorted_by_key(|pin| pin.held.status.as_str()),
                PinSort::PinnedAt => rows.is_sorted_by_key(|pin| pin.held.pinned_at),
            };
            assert!(is_sorted, "{sort:?}, descending: {descending}");
        }
    }
}

#[tokio::test]
async fn a_search_takes_every_character_as_itself_and_no_letter_case() {
    let here =
        ["100% sure.txt", "100 sure.txt", "a_b", "axb", r"back\slash", "Ärger.pdf", "ärgern", "ΓΕΙΑ σου", "日本語.txt"];
    let (_provider, world) = world_of(&names(&here)).await;
    for (search, expected) in [
        ("%", vec!["100% sure.txt"]),
        ("_", vec!["a_b"]),
        (r"\", vec![r"back\slash"]),
        ("SURE", vec!["100 sure.txt", "100% sure.txt"]),
        ("ÄRGER", vec!["Ärger.pdf", "ärgern"]),
        ("γεια", vec!["ΓΕΙΑ σου"]),
        ("本", vec!["日本語.txt"]),
        (" a_b ", vec!["a_b"]),
        ("nothing like it", vec![]),
    ] {
        assert_eq!(found(&world, search).await, expected.into_iter().map(str::to_owned).collect(), "{search:?}");
    }
    assert_eq!(found(&world, &cid(4).to_string()).await.into_iter().collect::<Vec<_>>(), [r"back\slash"]);
    assert_eq!(found(&world, "").await.len(), here.len());
}

#[tokio::test]
async fn a_pin_without_a_name_goes_by_its_cid() {
    let (_provider, world) = world_of(&names(&["", "zz"])).await;
    let cid = cid(0).to_string();
    assert_eq!(world.pins().await.iter().map(Pin::name).collect::<Vec<_>>(), [cid.clone(), "zz".into()]);
    assert_eq!(found(&world, &cid[5..20]).await.len(), 1);
}

#[tokio::test]
async fn filters_narrow_rows_and_totals_alike() {
    let (_provider, world) = world_of(&names(&["a", "b", "c", "d"])).await;
    let query = PinQuery { status: Some(PinStatus::Fetching), limit: 1, ..PinQuery::default() };
    let page = world.engine.pins(query.clone()).await.unwrap();
    assert_eq!((page.rows.len(), page.total, page.total_bytes), (1, 2, 3));
    let nobody = PinQuery { account: Some(holdfast_core::account::AccountId("x".into())), ..query };
    assert_eq!(world.engine.pins(nobody).await.unwrap().total, 0);
}

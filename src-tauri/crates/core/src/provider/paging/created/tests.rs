//! Lists of simulated services, each with some manners of its own, while pins come and go.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use futures_util::TryStreamExt;
use holdfast_content::Cid;
use proptest::prelude::*;

use super::*;
use crate::pin::{LeftOut, Metadata, PinStatus, ProviderPin};

/// What a service makes of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It is kept.
    Exactly,
    /// Rows of the bound's own time are shown too.
    Inclusively,
    /// It is cut to the second first.
    ToTheSecond,
    /// It is passed over.
    NotAtAll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Honest,
    OfThePage,
    Zero,
    Huge,
    Absent,
}

#[derive(Clone, Debug)]
struct Simulated {
    /// Ids and milliseconds, oldest first.
    pins: Vec<(u32, i64)>,
    next_id: u32,
    longest_page: usize,
    kept: Kept,
    count: Count,
    oldest_first: bool,
    /// Milliseconds that it tells apart.
    granularity: i64,
    requests: u32,
}

impl Simulated {
    fn new(pins: u32) -> Self {
        let mut new = Self {
            pins: Vec::new(),
            next_id: 0,
            longest_page: 1_000,
            kept: Kept::Exactly,
            count: Count::Honest,
            oldest_first: false,
            granularity: 1,
            requests: 0,
        };
        (0..pins).for_each(|_| new.add(400));
        new
    }

    fn add(&mut self, later_by_millis: i64) {
        let last = self.pins.last().map_or(1_700_000_000_000, |(_, at)| *at);
        self.pins.push((self.next_id, last + later_by_millis));
        self.next_id += 1;
    }

    fn created(&self, at: i64) -> String {
        jiff::Timestamp::from_millisecond(at / self.granularity * self.granularity).unwrap().to_string()
    }

    fn answer(&mut self, ask: &Ask) -> CreatedRows {
        self.requests += 1;
        let limit = ask.rows.unwrap_or(1_000);
        let millis = |text: &str| {
            let at = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            if self.kept == Kept::ToTheSecond { at / 1_000 * 1_000 } else { at }
        };
        let is_asked_for = |at: i64| {
            let at = at / self.granularity * self.granularity;
            match (&ask.bound, self.kept) {
                (None, _) | (_, Kept::NotAtAll) => true,
                (Some(Bound::Before(bound)), Kept::Inclusively) => at <= millis(bound),
                (Some(Bound::After(bound)), Kept::Inclusively) => at >= millis(bound),
                (Some(Bound::Before(bound)), _) => at < millis(bound),
                (Some(Bound::After(bound)), _) => at > millis(bound),
            }
        };
        let mut matching: Vec<_> = self.pins.iter().copied().filter(|(_, at)| is_asked_for(*at)).collect();
        if !self.oldest_first {
            matching.reverse();
        }
        let total = matching.len() as u64;
        matching.truncate(self.longest_page.min(usize::try_from(limit).unwrap()));
        let count = matching.len() as u64;
        CreatedRows {
            marks: matching.iter().map(|(id, at)| mark(*id, &self.created(*at))).collect(),
            rows: Rows { pins: matching.iter().map(|(id, _)| pin(*id)).collect(), count, not_understood: 0 },
            total: match self.count {
                Count::Honest => Some(total),
                Count::OfThePage => Some(count),
                Count::Zero => Some(0),
                Count::Huge => Some(u64::MAX),
                Count::Absent => None,
            },
            limit,
        }
    }

    fn ids(&self) -> BTreeSet<u32> {
        self.pins.iter().map(|(id, _)| *id).collect()
    }
}

fn mark(id: u32, created: &str) -> Mark {
    Mark { id: PinId(id.to_string()), created: Moment::new(created) }
}

fn pin(id: u32) -> ProviderPin {
    ProviderPin {
        id: PinId(id.to_string()),
        cid: Cid::try_from("bafkqaaa").unwrap(),
        name: None,
        bytes: None,
        status: PinStatus::Pinned,
        raw_status: "pinned".into(),
        message: None,
        is_directory: false,
        pinned_at: None,
        metadata: Metadata::new(),
        left_out: LeftOut::NOTHING,
    }
}

/// What was seen of a list.
#[derive(Debug)]
struct Seen {
    ids: Vec<u32>,
    gaps: Vec<Gap>,
    requests: u32,
}

impl Seen {
    fn set(&self) -> BTreeSet<u32> {
        self.ids.iter().copied().collect()
    }
}

/// Goes through a service's list; `between` is called after every page.
fn go_through(service: &Mutex<Simulated>, between: impl FnMut(&mut Simulated) + Send) -> Result<Seen, ProviderError> {
    let between = Mutex::new(between);
    let pages = by_created(|ask| {
        let mut service = service.lock().unwrap_or_else(PoisonError::into_inner);
        let page = service.answer(&ask);
        between.lock().unwrap()(&mut service);
        async move { Ok(page) }
    });
    let pages: Vec<ListPage> =
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pages.try_collect())?;
    Ok(Seen {
        ids: pages.iter().flat_map(|page| &page.pins).map(|pin| pin.id.0.parse().unwrap()).collect(),
        gaps: pages.iter().filter_map(|page| page.gap).collect(),
        requests: service.lock().unwrap().requests,
    })
}

fn seen_of(service: Simulated) -> Seen {
    go_through(&Mutex::new(service), |_| {}).unwrap()
}

#[test]
fn a_list_is_seen_whole_and_once_whatever_the_service_says_of_its_length() {
    for count in [Count::Honest, Count::OfThePage, Count::Zero, Count::Huge, Count::Absent] {
        for pins in [1, 2, 9, 10, 11, 99, 100, 101] {
            for oldest_first in [false, true] {
                let service = Simulated { longest_page: 10, count, oldest_first, ..Simulated::new(pins) };
                let expected: Vec<u32> = if oldest_first { (0..pins).collect() } else { (0..pins).rev().collect() };
                let seen = seen_of(service);
                assert_eq!((seen.ids, seen.gaps), (expected, vec![]), "{count:?} {pins} {oldest_first}");
                assert!(seen.requests <= pins / 9 + 3, "{count:?} {pins}: {} requests", seen.requests);
            }
        }
    }
}

#[test]
fn an_empty_page_is_believed_unless_the_service_says_that_there_are_pins() {
    for (count, gaps) in [
        (Count::Honest, vec![]),
        (Count::OfThePage, vec![]),
        (Count::Absent, vec![]),
        (Count::Huge, vec![Gap::Truncated]),
    ] {
        let seen = seen_of(Simulated { count, ..Simulated::new(0) });
        assert_eq!((seen.ids.len(), seen.gaps, seen.requests), (0, gaps, 1), "{count:?}");
    }
}

#[test]
fn rows_without_a_time_are_pins_too() {
    for (total, gap) in [(Some(2), None), (Some(3), Some(Gap::Truncated)), (None, Some(Gap::Truncated))] {
        let mut walk = Walk::default();
        let rows = Rows { pins: vec![pin(1), pin(2), pin(2)], count: 2, not_understood: 0 };
        let page = walk.take(CreatedRows { rows, marks: vec![], total, limit: 1_000 }).unwrap();
        assert_eq!((page.pins.len(), page.gap, walk.is_over), (2, gap, true), "{total:?}");
    }
}

#[test]
fn pins_of_one_second_are_not_lost_between_two_pages() {
    let service = Simulated { longest_page: 10, granularity: 1_000, ..Simulated::new(100) };
    let seen = seen_of(service.clone());
    assert_eq!((seen.set(), seen.gaps), (service.ids(), vec![]));
}

#[test]
fn more_pins_of_one_second_than_fit_on_a_page_are_said_to_be_missing() {
    let mut service = Simulated { longest_page: 10, granularity: 1_000, ..Simulated::new(0) };
    (0..50).for_each(|_| service.add(1));
    service.add(5_000);
    let seen = seen_of(service);
    assert!(seen.gaps.contains(&Gap::Truncated), "{seen:?}");
}

#[test]
fn a_service_that_passes_over_the_bound_shows_what_it_shows() {
    let mute = |pins, longest_page, count| {
        seen_of(Simulated { kept: Kept::NotAtAll, longest_page, count, ..Simulated::new(pins) })
    };
    for (pins, longest_page, count, shown, gaps) in [
        (9, 1_000, Count::Honest, 9, vec![]),
        (500, 1_000, Count::Honest, 500, vec![]),
        (500, 1_000, Count::OfThePage, 500, vec![Gap::Truncated]),
        (500, 100, Count::Honest, 100, vec![Gap::Truncated]),
        (500, 100, Count::OfThePage, 100, vec![Gap::Truncated]),
        (500, 100, Count::Absent, 100, vec![Gap::Truncated]),
        (2_000, 1_000, Count::Honest, 1_000, vec![Gap::Truncated]),
    ] {
        let seen = mute(pins, longest_page, count);
        assert_eq!((seen.set().len(), seen.gaps), (shown, gaps), "{pins} {longest_page} {count:?}");
        assert!(seen.requests <= 4, "{} requests", seen.requests);
    }
}

#[test]
fn a_service_that_shows_the_bound_itself_again_is_gone_through_all_the_same() {
    let service = Simulated { kept: Kept::Inclusively, longest_page: 10, ..Simulated::new(100) };
    let seen = seen_of(service.clone());
    assert_eq!((seen.set(), seen.gaps), (service.ids(), vec![]));
}

#[test]
fn a_service_that_cuts_times_to_the_second_loses_nothing_by_it() {
    let service = Simulated { kept: Kept::ToTheSecond, longest_page: 10, ..Simulated::new(100) };
    let seen = seen_of(service.clone());
    assert_eq!(seen.set(), service.ids());
}

#[test]
fn a_bound_is_the_text_that_came() {
    let asked = RefCell::new(Vec::new());
    let times = ["2025-10-13T12:05:00.1000+00:00", "2025-10-13T12:04:59.123456789Z"];
    let mut walk = Walk::default();
    for _ in 0..2 {
        asked.borrow_mut().push(walk.ask.clone());
        let marks = vec![mark(1, times[0]), mark(2, times[1])];
        let rows = Rows { pins: vec![pin(1), pin(2)], count: 2, not_understood: 0 };
        walk.take(CreatedRows { rows, marks, total: None, limit: 1_000 }).unwrap();
    }
    assert_eq!(asked.borrow()[1].bound, Some(Bound::Before(times[0].into())));
}

#[test]
fn pages_without_end_come_to_an_end() {
    for step_millis in [0, 1, -1] {
        let number = Mutex::new(0);
        let pages = by_created(|_| {
            let mut number = number.lock().unwrap();
            *number += 1;
            let at = jiff::Timestamp::from_millisecond(1_700_000_000_000 - step_millis * i64::from(*number)).unwrap();
            let page = CreatedRows {
                marks: vec![mark(*number, &at.to_string())],
                rows: Rows { pins: vec![pin(*number)], count: 1, not_understood: 0 },
                total: Some(u64::MAX),
                limit: 1_000,
            };
            async move { Ok(page) }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let pages: Result<Vec<ListPage>, _> = runtime.block_on(pages.try_collect());
        match pages {
            Err(ProviderError::Protocol { reason }) => assert!(reason.contains("no end"), "{reason}"),
            Err(error) => panic!("{error}"),
            Ok(pages) => assert_eq!(pages.iter().filter_map(|page| page.gap).next_back(), Some(Gap::Truncated)),
        }
    }
}

/// Something that happens between two pages.
#[derive(Clone, Copy, Debug)]
enum Event {
    Add(i64),
    Remove(prop::sample::Index),
    Nothing,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..2_000_i64).prop_map(Event::Add),
        any::<prop::sample::Index>().prop_map(Event::Remove),
        Just(Event::Nothing),
    ];
    prop::collection::vec(event, 0..30)
}

fn services() -> impl Strategy<Value = Simulated> {
    let kept = prop_oneof![Just(Kept::Exactly), Just(Kept::Inclusively), Just(Kept::ToTheSecond), Just(Kept::NotAtAll)];
    let count = prop_oneof![
        Just(Count::Honest),
        Just(Count::OfThePage),
        Just(Count::Zero),
        Just(Count::Huge),
        Just(Count::Absent)
    ];
    let gaps = prop::collection::vec(0..1_500_i64, 0..150);
    let granularity = prop_oneof![Just(1), Just(1_000)];
    (gaps, 10..40_usize, kept, count, any::<bool>(), granularity).prop_map(
        |(gaps, longest_page, kept, count, oldest_first, granularity)| {
            let mut service = Simulated { longest_page, kept, count, oldest_first, granularity, ..Simulated::new(0) };
            gaps.into_iter().for_each(|gap| service.add(gap));
            service
        },
    )
}

proptest! {
    /// The promise: what was there all the time is seen, or the list says that it may lack something.
    #[test]
    fn no_pin_that_was_there_all_the_time_is_lost_in_silence(service in services(), events in events()) {
        let before = service.ids();
        let service = Mutex::new(service);
        let mut events = events.into_iter();
        let seen = go_through(&service, |service| match events.next() {
            Some(Event::Add(later)) => service.add(later),
            Some(Event::Remove(which)) if !service.pins.is_empty() => {
                let at = which.index(service.pins.len());
                service.pins.remove(at);
            }
            _ => {}
        }).unwrap();
        let after = service.lock().unwrap().ids();
        let throughout: BTreeSet<u32> = before.intersection(&after).copied().collect();
        let missed: Vec<_> = throughout.difference(&seen.set()).copied().collect();
        prop_assert!(missed.is_empty() || !seen.gaps.is_empty(), "missed {missed:?}");
        let exact = service.lock().unwrap().clone();
        prop_assert!(seen.requests < 200, "{} requests", seen.requests);
        if exact.kept == Kept::Exactly && exact.granularity == 1 {
            prop_assert!(missed.is_empty(), "missed {missed:?} {:?}", seen.gaps);
        }
    }
}

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn account() -> AccountId {
    AccountId("one".into())
}

fn unreachable() -> Error {
    ProviderError::Unreachable { reason: "no connection".into() }.into()
}

fn over_quota() -> Error {
    ProviderError::OverQuota { message: None }.into()
}

#[test]
fn an_outage_closes_the_gate_and_one_at_a_time_tries_it_with_growing_pauses() {
    let (mut gates, mut now) = (Gates::default(), Duration::ZERO);
    let mut pauses = Vec::new();
    gates.ended(&account(), Task::Upload, Err(&unreachable()), now, 0.0);
    for _ in 0..8 {
        assert_eq!(gates.admits(&account(), Task::Pin, now), Admission::Closed);
        let pause = gates.next_try_after(now).unwrap();
        pauses.push(pause.as_secs());
        now += pause;
        assert_eq!(gates.admits(&account(), Task::Pin, now), Admission::Probe);
        gates.begin(&account(), Task::Pin);
        assert_eq!(gates.admits(&account(), Task::Upload, now), Admission::Closed, "one at a time");
        gates.ended(&account(), Task::Pin, Err(&unreachable()), now, 0.0);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    now += LONGEST_PAUSE;
    gates.begin(&account(), Task::Upload);
    assert!(gates.ended(&account(), Task::Upload, Ok(()), now, 0.0), "it is open again");
    assert_eq!(gates.admits(&account(), Task::Upload, now), Admission::Open);
}

#[test]
fn those_that_were_under_way_when_it_closed_lengthen_no_pause() {
    let mut gates = Gates::default();
    for _ in 0..5 {
        gates.ended(&account(), Task::Upload, Err(&unreachable()), Duration::ZERO, 0.0);
    }
    assert_eq!(gates.next_try_after(Duration::ZERO), Some(SECOND));
}

#[test]
fn an_account_that_is_full_may_be_unpinned_at_and_is_tried_once_something_was() {
    let mut gates = Gates::default();
    gates.ended(&account(), Task::Upload, Err(&over_quota()), Duration::ZERO, 0.0);
    assert_eq!(gates.admits(&account(), Task::Upload, 60 * SECOND), Admission::Closed);
    assert_eq!(gates.admits(&account(), Task::Unpin, 60 * SECOND), Admission::Open);
    gates.ended(&account(), Task::Unpin, Ok(()), 60 * SECOND, 0.0);
    gates.room_at(&account());
    assert_eq!(gates.admits(&account(), Task::Upload, 60 * SECOND), Admission::Probe);
}

#[test]
fn a_rest_lasts_as_long_as_the_service_asks_and_not_for_years() {
    let rest = |after| {
        let mut gates = Gates::default();
        let error = ProviderError::RateLimited { after, message: None }.into();
        gates.ended(&account(), Task::Pin, Err(&error), Duration::ZERO, 1.0);
        gates.next_try_after(Duration::ZERO).unwrap()
    };
    assert_eq!(rest(Some(17 * SECOND)), 17 * SECOND);
    assert_eq!(rest(Some(Duration::from_secs(1 << 40))), pause::LONGEST_REST);
    assert_eq!(rest(None), REST);
}

#[test]
fn a_key_that_is_not_accepted_is_not_tried_again_until_somebody_says_so() {
    let mut gates = Gates::default();
    let refused = ProviderError::Unauthorized { message: None }.into();
    gates.ended(&account(), Task::Upload, Err(&refused), Duration::ZERO, 0.0);
    assert_eq!(gates.admits(&account(), Task::Unpin, Duration::MAX), Admission::Closed);
    gates.try_now(&account());
    assert_eq!(gates.admits(&account(), Task::Unpin, SECOND), Admission::Probe);
    gates.forget(&account());
    assert_eq!(gates.admits(&account(), Task::Unpin, SECOND), Admission::Open);
}

#[test]
fn what_a_service_refuses_says_that_it_is_there() {
    let mut gates = Gates::default();
    gates.ended(&account(), Task::Upload, Err(&unreachable()), Duration::ZERO, 0.0);
    let refused = ProviderError::Refused { status: 400, message: "no".into() }.into();
    assert!(gates.ended(&account(), Task::Upload, Err(&refused), SECOND, 0.0));
    assert_eq!(gates.admits(&account(), Task::Upload, SECOND), Admission::Open);
}

#[test]
fn a_file_that_cannot_be_read_says_nothing_of_the_account() {
    let mut gates = Gates::default();
    gates.ended(&account(), Task::Upload, Err(&unreachable()), Duration::ZERO, 0.0);
    gates.begin(&account(), Task::Upload);
    let changed = Error::Changed { path: "/a".into() };
    assert!(!gates.ended(&account(), Task::Upload, Err(&changed), SECOND, 0.0));
    assert_eq!(gates.admits(&account(), Task::Upload, SECOND), Admission::Probe, "the next one may find out");
}

proptest! {
    /// Whatever happens at a gate: it is tried by one at a time, never sooner than it says, and always at some time unless only
    /// a person can open it.
    #[test]
    fn a_closed_gate_is_tried_by_one_at_a_time_and_never_for_ever_shut(steps in proptest::collection::vec((0..6_u8, 0..3_usize, 0..5_000_u64), 1..200)) {
        let (mut gates, mut now, mut under_way) = (Gates::default(), Duration::ZERO, Vec::new());
        for (what, task, pause) in steps {
            let task = Task::ALL[task];
            now += Duration::from_millis(pause * 20);
            let admission = gates.admits(&account(), task, now);
            if admission != Admission::Closed {
                if admission == Admission::Probe {
                    gates.begin(&account(), task);
                    prop_assert_eq!(gates.admits(&account(), task, now), Admission::Closed);
                }
                under_way.push(task);
            }
            if let Some(task) = under_way.pop() {
                let error = match what {
                    0 => None,
                    1 => Some(unreachable()),
                    2 => Some(over_quota()),
                    3 => Some(ProviderError::RateLimited { after: None, message: None }.into()),
                    4 => Some(Error::Cancelled),
                    _ => Some(ProviderError::Unavailable { status: 500, after: None, message: None }.into()),
                };
                gates.ended(&account(), task, error.as_ref().map_or(Ok(()), Err), now, 0.5);
            }
        }
        for task in under_way {
            gates.ended(&account(), task, Err(&Error::Cancelled), now, 0.0);
        }
        now += LONGEST_LONG_PAUSE.mul_f64(1.25);
        for task in Task::ALL {
            prop_assert_ne!(gates.admits(&account(), task, now), Admission::Closed);
        }
    }
}

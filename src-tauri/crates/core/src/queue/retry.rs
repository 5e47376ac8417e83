//! When a transfer that failed is tried again, by what went wrong and by what had been sent.
//!
//! Pure: what concerns the account is waited for behind its gate for as long as it takes; what was sent in vain is bounded.

use std::time::Duration;

use super::{gate, pause};
use crate::{code::Code, error::Error};

/// Failures before a transfer that may yet succeed is given up and left to the person.
const MAX_FAILURES: u32 = 12;

/// The same where a person or a script waits for the end.
const MAX_FAILURES_WHILE_WAITED_FOR: u32 = 3;

/// What may be sent in vain: so many times the transfer's bytes, and a little more for small ones.
const VAIN_TIMES: u64 = 3;
const VAIN_BYTES: u64 = 16 << 20;

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Between tries after each of which bytes were sent in vain.
const LONGEST_PAUSE_AFTER_SENDING: Duration = Duration::from_secs(300);

/// How long to go on trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// A few tries: somebody waits.
    Short,
    /// Through any outage: the queue is worked on as long as the engine runs.
    Endless,
}

/// A try that failed, and those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tries {
    /// Begun, with this one.
    pub(crate) attempts: u32,
    /// Those that count towards giving up, without this one.
    pub(crate) failures: u32,
    /// What there is to send.
    pub(crate) bytes: u64,
    /// What this one has sent.
    pub(crate) sent: u64,
    /// What all have sent in vain, with this one.
    pub(crate) sent_in_vain: u64,
}

/// What comes after a try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is the person's turn.
    GiveUp,
    /// It waits until its account's gate is open.
    Hold,
    /// It is tried again after a pause.
    After(Duration),
}

/// What comes after it, and how many failures count from then on.
pub(crate) fn after(error: &Error, tries: Tries, patience: Patience) -> (Next, u32) {
    // What an account cannot do at the moment is nobody's failure, unless it took bytes and never said why it failed.
    let failures = match patience {
        // Nor is that nothing can be written down.
        _ if is_of_database(error) => tries.failures,
        Patience::Endless if gate::concerns_account(error) && !may_be_its_own(error, tries) => tries.failures,
        _ => tries.failures.saturating_add(1),
    };
    (next(error, tries, failures, patience), failures)
}

fn next(error: &Error, tries: Tries, failures: u32, patience: Patience) -> Next {
    if is_of_database(error) {
        return Next::After(pause::doubled(pause::FIRST, LONGEST_PAUSE, tries.attempts));
    }
    let concerns_account = gate::concerns_account(error);
    if patience == Patience::Short {
        let is_given_up = !error.is_retryable() || failures >= MAX_FAILURES_WHILE_WAITED_FOR;
        return if is_given_up { Next::GiveUp } else { Next::After(asked_or(error, LONGEST_PAUSE, tries.attempts)) };
    }
    let allowed = tries.bytes.saturating_mul(VAIN_TIMES).saturating_add(VAIN_BYTES);
    if failures >= MAX_FAILURES || tries.sent_in_vain > allowed || !(concerns_account || error.is_retryable()) {
        return Next::GiveUp;
    }
    match concerns_account {
        true if may_be_its_own(error, tries) => Next::After(asked_or(error, LONGEST_PAUSE_AFTER_SENDING, failures)),
        true => Next::Hold,
        false => Next::After(asked_or(error, LONGEST_PAUSE, tries.attempts)),
    }
}

/// Whether it is the database that fails.
fn is_of_database(error: &Error) -> bool {
    matches!(error, Error::Store(error) if error.is_of_database())
}

/// Whether it may be this one transfer that the service, or somebody on the way to it, fails at.
fn may_be_its_own(error: &Error, tries: Tries) -> bool {
    tries.sent > 0 && matches!(error.code(), Code::Network | Code::Unavailable | Code::NotAPinningApi)
}

/// The pause that the service asked for, else twice as long after each try.
fn asked_or(error: &Error, longest: Duration, tries: u32) -> Duration {
    error.retry_after().map_or_else(|| pause::doubled(pause::FIRST, longest, tries), pause::as_asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{provider::ProviderError, store::StoreError};

    fn broken() -> Error {
        ProviderError::Network { reason: "the connection broke".into() }.into()
    }

    #[test]
    fn what_never_left_this_computer_is_held_for_as_long_as_it_takes() {
        let unreachable = ProviderError::Unreachable { reason: "no connection".into() }.into();
        for attempts in 1..10_000 {
            let tries = Tries { attempts, bytes: 1 << 40, ..Tries::default() };
            assert_eq!(after(&unreachable, tries, Patience::Endless), (Next::Hold, 0));
        }
    }

    #[test]
    fn what_is_sent_in_vain_is_bounded_by_tries_and_by_bytes() {
        for bytes in [1, 1_000, 1 << 20, 1 << 33] {
            let mut tries = Tries { bytes, ..Tries::default() };
            let given_up = (1..100).find(|&attempts| {
                (tries.attempts, tries.sent) = (attempts, bytes);
                tries.sent_in_vain += bytes;
                let (next, failures) = after(&broken(), tries, Patience::Endless);
                tries.failures = failures;
                next == Next::GiveUp
            });
            assert!(given_up.is_some_and(|tries| tries <= MAX_FAILURES), "{bytes}");
            assert!(tries.sent_in_vain <= 4 * bytes + VAIN_BYTES + bytes, "{bytes}: {}", tries.sent_in_vain);
        }
    }

    #[test]
    fn a_database_that_fails_is_no_failure_of_a_transfer_whoever_waits() {
        for error in [StoreError::Full, StoreError::Failing("no".into()), StoreError::Damaged("no".into())] {
            let error = error.into();
            for attempts in 1..1_000 {
                let tries = Tries { attempts, ..Tries::default() };
                for patience in [Patience::Short, Patience::Endless] {
                    let (next, failures) = after(&error, tries, patience);
                    assert!(matches!((next, failures), (Next::After(_), 0)), "{error} {next:?} {failures}");
                }
            }
        }
    }

    #[test]
    fn what_only_a_person_changes_is_not_tried_again() {
        let refused: Error = ProviderError::Refused { status: 400, message: "no".into() }.into();
        let tries = Tries { attempts: 1, ..Tries::default() };
        assert_eq!(after(&refused, tries, Patience::Endless).0, Next::GiveUp);
    }
}

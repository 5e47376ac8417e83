//! Uploads and pins by CID: a fault of the request, what the user sees, and what is tried again when.

use futures_util::{StreamExt, stream};
use holdfast_core::Code;
use holdfast_testkit::Fault;

use super::{
    BROKEN, CUT_SHORT, DENIED_BY_KUBO, NO_API, NOT_ALLOWED, NOT_UNDERSTOOD, REFUSED_KEY, SILENT, SLOWER,
    TAKEN_FOR_A_WEB_PAGE, TOO_LONG, UNTIL, USED_UP, WORDS,
    play::{self, AIOZ_PIN, AIOZ_UPLOAD, CLUSTER_PIN, CLUSTER_UPLOAD, KUBO_PIN, KUBO_UPLOAD, PSA_PIN, Play},
    status, trickle, with,
};

/// A node's 403 has two meanings, which its words tell apart.
const AT_KUBO: &[Play] = &[KUBO_UPLOAD, KUBO_PIN];

/// One fault, and what it must lead to.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    outcome: Outcome,
    /// Where it leads to something else.
    except: Vec<(&'static [Play], Outcome)>,
    /// The connection is given up after [`super::SILENCE`].
    pub(super) impatient: bool,
    /// Where it can happen.
    only: &'static [Play],
}

/// What the user sees, and what is tried again when.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) then: Then,
    /// The class, and what the user reads.
    pub(super) shown: (Code, &'static str),
    /// What the user reads who looks closer.
    pub(super) details: Option<&'static str>,
    /// The service did what it was asked for; it must not do it again.
    pub(super) done: bool,
    /// Other transfers of the same account wait as long: the service asked not to be asked.
    pub(super) others_rest: bool,
}

/// What the first try leads to.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    /// It waits so many seconds and goes on by itself.
    Waits(u64),
    /// It is left to the user.
    Fails,
}

impl Row {
    pub(super) fn outcome_at(&self, play: Play) -> Outcome {
        self.except.iter().find(|(plays, _)| plays.contains(&play)).map_or(self.outcome, |(_, outcome)| *outcome)
    }

    fn at(mut self, plays: &'static [Play], outcome: Outcome) -> Self {
        self.except.push((plays, outcome));
        self
    }

    fn impatient(self) -> Self {
        Self { impatient: true, ..self }
    }

    fn only(self, plays: &'static [Play]) -> Self {
        Self { only: plays, ..self }
    }
}

impl Outcome {
    fn details(self, details: &'static str) -> Self {
        Self { details: Some(details), ..self }
    }

    fn done(self) -> Self {
        Self { done: true, ..self }
    }

    fn others_rest(self) -> Self {
        Self { others_rest: true, ..self }
    }

    /// Whether the account itself is shown as failing: nothing else would go well there either.
    pub(super) fn is_the_accounts(&self) -> bool {
        matches!(
            self.shown.0,
            Code::Network | Code::Unavailable | Code::NotAPinningApi | Code::Unauthorized | Code::Forbidden
        )
    }
}

fn row(name: &'static str, fault: Fault, outcome: Outcome) -> Row {
    Row { name, fault, outcome, except: Vec::new(), impatient: false, only: &play::ALL }
}

fn waits(seconds: u64, code: Code, message: &'static str) -> Outcome {
    Outcome { then: Then::Waits(seconds), shown: (code, message), details: None, done: false, others_rest: false }
}

fn fails(code: Code, message: &'static str) -> Outcome {
    Outcome { then: Then::Fails, ..waits(0, code, message) }
}

/// What becomes of the connection.
fn connections() -> Vec<Row> {
    let silent = waits(1, Code::Network, SILENT);
    let broken = waits(1, Code::Network, BROKEN);
    vec![
        row("nothing is read any more", Fault::StallAfter(10), silent).impatient(),
        row("the answer stalls", Fault::AnswerStalls(30), silent.done()).impatient(),
        row("the answer stalls at once", Fault::AnswerStalls(0), silent.done()).impatient(),
        row("both ways trickle", trickle(), silent.done()).impatient(),
        row("the connection is reset", Fault::ResetAfter(10), broken),
        row("the reply is lost", Fault::ReplyLost, broken.done()),
    ]
}

/// What a status code stands for.
fn statuses() -> Vec<Row> {
    let used_up = fails(Code::OverQuota, USED_UP).details(WORDS);
    let slower = |seconds| waits(seconds, Code::RateLimited, SLOWER).details(WORDS);
    let down = |seconds| waits(seconds, Code::Unavailable, "is not working at the moment (HTTP 503)").details(WORDS);
    let refused_key = fails(Code::Unauthorized, REFUSED_KEY);
    let not_allowed = fails(Code::Forbidden, NOT_ALLOWED);
    vec![
        row("401", status(401, None), refused_key.details(WORDS)).at(AT_KUBO, refused_key.details(DENIED_BY_KUBO)),
        row("403", status(403, None), not_allowed.details(WORDS))
            .at(AT_KUBO, not_allowed.details(TAKEN_FOR_A_WEB_PAGE)),
        row("402", status(402, None), used_up),
        row("402, and when to ask again", status(402, Some(9)), used_up),
        row("413", status(413, None), used_up),
        row("413, and when to ask again", with(413, UNTIL), used_up),
        row("507", status(507, None), used_up),
        row("400", status(400, None), fails(Code::Refused, "the service refused: ").details(WORDS)),
        row("429", status(429, None), slower(1)),
        row("429 with seconds", status(429, Some(17)), slower(17).others_rest()),
        row("429 with a date", with(429, UNTIL), slower(17).others_rest()),
        row("429 for a year", status(429, Some(31_536_000)), slower(3600).others_rest()),
        row("500", status(500, None), waits(1, Code::Unavailable, "(HTTP 500)").details(WORDS)),
        row("503", status(503, None), down(1)),
        row("503 with seconds", status(503, Some(17)), down(17)),
        row("503 with a date", with(503, UNTIL), down(17)),
        row("503, at once again", status(503, Some(0)), down(1)),
        row("524", Fault::WebPage(524), waits(1, Code::Unavailable, "(HTTP 524)")),
        row(
            "a number for the support",
            with(503, &[("x-request-id", "8f31-FRA")]),
            down(1).details("the service's words (request id 8f31-FRA)"),
        ),
    ]
}

/// What comes instead of an answer.
fn answers() -> Vec<Row> {
    let no_api = waits(1, Code::NotAPinningApi, NO_API);
    let other_cid = |message| fails(Code::CidMismatch, message).done();
    let broken_off = waits(1, Code::Unavailable, "(HTTP 500)").details("context canceled").done();
    vec![
        row("a captive portal", Fault::WebPage(200), no_api),
        row("another site", Fault::WebPage(404), no_api),
        row("it leads to another host", Fault::RedirectTo(302, "http://192.0.2.1/".into()), no_api),
        row("it leads there with the method", Fault::RedirectTo(307, "http://192.0.2.1/".into()), no_api),
        row("it leads elsewhere on the same host", Fault::Moved(302), no_api),
        row("it leads there with the method as well", Fault::Moved(308), no_api),
        row("nothing at all", Fault::EmptyAnswer, waits(1, Code::Network, CUT_SHORT).done()),
        row("truncated JSON", Fault::TruncatedAnswer, waits(1, Code::Network, "the answer").done()),
        row("it gives up half-way", Fault::BrokenOff("context canceled"), broken_off),
        row("it says half-way that it failed", Fault::FailureAmongLines("context canceled"), broken_off),
        row("wrong types", Fault::WrongTypes, fails(Code::Protocol, NOT_UNDERSTOOD).done()),
        row("100 MB of JSON", Fault::HugeAnswer(100_000_000), fails(Code::Protocol, TOO_LONG).done()),
        row("another CID", Fault::WrongCid, other_cid("the provider was asked for"))
            .at(&[AIOZ_UPLOAD, KUBO_UPLOAD, CLUSTER_UPLOAD], other_cid("than what was sent, which is")),
        row(
            "another root_hash",
            Fault::WrongRootHash,
            fails(Code::Protocol, "root_hash is not the hash of the CID").done(),
        )
        .only(&[AIOZ_UPLOAD, AIOZ_PIN]),
        row(
            "what was sent comes back",
            Fault::EchoesHeaders(400),
            fails(Code::Refused, "the service refused: You sent"),
        ),
        row(
            "what was sent comes back as data",
            Fault::EchoesHeaders(200),
            fails(Code::Refused, "the service refused: You sent"),
        )
        .at(&[PSA_PIN, CLUSTER_PIN], fails(Code::Protocol, NOT_UNDERSTOOD))
        .at(
            &[KUBO_UPLOAD, KUBO_PIN, CLUSTER_UPLOAD],
            waits(1, Code::Network, "the answer ended before it said what was pinned"),
        ),
    ]
}

/// Plays every row at every kind of service that can do that.
async fn play_all(rows: Vec<Row>, at_once: usize) {
    let plays = rows.iter().flat_map(|row| row.only.iter().map(move |one| play::play(row, *one)));
    stream::iter(plays).for_each_concurrent(at_once, |play| play).await;
}

#[tokio::test]
async fn every_fault_of_a_connection_is_waited_out_and_nothing_is_sent_twice() {
    // Few at a time: they are about time.
    play_all(connections(), 3).await;
}

#[tokio::test]
async fn every_status_code_says_what_to_do() {
    play_all(statuses(), 4).await;
}

#[tokio::test]
async fn every_strange_answer_is_recognised() {
    play_all(answers(), 4).await;
}

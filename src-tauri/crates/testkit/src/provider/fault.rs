//! What can be asked of the service: faults of single calls, and lasting manners.

use std::time::Duration;

use holdfast_content::Profile;
use tokio_util::sync::CancellationToken;

/// A call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each names the call it stands for")]
pub enum Call {
    Test,
    Upload,
    Pin,
    Get,
    List,
    Edit,
    Unpin,
    /// What else a node says of itself and of what it has.
    About,
    Usage,
    Block,
}

/// What is done to a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// None, this time.
    Nothing,
    /// Nothing is done; the answer is this status with a message.
    Status {
        /// The status code.
        status: u16,
        /// The seconds of a `Retry-After` header.
        retry_after: Option<u64>,
        /// The message in the answer.
        message: &'static str,
    },
    /// Nothing is done; the answer is this status with these headers and a message.
    StatusWith {
        /// The status code.
        status: u16,
        /// Names and values.
        headers: &'static [(&'static str, &'static str)],
        /// The message in the answer.
        message: &'static str,
    },
    /// Nothing is done; a web page comes back with this status.
    WebPage(u16),
    /// Nothing is done; the answer of this status repeats every header of the request in its message and elsewhere.
    EchoesHeaders(u16),
    /// Nothing is done; the answer of this status leads to another address, as a captive portal's does.
    RedirectTo(u16, String),
    /// Nothing is done; the answer of this status leads to another path here, where it is done.
    Moved(u16),
    /// It is done; the answer ends in the middle.
    TruncatedAnswer,
    /// It is done; the answer is broken off in the middle with this reason, where it is one of lines, and else is the failure.
    BrokenOff(&'static str),
    /// It is done; the answer of lines ends after half of them as if these were all.
    HalfTheLines,
    /// It is done; in the middle of the answer stands this failure, where it is one of lines, and else it is the failure.
    FailureAmongLines(&'static str),
    /// It is done; that many bytes of the answer come, and then nothing more ever does.
    AnswerStalls(usize),
    /// It is done; the answer says nothing at all, not even of what kind it is.
    EmptyAnswer,
    /// It is done; every value in the answer is of another type than the API says.
    WrongTypes,
    /// It is done; the answer is JSON of that many bytes.
    HugeAnswer(u64),
    /// It is done; the connection closes without an answer.
    ReplyLost,
    /// It is done; the answer comes when the token is cancelled.
    ReplyHeld(CancellationToken),
    /// Nothing is done until the token is cancelled.
    Held(CancellationToken),
    /// That many bytes of the body are read, and then nothing more ever happens.
    StallAfter(u64),
    /// The body is read with that pause after every piece of it.
    SlowBody {
        /// The pause.
        piece_pause: Duration,
    },
    /// It is done; the body is read with that pause after every piece of it, and the answer comes in pieces of so many bytes
    /// with the same pause after each.
    Trickle {
        /// Bytes of a piece of the answer.
        bytes: usize,
        /// The pause.
        pause: Duration,
    },
    /// That many bytes of the body are read, and then the connection breaks.
    ResetAfter(u64),
    /// The listing never ends. Its rows are all different, or come again after so many; where they are lines, one comes at a
    /// time.
    EndlessPages {
        /// How many rows there are before the first comes again.
        again_after: Option<u64>,
    },
    /// It is done; the answer names the CID of other bytes, which are one block.
    WrongCid,
    /// The same of bytes that are several blocks: their CID does not say by itself that they are others.
    WrongDag,
    /// It is done; the answer's `root_hash` is not the CID's.
    WrongRootHash,
    /// The gateway's answer has other bytes.
    WrongBytes,
}

/// What a listing says of the number of pins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Totals {
    /// How many there are.
    #[default]
    Honest,
    /// Nothing.
    Absent,
    /// How many the page has.
    OfThePage,
    /// That number.
    Always(u64),
}

/// What a service makes of the times that a listing is to lie between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bounds {
    /// It keeps to them.
    #[default]
    Kept,
    /// It passes over them.
    Ignored,
    /// It answers 400 to them.
    Refused,
}

/// What becomes of a pin's id when the pin is edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EditedId {
    /// Another takes its place.
    #[default]
    New,
    /// It stays.
    Same,
}

/// How exactly times of creation are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimesTo {
    /// To the microsecond.
    #[default]
    Microsecond,
    /// To the second.
    Second,
}

/// How the service behaves as long as nothing is wrong.
#[derive(Clone, Debug)]
pub struct Manners {
    /// The layout of its CIDs.
    pub layout: Profile,
    /// Answers 409 to content that the account has.
    pub refuses_duplicates: bool,
    /// Answers 400 to files without content.
    pub refuses_empty: bool,
    /// The status word of every new pin.
    pub status: &'static str,
    /// Rows of a page, whatever was asked for.
    pub longest_page: u64,
    /// What a listing says of the number of pins.
    pub totals: Totals,
    /// The most rows that may be asked for; more are answered with 400.
    pub largest_limit: u64,
    /// What it makes of times that a listing is to lie between.
    pub bounds: Bounds,
    /// Whether a listing can be narrowed down by CID.
    pub filters_cids: bool,
    /// How exactly times are written.
    pub times_to: TimesTo,
    /// What becomes of a pin's id when the pin is edited.
    pub edited_id: EditedId,
    /// The status code of a new pin.
    pub pinned_code: u16,
}

impl Manners {
    pub(crate) const fn of(layout: Profile) -> Self {
        Self {
            layout,
            refuses_duplicates: false,
            refuses_empty: false,
            status: "pinned",
            longest_page: 1_000,
            totals: Totals::Honest,
            largest_limit: 1_000,
            bounds: Bounds::Kept,
            filters_cids: true,
            times_to: TimesTo::Microsecond,
            edited_id: EditedId::New,
            pinned_code: 202,
        }
    }
}

impl Default for Manners {
    fn default() -> Self {
        Self::of(Profile::UNIXFS_V1_2025)
    }
}

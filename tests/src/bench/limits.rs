//! What must hold of what is measured: memory, how long Holdfast takes in proportion to another program that does the same
//! work, and how long a person waits for an answer at the most. How long anything else takes by itself depends on the machine,
//! and is only printed.

use std::io::{Write, stdout};
use std::time::Duration;

use anyhow::Result;

use crate::memory::Bytes;

/// A figure's limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit<T> {
    what: &'static str,
    below: T,
}

const fn memory(what: &'static str, mib: u64) -> Limit<Bytes> {
    Limit { what, below: Bytes::mib(mib) }
}

const fn ratio(what: &'static str, below: f64) -> Limit<f64> {
    Limit { what, below }
}

const fn wait(what: &'static str, milliseconds: u64) -> Limit<Duration> {
    Limit { what, below: Duration::from_millis(milliseconds) }
}

/// `holdfast cid` of anything.
pub const CID_MEMORY: Limit<Bytes> = memory("peak memory of `holdfast cid`", 48);
/// `holdfast add` of one file or folder.
pub const ADD_MEMORY: Limit<Bytes> = memory("peak memory of `holdfast add`", 64);
/// `holdfast add` of one folder by a program that is not optimized, which takes a little more for each name.
pub const UNOPTIMIZED_ADD_MEMORY: Limit<Bytes> = memory("peak memory of an unoptimized `holdfast add`", 72);
/// `holdfast add` of one folder to *This computer*, whose service is in the same process.
pub const ADD_HERE_MEMORY: Limit<Bytes> = memory("peak memory of `holdfast add` and the service within it", 96);
/// `holdfast add` of several large files or folders.
pub const ADD_MANY_MEMORY: Limit<Bytes> = memory("peak memory of `holdfast add` of several at once", 128);
/// `holdfast serve` that takes uploads.
pub const SERVE_MEMORY: Limit<Bytes> = memory("peak memory of `holdfast serve`", 64);
/// The same of several at once.
pub const SERVE_MANY_MEMORY: Limit<Bytes> = memory("peak memory of `holdfast serve` that takes several at once", 128);
/// `holdfast ls` of 100,000 pins.
pub const LIST_MEMORY: Limit<Bytes> = memory("peak memory of `holdfast ls`", 64);

/// Bytes of one file's upload that are not the file's.
pub const FRAMES: Limit<Bytes> = Limit { what: "sent around the file's bytes", below: Bytes(1024) };

/// `holdfast add` of a large file.
pub const ADD_TIME: Limit<f64> = ratio("`holdfast add` of a large file to `curl -F`", 1.1);
/// Many small files that are pinned one by one.
pub const EACH_TIME: Limit<f64> = ratio("`holdfast add` of 10,000 small files, each a pin, to `curl --parallel`", 1.0);
/// The same of one length in a watched folder.
pub const ALIKE_TIME: Limit<f64> = ratio("10,000 watched files of one length to 10,000 of different lengths", 1.1);
/// The last of them.
pub const LAST_TIME: Limit<f64> = ratio("the last 1,000 of 10,000 watched files to the first 1,000", 1.25);
/// One profile's CID of a large file on one core.
pub const CID_TIME: Limit<f64> = ratio("`holdfast cid` of a large file on one core to `openssl dgst -sha256`", 1.0);
/// A large file by `curl` into `holdfast serve`.
pub const SERVE_TIME: Limit<f64> = ratio("`curl` into `holdfast serve` to `cp`, `sync` and `sha256sum`", 1.5);

/// Any page in any order, with any filter, while others write.
pub const PAGE_WAIT: Limit<Duration> = wait("a page of a million pins, 99 of 100", 30);
/// Any text, the same.
pub const SEARCH_WAIT: Limit<Duration> = wait("a search in a million pins, 99 of 100", 60);
/// What the queue begins next.
pub const NEXT_WAIT: Limit<Duration> = wait("what is next of 200,000 transfers, 99 of 100", 1);
/// What the screen of transfers shows.
pub const NEWEST_WAIT: Limit<Duration> = wait("the newest 500 of 200,000 transfers, 99 of 100", 5);
/// From a start to the first answer.
pub const QUEUED_START: Limit<Duration> = wait("start with 100,000 queued", 500);
/// What that takes of the memory.
pub const QUEUED_MEMORY: Limit<Bytes> = memory("peak memory with 100,000 queued", 100);
/// What it takes of a core when there is nothing to do.
pub const QUEUED_IDLE: Limit<f64> =
    ratio("a core's share with 100,000 queued for an account that is away, in hundredths", 0.1);

/// From the start of the program to a window that answers.
pub const WINDOW_START: Limit<Duration> = wait("start to a usable window", 1_000);
/// From what a person does in the window to what it leads to, or to the sign that it is under way.
pub const ANSWER_WAIT: Limit<Duration> = wait("the slowest of these, as a rule", 150);

/// What was found to be over its limit.
#[derive(Debug, Default)]
pub struct Verdict {
    missed: Vec<String>,
}

impl Verdict {
    /// Holds a number of bytes against its limit.
    ///
    /// # Errors
    ///
    /// When nothing can be printed.
    pub fn memory(&mut self, limit: Limit<Bytes>, of: &str, figure: Bytes) -> Result<()> {
        self.say(figure < limit.below, format!("{}, {of}: {figure}, the limit is {}", limit.what, limit.below))
    }

    /// Holds a ratio of times against its limit.
    ///
    /// # Errors
    ///
    /// When nothing can be printed.
    pub fn ratio(&mut self, limit: Limit<f64>, figure: f64) -> Result<()> {
        self.say(figure <= limit.below, format!("{}: {figure:.2}, the limit is {:.2}", limit.what, limit.below))
    }

    /// Holds a time against its limit.
    ///
    /// # Errors
    ///
    /// When nothing can be printed.
    pub fn wait(&mut self, limit: Limit<Duration>, figure: Duration) -> Result<()> {
        self.say(figure < limit.below, format!("{}: {figure:.2?}, the limit is {:.0?}", limit.what, limit.below))
    }

    /// Holds what was counted against what it must be.
    ///
    /// # Errors
    ///
    /// When nothing can be printed.
    pub fn count(&mut self, what: &str, figure: u64, expected: u64) -> Result<()> {
        self.say(figure == expected, format!("{what}: {figure}, it must be {expected}"))
    }

    /// What was over its limit.
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    fn say(&mut self, holds: bool, line: String) -> Result<()> {
        writeln!(stdout(), "  {} {line}", if holds { "holds: " } else { "MISSED:" })?;
        if !holds {
            self.missed.push(line);
        }
        Ok(())
    }
}

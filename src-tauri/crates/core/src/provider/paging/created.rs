//! Going through a list by the times at which its rows were created, with the bounds `before` and `after` of the Pinning
//! Service API.
//!
//! Times ought to be unique and are not everywhere. So each page is asked for from the last time but one: it begins with
//! the rows of the last time, and what shares that time with them comes along. A page without any of them shows that rows
//! went away, or that the service does not keep to the bound as it was written; then more of the page before is read again.

use std::{cmp::Ordering, collections::HashSet, future::Future};

use futures_util::{StreamExt, stream};

use super::{Gap, ListPage, MAX_PAGES, Pages, ProviderError, Rows, endless};
use crate::ids::PinId;

/// The fewest rows that a service can have been made to give at most: the API's default.
const SHORTEST_LIMIT: u64 = 10;

/// A row's place in the list.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Mark {
    pub(in crate::provider) id: PinId,
    pub(in crate::provider) created: Moment,
}

/// A time, and how the service writes it. It is never written in any other way: a digit less would pass over rows.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Moment {
    text: String,
    at: Option<jiff::Timestamp>,
}

/// One page as a service gave it.
#[derive(Debug, Default)]
pub(in crate::provider) struct CreatedRows {
    pub(in crate::provider) rows: Rows,
    /// The places of the rows that have one.
    pub(in crate::provider) marks: Vec<Mark>,
    /// How many rows there are, as the service says.
    pub(in crate::provider) total: Option<u64>,
    /// How many were asked for.
    pub(in crate::provider) limit: u64,
}

/// Which rows to ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::provider) struct Ask {
    pub(in crate::provider) bound: Option<Bound>,
    /// How many, where it is not as many as the service gives.
    pub(in crate::provider) rows: Option<u64>,
}

/// Where the rows lie: the API's parameters, with their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Bound {
    Before(String),
    After(String),
}

impl Moment {
    pub(in crate::provider) fn new(text: &str) -> Self {
        Self { text: text.into(), at: text.parse().ok() }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (self.at, other.at) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => self.text.cmp(&other.text),
        }
    }
}

/// Goes through a list by time, the way it is sorted.
pub(in crate::provider) fn by_created<'a, F, R>(fetch: F) -> Pages<'a>
where
    F: Fn(Ask) -> R + Send + Sync + 'a,
    R: Future<Output = Result<CreatedRows, ProviderError>> + Send + 'a,
{
    let pages = stream::try_unfold((fetch, Some(Walk::default())), |(fetch, walk)| async move {
        let Some(mut walk) = walk else { return Ok(None) };
        let page = fetch(walk.ask.clone()).await?;
        let page = walk.take(page)?;
        let next = (!walk.is_over).then_some(walk);
        Ok(Some((page, (fetch, next))))
    });
    pages.boxed()
}

/// How a list is sorted.
#[derive(Clone, Copy, Debug, Default)]
enum Order {
    #[default]
    NewestFirst,
    /// Against the API, and in use.
    OldestFirst,
}

impl Order {
    fn of(marks: &[Mark]) -> Self {
        match (marks.first(), marks.last()) {
            (Some(first), Some(last)) if last.created.cmp(&first.created).is_gt() => Self::OldestFirst,
            _ => Self::NewestFirst,
        }
    }

    /// Negative where `a` comes before `b` in the list.
    fn cmp(self, a: &Moment, b: &Moment) -> Ordering {
        match self {
            Self::NewestFirst => b.cmp(a),
            Self::OldestFirst => a.cmp(b),
        }
    }

    fn behind(self, moment: &Moment) -> Ask {
        let bound = match self {
            Self::NewestFirst => Bound::Before(moment.text.clone()),
            Self::OldestFirst => Bound::After(moment.text.clone()),
        };
        Ask { bound: Some(bound), rows: None }
    }
}

/// What the next page is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    First,
    /// It begins with the rows of the last time.
    Seam,
    /// It begins with most of the page before.
    Deep,
    /// It begins behind the last time.
    Behind,
    /// It shows whether the service counts its rows or those of the page.
    Count,
}

/// How far a list has been gone through.
#[derive(Debug, Default)]
struct Walk {
    ask: Ask,
    step: Step,
    order: Order,
    /// The bound of the next page.
    from: Option<Moment>,
    /// The rows that the next page is compared with.
    previous: Vec<Mark>,
    /// The time of the last of them.
    last: Option<Moment>,
    most_rows: u64,
    /// The service has said that there are more rows than those of a page.
    counts: bool,
    pages: u32,
    /// More of the page before was read again, and nothing new has come since.
    looked_deeper: bool,
    is_over: bool,
}

impl Walk {
    fn take(&mut self, page: CreatedRows) -> Result<ListPage, ProviderError> {
        self.pages += 1;
        if self.pages > MAX_PAGES {
            return Err(endless());
        }
        let CreatedRows { rows: Rows { mut pins, count, not_understood }, marks, total, limit } = page;
        let counted = Counted { rows: count, total, limit };
        self.counts |= total.is_some_and(|total| total > count);
        let mut known: HashSet<PinId> = self.previous.iter().map(|mark| mark.id.clone()).collect();
        let fresh: Vec<&Mark> = marks.iter().filter(|mark| !known.contains(&mark.id)).collect();
        let overlaps = fresh.len() < marks.len();
        let leads_on = match &self.last {
            None => !fresh.is_empty(),
            Some(last) => fresh.iter().any(|mark| self.order.cmp(&mark.created, last).is_ge()),
        };
        if self.step == Step::Seam && !overlaps && (leads_on || marks.is_empty()) && self.look_deeper() {
            return Ok(ListPage::default());
        }
        // A row without a time has no place in the list, and is a pin all the same.
        pins.retain(|pin| known.insert(pin.id.clone()));
        self.looked_deeper &= !leads_on;
        let torn = match self.step {
            Step::Seam if leads_on && !overlaps => Some(Gap::Moved),
            Step::Deep if leads_on && !overlaps => Some(Gap::Truncated),
            _ => None,
        };
        let lost = if leads_on { self.go_on(marks, counted) } else { self.come_to_an_end(marks, counted) };
        self.most_rows = self.most_rows.max(count);
        Ok(ListPage { pins, not_understood, gap: lost.or(torn) })
    }

    /// Reads more of the page before again, where there is more of it.
    fn look_deeper(&mut self) -> bool {
        if std::mem::replace(&mut self.looked_deeper, true) {
            return false;
        }
        let order = self.order;
        let first = self.previous.iter().map(|mark| &mark.created).min_by(|a, b| order.cmp(a, b)).cloned();
        let deeper = first.filter(|first| self.from.as_ref().is_some_and(|from| order.cmp(first, from).is_lt()));
        let Some(first) = deeper else { return false };
        self.set_out(Step::Deep, first);
        true
    }

    /// Sets out for the page after this one.
    fn go_on(&mut self, marks: Vec<Mark>, counted: Counted) -> Option<Gap> {
        if self.step == Step::First {
            self.order = Order::of(&marks);
        }
        let order = self.order;
        let is_sorted = marks.is_sorted_by(|a, b| order.cmp(&a.created, &b.created).is_le());
        let Some(last) = marks.iter().map(|mark| &mark.created).max_by(|a, b| order.cmp(a, b)).cloned() else {
            self.is_over = true;
            return None;
        };
        if self.step == Step::Behind && self.from.as_ref().is_some_and(|from| order.cmp(&last, from).is_le()) {
            self.is_over = true;
            return Some(Gap::Truncated);
        }
        let before_last = marks.iter().map(|mark| &mark.created).filter(|at| order.cmp(at, &last).is_lt());
        let seam = before_last.max_by(|a, b| order.cmp(a, b)).cloned();
        // From the same bound the same rows would come.
        let seam = seam.filter(|seam| self.from.as_ref().is_none_or(|from| order.cmp(from, seam).is_ne()));
        let only_ties = seam.is_none() && marks.len() > 1;
        self.previous = marks;
        self.last = Some(last.clone());
        match seam {
            Some(seam) => self.set_out(Step::Seam, seam),
            None => self.set_out(Step::Behind, last),
        }
        let may_hide = !is_sorted && counted.may_be_cut() || only_ties && self.may_be_cut_in_ties(counted);
        may_hide.then_some(Gap::Truncated)
    }

    /// Nothing new came: either that was all, or the service does not do what it was asked.
    fn come_to_an_end(&mut self, marks: Vec<Mark>, counted: Counted) -> Option<Gap> {
        if self.step == Step::Count {
            self.is_over = true;
            return (!self.counts).then_some(Gap::Truncated);
        }
        let order = self.order;
        let on_this_side = |mark: &Mark| match (&self.from, self.step) {
            (None, _) => false,
            (Some(from), Step::Behind) => order.cmp(&mark.created, from).is_le(),
            (Some(from), _) => order.cmp(&mark.created, from).is_lt(),
        };
        if marks.iter().any(on_this_side) {
            return self.end_without_bounds(counted);
        }
        let may_have_more = counted.rows >= self.most_rows || counted.total > Some(counted.rows);
        match (self.step, &self.last) {
            // All that was shown is gone, or the service takes the bound for another.
            (Step::Seam | Step::Deep, _) if marks.is_empty() => {
                self.is_over = true;
                (self.previous.len() as u64 >= SHORTEST_LIMIT).then_some(Gap::Truncated)
            }
            (Step::Deep, _) => self.go_on(marks, counted),
            (Step::Seam, Some(last)) if may_have_more => {
                let last = last.clone();
                self.set_out(Step::Behind, last);
                None
            }
            // Nothing at all, or nothing that has a time: what the service says of the number of rows is all there is to go by.
            (Step::First, _) => {
                self.is_over = true;
                let is_all = counted.total.is_none_or(|total| total <= counted.rows);
                let is_cut = counted.rows > 0 && counted.may_be_cut();
                (!is_all || is_cut).then_some(Gap::Truncated)
            }
            _ => {
                self.is_over = true;
                None
            }
        }
    }

    /// The service gives the same rows whatever the bounds: is that all of them?
    fn end_without_bounds(&mut self, counted: Counted) -> Option<Gap> {
        let says_all = counted.total.is_some_and(|total| total <= counted.rows);
        if counted.rows < SHORTEST_LIMIT && says_all {
            self.is_over = true;
            None
        } else if says_all && counted.rows < counted.limit {
            (self.ask, self.step) = (Ask { bound: None, rows: Some(1) }, Step::Count);
            None
        } else {
            self.is_over = true;
            Some(Gap::Truncated)
        }
    }

    fn set_out(&mut self, step: Step, from: Moment) {
        (self.ask, self.step, self.from) = (self.order.behind(&from), step, Some(from));
    }

    /// Whether more rows may share one time than fit on a page.
    fn may_be_cut_in_ties(&self, counted: Counted) -> bool {
        let is_all = self.counts && counted.total == Some(counted.rows);
        counted.rows >= self.most_rows.max(SHORTEST_LIMIT) && !is_all
    }
}

/// What a page says of the number of rows.
#[derive(Clone, Copy)]
struct Counted {
    rows: u64,
    total: Option<u64>,
    limit: u64,
}

impl Counted {
    fn may_be_cut(self) -> bool {
        self.rows >= self.limit || self.total.is_none_or(|total| total > self.rows)
    }
}

#[cfg(test)]
mod tests;

//! How long the window takes to answer what a person does: from the event in the page until what it leads to is drawn, or that it
//! is under way.

use std::io::{Write, stdout};
use std::time::Duration;

use anyhow::{Context, Result};

use super::limits::{Limit, Verdict};
use super::times::Times;
use crate::webdriver::Window;

/// What scripts of both kinds may use.
const WORDS: &str = "
    const all = (id) => [...document.querySelectorAll(`[data-testid='${id}']`)];
    const one = (id) => all(id)[0];
    const text = (id) => all(id).map((found) => found.textContent).join(' ');
    const click = (id) => one(id).click();
    const choose = (id, value) => {
        const select = one(id).matches('select') ? one(id) : one(id).querySelector('select');
        select.value = value;
        select.dispatchEvent(new Event('change', { bubbles: true }));
    };
    const press = (key, more = {}) => {
        const target = document.activeElement ?? document.body;
        target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
    };
    const rows = () => all('pin-row');
    const complete = () => one('pin-table').getAttribute('aria-busy') !== 'true'
        && rows().length > 0 && rows().every((row) => row.dataset.cid);
";

/// What was measured in a window.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<(&'static str, Times)>);

impl Answers {
    /// Does something in the page, and waits until `drawn` is true of it. Both are scripts.
    pub(super) async fn measure(
        &mut self,
        window: &Window,
        what: &'static str,
        act: &str,
        drawn: &str,
    ) -> Result<Duration> {
        let script = format!(
            "const done = arguments[0];
            {WORDS}
            const begun = performance.now();
            {act};
            const look = () => requestAnimationFrame(() => {{
                if ({drawn}) requestAnimationFrame(() => done(performance.now() - begun));
                else look();
            }});
            look();"
        );
        let answer = window.session()?.execute_async(&script, Vec::new()).await.context(what)?;
        let milliseconds = answer.json().as_f64().with_context(|| format!("{what}: {:?}", answer.json()))?;
        let took = Duration::from_secs_f64(milliseconds / 1000.0);
        let known = self.0.iter_mut().find(|(known, _)| *known == what);
        match known {
            Some((_, times)) => times.add(took),
            None => {
                let mut times = Times::default();
                times.add(took);
                self.0.push((what, times));
            }
        }
        Ok(took)
    }

    /// Prints each, and holds the slowest kind's usual answer against the limit.
    pub(super) fn judge(&self, limit: Limit<Duration>, verdict: &mut Verdict) -> Result<()> {
        for (what, times) in &self.0 {
            writeln!(stdout(), "  {what:<44} {times}")?;
        }
        let usual = self.0.iter().map(|(_, times)| times.percentile(50)).max();
        verdict.wait(limit, usual.unwrap_or_default())
    }
}

//! What the web view hears unasked, over channels of its own: with Tauri's events it could listen to others' too, such as the
//! one that carries the paths of a drop.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tauri::ipc::Channel;

use crate::ipc::events::{Changed, DropEvent};

/// What may wait for the web view at most; nobody opens so many files before the first screen is there.
const MOST_WAITING: usize = 32;

/// One listener of a kind: a page that is loaded again brings a new one.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    /// Files that are held over the window, let go on it, or opened with Holdfast.
    pub(crate) drops: Listener<DropEvent>,
    /// What has to be asked for again.
    pub(crate) changes: Listener<Changed>,
}

/// Where messages of one kind go.
pub(crate) struct Listener<T>(Mutex<Ear<T>>);

enum Ear<T> {
    /// The page is not there yet.
    Waiting(VecDeque<T>),
    Open(Channel<T>),
}

impl<T> fmt::Debug for Listener<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

impl<T> Default for Listener<T> {
    fn default() -> Self {
        Self(Mutex::new(Ear::Waiting(VecDeque::new())))
    }
}

impl<T: Serialize + Clone> Listener<T> {
    /// Sends everything to this channel from now on, first what waited for one.
    pub(crate) fn open(&self, channel: Channel<T>) {
        let mut ear = self.ear();
        if let Ear::Waiting(waiting) = &mut *ear {
            for message in waiting.drain(..) {
                send(&channel, message);
            }
        }
        *ear = Ear::Open(channel);
    }

    /// Tells the web view, now or when it listens.
    pub(crate) fn tell(&self, message: T) {
        match &mut *self.ear() {
            Ear::Open(channel) => send(channel, message),
            Ear::Waiting(waiting) => {
                if waiting.len() == MOST_WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(message);
            }
        }
    }

    fn ear(&self) -> MutexGuard<'_, Ear<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send<T: Serialize + Clone>(channel: &Channel<T>, message: T) {
    if let Err(error) = channel.send(message) {
        tracing::error!(%error, "the web view did not hear a message");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tauri::ipc::InvokeResponseBody;

    use super::*;

    fn channel() -> (Channel<u32>, Arc<Mutex<Vec<String>>>) {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let sink = Arc::clone(&heard);
        let channel = Channel::new(move |body| {
            let InvokeResponseBody::Json(text) = body else { return Ok(()) };
            sink.lock().unwrap().push(text);
            Ok(())
        });
        (channel, heard)
    }

    #[test]
    fn what_came_before_the_page_is_told_first_and_only_once() {
        let listener = Listener::default();
        listener.tell(1);
        listener.tell(2);
        let (first, heard_first) = channel();
        listener.open(first);
        listener.tell(3);
        assert_eq!(*heard_first.lock().unwrap(), ["1", "2", "3"]);

        let (second, heard_second) = channel();
        listener.open(second);
        listener.tell(4);
        assert_eq!(heard_first.lock().unwrap().len(), 3);
        assert_eq!(*heard_second.lock().unwrap(), ["4"]);
    }

    #[test]
    fn only_so_many_wait() {
        let listener = Listener::default();
        (0..100).for_each(|number| listener.tell(number));
        let (channel, heard) = channel();
        listener.open(channel);
        assert_eq!(heard.lock().unwrap().len(), MOST_WAITING);
        assert_eq!(heard.lock().unwrap().last().unwrap(), "99");
    }
}

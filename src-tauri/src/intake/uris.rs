//! The addresses of a drag as they came. What Tauri makes of them has lost every name that is not UTF-8.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gtk::prelude::WidgetExt;
use tauri::{AppHandle, Manager, Runtime, WebviewWindow};

use super::Given;

const URI_LIST: &str = "text/uri-list";

/// The addresses that were dragged over the window last.
#[derive(Debug, Default)]
pub(crate) struct Dragged(Mutex<Vec<String>>);

impl Dragged {
    /// Begins to note what is dragged over the window.
    ///
    /// # Errors
    /// When the window is gone.
    pub(crate) fn note<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
        let app: AppHandle<R> = window.app_handle().clone();
        window.with_webview(move |webview| {
            webview.inner().connect_drag_data_received(move |_, _, _, _, data, _, _| {
                if data.target().name() == URI_LIST {
                    *app.state::<Self>().addresses() = addresses_of(&data.data());
                }
            });
        })
    }

    /// What was dropped: what came with the drag, where that is what Tauri speaks of.
    pub(crate) fn take(&self, paths: &[PathBuf]) -> Given {
        let mut given = Given::default();
        let addresses = std::mem::take(&mut *self.addresses());
        if addresses.len() == paths.len() {
            addresses.iter().for_each(|address| given.add(address));
        } else {
            given.paths = paths.to_owned();
        }
        given
    }

    fn addresses(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses of a `text/uri-list` (RFC 2483, section 5).
fn addresses_of(list: &[u8]) -> Vec<String> {
    let list = String::from_utf8_lossy(list);
    let lines = list.split(['\r', '\n', '\0']).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_addresses_is_read_whatever_ends_its_lines() {
        let list = b"# from a file manager\r\nfile:///a\r\nfile:///b%F1\nhttps://example.com/\n\0";
        assert_eq!(addresses_of(list), ["file:///a", "file:///b%F1", "https://example.com/"]);
    }

    #[test]
    fn a_drop_that_nothing_was_noted_of_is_taken_as_it_is() {
        let dragged = Dragged::default();
        assert_eq!(dragged.take(&["/a".into()]).paths, [PathBuf::from("/a")]);
        *dragged.addresses() = vec!["file:///b%F1".into()];
        assert_eq!(dragged.take(&["/b\u{fffd}".into()]), {
            let mut given = Given::default();
            given.add("file:///b%F1");
            given
        });
        assert_eq!(dragged.take(&["/c".into()]).paths, [PathBuf::from("/c")], "it is used once");
    }
}

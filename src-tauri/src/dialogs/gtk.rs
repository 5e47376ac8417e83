//! GTK's own dialog, for desktops without a portal: a window manager alone, a container.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use gtk::gio::{BusType, Cancellable, DBusCallFlags, bus_get_sync};
use gtk::glib::ToVariant;
use gtk::prelude::{FileChooserExt, NativeDialogExt};
use gtk::{FileChooserAction, FileChooserNative, ResponseType};
use tauri::{Runtime, WebviewWindow};
use tokio::sync::oneshot;

use super::Wanted;
use crate::ipc::IpcError;

/// A portal is started when it is first asked.
const PATIENCE_MILLISECONDS: i32 = 5000;

/// Whether the desktop has a portal that shows file dialogs (`org.freedesktop.portal.FileChooser`).
pub(super) async fn has_portal() -> bool {
    tokio::task::spawn_blocking(|| {
        let bus = bus_get_sync(BusType::Session, Cancellable::NONE).ok()?;
        let version = ("org.freedesktop.portal.FileChooser", "version").to_variant();
        bus.call_sync(
            Some("org.freedesktop.portal.Desktop"),
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.DBus.Properties",
            "Get",
            Some(&version),
            None,
            DBusCallFlags::NONE,
            PATIENCE_MILLISECONDS,
            Cancellable::NONE,
        )
        .ok()
    })
    .await
    .is_ok_and(|answer| answer.is_some())
}

/// Shows a dialog and waits for the person. Empty when they changed their mind.
pub(super) async fn ask<R: Runtime>(
    window: &WebviewWindow<R>,
    title: &str,
    wanted: Wanted,
) -> Result<Vec<PathBuf>, IpcError> {
    let (sender, receiver) = oneshot::channel();
    let (parent, title) = (window.clone(), title.to_owned());
    let open = move || {
        let action = match wanted {
            Wanted::File | Wanted::Files => FileChooserAction::Open,
            Wanted::Folder => FileChooserAction::SelectFolder,
        };
        let dialog = FileChooserNative::new(Some(&title), parent.gtk_window().ok().as_ref(), action, None, None);
        dialog.set_modal(true);
        dialog.set_select_multiple(wanted == Wanted::Files);
        // A native dialog belongs to whoever made it: this keeps it until it is answered.
        let kept = Rc::new(RefCell::new(Some((dialog.clone(), sender))));
        dialog.connect_response(move |_, response| {
            let Some((dialog, sender)) = kept.take() else { return };
            let chosen = if response == ResponseType::Accept { dialog.filenames() } else { Vec::new() };
            // Who asked may be gone; then nobody waits for the answer.
            drop(sender.send(chosen));
            dialog.destroy();
        });
        dialog.show();
    };
    window.run_on_main_thread(open).map_err(IpcError::internal)?;
    receiver.await.map_err(IpcError::internal)
}

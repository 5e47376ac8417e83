//! The commands: who answers which. The list itself is in `commands.in.rs`.

use tauri::Runtime;
use tauri::ipc::Invoke;

macro_rules! commands {
    (
        calls: $($room:ident { $($name:ident($request:ty) -> $response:ty),* $(,)? })*;
        untyped: $rest:ident { $($untyped:ident),* $(,)? }
    ) => {
        /// Answers every call of the web view.
        pub(crate) fn handler<R: Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![
                $($(crate::commands::$room::$name,)*)*
                $(crate::commands::$rest::$untyped),*
            ]
        }

        /// Every command by name.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$($(stringify!($name),)*)* $(stringify!($untyped),)*];

        /// Shows every request and response type to a visitor, in order.
        #[cfg(test)]
        pub(super) fn visit(visitor: &mut impl super::bindings::RpcVisitor) {
            use super::*;
            $($(visitor.command::<$request, $response>(stringify!($name));)*)*
        }
    };
}

include!("commands.in.rs");

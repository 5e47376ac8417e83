//! Writes `ui/src/lib/bindings/ipc.ts`, and fails when the committed file, the permissions and the commands differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ts_rs::{Config, TS, TypeVisitor};

use super::events::{Changed, DropEvent};
use super::registry;
use super::transfer::ProgressTick;

const UPDATE: &str = "UPDATE_BINDINGS";
const HEADER: &str = "\
// Generated from src-tauri/src/ipc; `make bindings` writes it again.
// Times are milliseconds since the Unix epoch, sizes are bytes.
";

/// Is shown every command with its request and response.
pub(super) trait RpcVisitor {
    fn command<Request: TS + 'static, Response: TS + 'static>(&mut self, name: &'static str);
}

#[test]
fn the_committed_bindings_are_what_rust_says() {
    let path = root().join("ui/src/lib/bindings/ipc.ts");
    let generated = generate();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "{} is out of step with Rust: run `make bindings`", path.display());
}

#[test]
fn the_main_window_may_call_every_command_and_no_other() {
    let text = std::fs::read_to_string(root().join("src-tauri/capabilities/main.json")).unwrap();
    let capability: serde_json::Value = serde_json::from_str(&text).unwrap();
    let granted: BTreeSet<String> = capability["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|permission| permission.as_str()?.strip_prefix("allow-"))
        .map(str::to_owned)
        .collect();
    let commands: BTreeSet<String> = registry::NAMES.iter().map(|name| name.replace('_', "-")).collect();
    assert_eq!(granted, commands);
}

#[test]
fn no_secret_has_a_shape_that_reaches_the_web_view() {
    let mut responses = Responses(Vec::new());
    registry::visit(&mut responses);
    for declaration in responses.0 {
        for field in declaration.split([' ', '\n', '{', ',']).filter_map(|word| word.strip_suffix(':')) {
            let allowed = ["secret_kept", "secret_label", "keyring"].contains(&field);
            let secret = ["secret", "token", "password", "key"].iter().any(|word| field.contains(word));
            assert!(allowed || !secret, "`{field}` in: {declaration}");
        }
    }
}

#[test]
fn what_others_wrote_reaches_the_web_view_only_as_it_may_be_shown() {
    const FOREIGN: [&str; 10] =
        ["details", "entry", "home", "message", "notes", "path", "problem", "raw_status", "reason", "source"];
    let mut responses = Responses(Vec::new());
    registry::visit(&mut responses);
    for declaration in responses.0 {
        for (field, kind) in declaration.split([';', '\n', '{', ',']).filter_map(|line| line.trim().split_once(':')) {
            let is_shown = !kind.contains("string") || !FOREIGN.contains(&field);
            assert!(is_shown, "`{field}` is not `Shown` in: {declaration}");
        }
    }
}

struct Responses(Vec<String>);

impl RpcVisitor for Responses {
    fn command<Request: TS + 'static, Response: TS + 'static>(&mut self, _name: &'static str) {
        let mut types = Types::default();
        types.add::<Response>();
        self.0.extend(types.0.into_values());
    }
}

fn generate() -> String {
    let mut writer = Writer { types: Types::default(), rpc: String::new(), config: config() };
    registry::visit(&mut writer);
    writer.types.add::<DropEvent>();
    writer.types.add::<Changed>();
    writer.types.add::<ProgressTick>();

    let mut text = HEADER.to_owned();
    for declaration in writer.types.0.values() {
        write!(text, "\n{declaration}\n").unwrap();
    }
    text.push_str("\n/** Command name to request and response; a `null` request is no argument. */\n");
    write!(text, "export type Rpc = {{\n{}}};\n", writer.rpc).unwrap();
    text
}

struct Writer {
    types: Types,
    rpc: String,
    config: Config,
}

impl RpcVisitor for Writer {
    fn command<Request: TS + 'static, Response: TS + 'static>(&mut self, name: &'static str) {
        self.types.add::<Request>();
        self.types.add::<Response>();
        let (request, response) = (Request::name(&self.config), Response::name(&self.config));
        writeln!(self.rpc, "  {name}: [{request}, {response}],").unwrap();
    }
}

/// Declarations by name, so that the file is the same on every run.
#[derive(Default)]
struct Types(BTreeMap<String, String>);

impl Types {
    fn add<T: TS + 'static + ?Sized>(&mut self) {
        self.visit::<T>();
        T::visit_generics(self);
    }
}

impl TypeVisitor for Types {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_none() {
            return;
        }
        let config = config();
        let docs = T::docs().unwrap_or_default();
        let declaration = format!("{docs}export {}", T::decl(&config));
        match self.0.insert(T::name(&config), declaration.clone()) {
            Some(before) => assert_eq!(before, declaration, "two types share a name"),
            None => T::visit_dependencies(self),
        }
    }
}

fn config() -> Config {
    // Byte counts and times stay below 2^53.
    Config::new().with_large_int("number")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

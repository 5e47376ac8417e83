//! Where `holdfast serve` listens, who may reach it, and what it says.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use holdfast_content::NewFile;
use holdfast_service::{PortChoice, ServiceConfig, TlsFiles};

use crate::Failure;

#[derive(Debug, Args)]
pub(crate) struct ServerOptions {
    /// The address to listen on; others than this computer's own need --public
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Let other computers in: whoever reaches the address may read everything that is pinned, and with a key pin more
    #[arg(long)]
    pub(crate) public: bool,
    /// With --public: speak without encryption, so that everybody on the way can read the keys; for a proxy that encrypts
    #[arg(long, requires = "public", conflicts_with = "tls_cert")]
    pub(crate) plain_http: bool,
    /// The certificate for HTTPS, with those that lead to an authority, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A host name under which the service is reached, such as pins.example.org; may be given several times
    #[arg(long, value_name = "NAME", value_parser = parse_host)]
    pub(crate) allow_host: Vec<String>,
    /// Let anybody read /metrics, also without a key and from other computers
    #[arg(long)]
    pub(crate) public_metrics: bool,
    /// Write the key and its secret to this file, readable by its owner alone, instead of printing them. Once it is there no
    /// more keys are made
    #[arg(long, value_name = "FILE", conflicts_with = "new_key")]
    pub(crate) key_file: Option<PathBuf>,
    /// How the log on standard error is written; HOLDFAST_LOG says how much of it
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogForm::Text)]
    pub(crate) log: LogForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

impl ServerOptions {
    /// Refuses what would be unsafe unless it was asked for in so many words.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        let address = self.listen.ip();
        if !self.public {
            return Err(Failure::Plain(format!(
                "{address} can be reached from other computers: whoever reaches it may read everything that is pinned, and \
                 with a key pin more. If that is wanted, say --public; else listen on 127.0.0.1."
            )));
        }
        if self.tls_cert.is_none() && !self.plain_http {
            return Err(Failure::Plain(format!(
                "Without encryption everybody between here and a client of {address} can read its keys. Give --tls-cert and \
                 --tls-key; or say --plain-http if a proxy in front encrypts."
            )));
        }
        Ok(())
    }

    /// What others must know about this run; for standard error.
    pub(crate) fn warning(&self) -> Option<String> {
        (!self.listen.ip().is_loopback()).then(|| {
            let names = if self.allow_host.is_empty() {
                " Requests for host names are refused: give them with --allow-host.".into()
            } else {
                String::new()
            };
            let plain = if self.tls_cert.is_none() { " Nothing is encrypted." } else { "" };
            format!("Other computers can reach this service at {}.{plain}{names}", self.listen)
        })
    }

    pub(crate) fn apply(&self, config: &mut ServiceConfig) {
        config.listen = self.listen.ip();
        config.port = match self.listen.port() {
            0 => PortChoice::Any,
            port => PortChoice::Exactly(port),
        };
        config.allowed_hosts.clone_from(&self.allow_host);
        config.public_metrics = self.public_metrics;
        config.tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Some(TlsFiles { certificates: certificates.clone(), key: key.clone() }),
            _ => None,
        };
    }
}

/// Writes a new file that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let written = NewFile::create(path).and_then(|new| {
        let mut file = new.file();
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        new.keep()
    });
    written.map_err(|error| Failure::Plain(format!("{} cannot be written: {error}.", path.display())))
}

fn parse_host(name: &str) -> Result<String, String> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if is_name { Ok(name.into()) } else { Err("expected a host name, without scheme, port and path".into()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        options: ServerOptions,
        #[arg(long)]
        new_key: bool,
    }

    fn options(arguments: &[&str]) -> Option<ServerOptions> {
        Command::try_parse_from([&["serve"], arguments].concat()).ok().map(|command| command.options)
    }

    #[test]
    fn other_computers_are_let_in_only_on_demand() {
        let check = |arguments: &[&str]| options(arguments).unwrap().check().is_ok();
        let tls = ["--tls-cert", "c", "--tls-key", "k"];
        assert!(check(&[]));
        assert!(check(&["--listen", "[::1]:80"]));
        assert!(!check(&["--listen", "0.0.0.0:80"]));
        assert!(!check(&[&["--listen", "0.0.0.0:80"][..], &tls].concat()));
        assert!(!check(&["--listen", "0.0.0.0:80", "--public"]));
        assert!(check(&["--listen", "0.0.0.0:80", "--public", "--plain-http"]));
        assert!(check(&[&["--listen", "[::]:443", "--public"][..], &tls].concat()));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for arguments in [
            &["--tls-cert", "c"][..],
            &["--tls-key", "k"],
            &["--plain-http"],
            &["--key-file", "f", "--new-key"],
            &["--allow-host", "http://a"],
            &["--allow-host", "a:80"],
            &["--public", "--plain-http", "--tls-cert", "c", "--tls-key", "k"],
        ] {
            assert!(options(arguments).is_none(), "{arguments:?}");
        }
    }
}

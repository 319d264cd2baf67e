//! The servers: processes of this program, which are killed and started again.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use confer_core::id::PortId;

use crate::load::LoadError;

/// All of them.
pub(super) struct Fleet {
    program: PathBuf,
    directory: PathBuf,
    options: Vec<String>,
    servers: Vec<Server>,
}

struct Server {
    /// `None`: it is dead.
    process: Option<Child>,
    default: SocketAddr,
    webapi: SocketAddr,
}

impl Fleet {
    /// Starts so many servers on one store in this directory.
    pub(super) fn start(
        program: PathBuf,
        directory: PathBuf,
        options: Vec<String>,
        count: usize,
    ) -> Result<Self, LoadError> {
        fs::create_dir_all(&directory)?;
        let mut fleet = Self { program, directory, options, servers: Vec::new() };
        for number in 0..count {
            let server = fleet.launch(number)?;
            fleet.servers.push(server);
        }
        Ok(fleet)
    }

    /// Where they keep what is said.
    pub(super) fn store(&self) -> PathBuf {
        self.directory.join("confer.db")
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a port of a server is, or was when it lived.
    pub(super) fn address(&self, server: usize, port: PortId) -> Option<SocketAddr> {
        let there = self.servers.get(server)?;
        Some(if port == PortId::Webapi { there.webapi } else { there.default })
    }

    /// Kills a server: it has no time for any last word.
    pub(super) fn kill(&mut self, server: usize) -> io::Result<()> {
        let process = self.servers.get_mut(server).and_then(|there| there.process.take());
        let Some(mut process) = process else { return Ok(()) };
        process.kill()?;
        process.wait().map(drop)
    }

    /// Starts a server again.
    pub(super) fn restart(&mut self, server: usize) -> Result<(), LoadError> {
        self.servers[server] = self.launch(server)?;
        Ok(())
    }

    /// Servers that have ended without being told to.
    pub(super) fn fallen(&mut self) -> Option<usize> {
        self.servers.iter_mut().position(|there| {
            there.process.as_mut().is_some_and(|process| !matches!(process.try_wait(), Ok(None)))
        })
    }

    /// The log of a server.
    pub(super) fn log(&self, server: usize) -> PathBuf {
        self.directory.join(format!("server-{server}.log"))
    }

    fn launch(&self, number: usize) -> Result<Server, LoadError> {
        let failed = |what: String| LoadError::Server { number, what, log: self.log(number) };
        let log = OpenOptions::new().create(true).append(true).open(self.log(number))?;
        let mut command = Command::new(&self.program);
        command.arg("serve").args(["--log", "warn"]);
        command.arg("--store").arg(format!("sqlite:{}", self.store().display()));
        for port in [PortId::Default, PortId::Webapi] {
            command.arg("--listen").arg(format!("{port}=127.0.0.1:0"));
        }
        for port in [PortId::Esp, PortId::Health, PortId::Web] {
            command.arg("--listen").arg(format!("{port}=off"));
        }
        // A name of its own (B20.12), whatever ports it gets.
        command.args(["--set", &format!("server/name=server-{number}")]).args(&self.options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().map_err(|error| failed(error.to_string()))?;
        let ready = match ready(&mut process) {
            Ok(ready) => ready,
            Err(error) => {
                // It may be gone already.
                let _ = process.kill();
                let status = process.wait().map_err(|error| failed(error.to_string()))?;
                return Err(failed(format!("{error} ({status})")));
            }
        };
        Ok(Server { process: Some(process), default: ready.0, webapi: ready.1 })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for server in 0..self.servers.len() {
            // What cannot be killed is gone.
            let _ = self.kill(server);
        }
    }
}

/// Waits for the line in which a server says where it listens: ports `default` and `webapi`.
fn ready(process: &mut Child) -> io::Result<(SocketAddr, SocketAddr)> {
    let mut line = String::new();
    if let Some(out) = process.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let address = |port: PortId| {
        let name = format!("{port}=");
        line.split_whitespace().find_map(|word| word.strip_prefix(&name)?.parse().ok())
    };
    address(PortId::Default)
        .zip(address(PortId::Webapi))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not get ready"))
}

//! Confer on blocking std threads: a small [`Server`] to embed in a program or a test, and the
//! client's end of a connection, [`client::Connection`], which a desktop, a bot or a workflow links.
//!
//! Nothing in here, nor in what it depends on, is async. The machine and its links are those of
//! every other runtime. It speaks TLS, with the options of every other; it does not speak HTTP, so
//! there is no `/health`: a program that embeds a server knows how it is. Whoever needs HTTP, or
//! more connections than [`MAX_CONNECTIONS`], runs the program `confer`.
//!
//! A program with both ends in it:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use confer_core::config::Config;
//! use confer_core::frame::basic::{Event, Request, RequestRegister};
//! use confer_core::frame::{Frame, UserType};
//! use confer_core::id::PortId;
//! use confer_core::text::Str;
//! use confer_link::{Received, Settings};
//! use confer_runtime_std::client::Connection;
//! use confer_runtime_std::{Options, Server};
//!
//! let mut config = Config::default();
//! config.set("ports.default", "listen", "127.0.0.1:0")?;
//! let server = Server::spawn(Arc::new(config), Options::default())?;
//! let address = server.address(PortId::Default).ok_or("the port is not open")?;
//!
//! let patience = Duration::from_secs(10);
//! let ana = Connection::<confer_basic::Client>::connect(address, Settings::client(), patience)?;
//! let reference = ana.send(Request::RequestRegister(RequestRegister {
//!     user_nickname: Str::new("Ana").into(),
//!     user_type: UserType::Agent,
//!     person_id: None,
//!     time_zone_offset: None,
//!     client_version: Some(106),
//!     user_data: None,
//!     max_frame: None,
//! }))?;
//! match ana.recv()? {
//!     Received::Frame(Frame { reference: answered, body: Event::EventRegistered(registered) }) => {
//!         assert_eq!(answered, reference);
//!         assert_eq!(registered.client_version, 106);
//!     }
//!     other => panic!("not registered: {other:?}"),
//! }
//!
//! ana.close();
//! server.stop();
//! server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod client;
pub mod entropy;
mod server;
mod stream;
pub mod tls;

pub use server::{MAX_CONNECTIONS, Options, Server, StartError};

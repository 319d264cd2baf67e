//! Many connections to a server, from a process of their own: `crowd COUNT DEFAULT WEBAPI ESP`, the
//! last three being addresses of ports.
//!
//! It opens COUNT connections, to the three ports in turn, registers every tenth of those to port
//! `default`, and says `open COUNT`. Then it does what the lines of its input say, and what came of
//! it: `talk` polls on every connection and waits for the replies, `garbage` writes what is no frame
//! on every one and waits for their ends. It ends with its input.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever started it")]

use std::error::Error;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use bytes::BytesMut;
use confer_core::frame::basic::Request;
use confer_core::frame::{Control, Frame, Protocol, UserType};
use confer_tests::people::desk::register;
use confer_tests::suite::crowd::raise_descriptors;
use confer_wire::{MAX_FRAME, encode, encode_control};

/// Descriptors that are not connections.
const SPARE: u64 = 64;
/// More than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// No frame of any protocol.
const GARBAGE: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

struct Idler {
    stream: TcpStream,
    protocol: Protocol,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crowd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [count, default, webapi, esp] = arguments else {
        return Err("usage: crowd COUNT DEFAULT WEBAPI ESP".into());
    };
    let count: usize = count.parse()?;
    let allowed = raise_descriptors()?;
    if allowed < count as u64 + SPARE {
        return Err(format!("{allowed} descriptors are too few for {count} connections").into());
    }
    let ports: [(Protocol, SocketAddr); 3] = [
        (Protocol::Basic, default.parse()?),
        (Protocol::Flex, webapi.parse()?),
        (Protocol::Esp, esp.parse()?),
    ];
    let mut crowd = Vec::with_capacity(count);
    for (number, (protocol, address)) in (0..count).zip(ports.into_iter().cycle()) {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut idler = Idler { stream, protocol };
        if number % 30 == 0 {
            idler.registers()?;
        }
        crowd.push(idler);
    }
    println!("open {count}");
    for line in io::stdin().lock().lines() {
        match &*line? {
            "talk" => {
                for idler in &mut crowd {
                    idler.talks()?;
                }
                println!("talked {}", crowd.len());
            }
            "garbage" => {
                for idler in &mut crowd {
                    idler.stream.write_all(GARBAGE)?;
                }
                for idler in &mut crowd {
                    idler.stream.read_to_end(&mut Vec::new())?;
                }
                println!("ended {}", crowd.len());
                crowd.clear();
            }
            other => return Err(format!("what is {other:?}?").into()),
        }
    }
    Ok(())
}

impl Idler {
    fn registers(&mut self) -> io::Result<()> {
        let request = Request::RequestRegister(register("Idle", UserType::Agent));
        let mut bytes = BytesMut::new();
        encode::<confer_basic::Client>(&Frame::new(1, request), MAX_FRAME, &mut bytes)
            .map_err(io::Error::other)?;
        self.stream.write_all(&bytes)?;
        self.hears().map(drop)
    }

    fn talks(&mut self) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        encode_control(self.protocol, &Frame::new(7, Control::AddpPoll), &mut bytes)
            .map_err(io::Error::other)?;
        self.stream.write_all(&bytes)?;
        match self.hears()? {
            7 => Ok(()),
            other => Err(io::Error::other(format!("an answer to {other}"))),
        }
    }

    /// The reference of the next frame.
    fn hears(&mut self) -> io::Result<u32> {
        let mut head = [0; 12];
        self.stream.read_exact(&mut head)?;
        let [l0, l1, l2, l3, _, _, _, _, r0, r1, r2, r3] = head;
        let rest = u64::from(u32::from_be_bytes([l0, l1, l2, l3])).saturating_sub(8);
        io::copy(&mut (&self.stream).take(rest), &mut io::sink())?;
        Ok(u32::from_be_bytes([r0, r1, r2, r3]))
    }
}

//! How many instructions the codecs take (G5): writes and reads a message of 60 characters as often
//! as its argument says. What starting up takes cancels out between two runs:
//!
//! ```text
//! cargo bench -p confer-tests --bench codecs_instructions --no-run
//! for n in 10000 20000; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!         target/release/deps/codecs_instructions-* message $n
//! done
//! ```
//!
//! and the difference of the two "Collected" figures, divided by 10,000, is the cost of one message.
//! `transcript` instead of `message` counts 64 KiB transcripts.

mod sample;

use std::hint::black_box;

use bytes::BytesMut;
use confer_basic::{Client, Server};
use confer_wire::{MAX_FRAME, decode, encode};

/// Under `cargo bench`, which passes no number: once, to show that it still runs.
fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let is_transcript = arguments.next().as_deref() == Some("transcript");
    let times: u32 = arguments.next().and_then(|times| times.parse().ok()).unwrap_or(1);
    let mut out = BytesMut::new();
    let (message, transcript) = (sample::message(), sample::transcript());
    for _ in 0..times {
        if is_transcript {
            out.clear();
            let written = encode::<Server>(black_box(&transcript), MAX_FRAME, &mut out);
            assert!(written.is_ok() && black_box(decode::<Client>(&out, MAX_FRAME)).is_ok());
        } else {
            black_box(sample::exchange(black_box(&message), &mut out));
        }
    }
}

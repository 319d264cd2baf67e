//! What the codecs cost (G5): a short message, written and read, long transcripts, and the longest one
//! in its stored form.
//!
//! `cargo bench -p confer-tests --bench codecs`. The goals: 1 µs for both ways of a message of 60
//! characters, and 300 MB/s on transcripts of 64 KiB. Instructions are counted by
//! `codecs_instructions`.

mod sample;

use bytes::BytesMut;
use confer_basic::{Client, Server};
use confer_wire::{MAX_FRAME, Splitter, decode, encode};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

#[divan::bench]
fn message_encode_and_decode(bencher: Bencher<'_, '_>) {
    let message = sample::message();
    let mut out = BytesMut::with_capacity(1024);
    bencher.bench_local(|| sample::exchange(&message, &mut out));
}

#[divan::bench]
fn message_encode(bencher: Bencher<'_, '_>) {
    let message = sample::message();
    let mut out = BytesMut::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        encode::<Client>(&message, MAX_FRAME, &mut out)
    });
}

#[divan::bench]
fn message_decode(bencher: Bencher<'_, '_>) {
    let mut out = BytesMut::new();
    encode::<Client>(&sample::message(), MAX_FRAME, &mut out).expect("the sample fits");
    bencher.bench_local(|| decode::<Server>(&out, MAX_FRAME));
}

#[divan::bench]
fn transcript_encode_and_decode(bencher: Bencher<'_, '_>) {
    let transcript = sample::transcript();
    let mut out = BytesMut::new();
    encode::<Server>(&transcript, MAX_FRAME, &mut out).expect("the sample fits");
    bencher.counter(BytesCount::new(out.len())).bench_local(|| {
        out.clear();
        encode::<Server>(&transcript, MAX_FRAME, &mut out)
            .map(|()| decode::<Client>(&out, MAX_FRAME))
    });
}

#[divan::bench]
fn transcript_encode(bencher: Bencher<'_, '_>) {
    let transcript = sample::transcript();
    let mut out = BytesMut::new();
    encode::<Server>(&transcript, MAX_FRAME, &mut out).expect("the sample fits");
    bencher.counter(BytesCount::new(out.len())).bench_local(|| {
        out.clear();
        encode::<Server>(&transcript, MAX_FRAME, &mut out)
    });
}

#[divan::bench]
fn transcript_decode(bencher: Bencher<'_, '_>) {
    let mut out = BytesMut::new();
    encode::<Server>(&sample::transcript(), MAX_FRAME, &mut out).expect("the sample fits");
    bencher.counter(BytesCount::new(out.len())).bench_local(|| decode::<Client>(&out, MAX_FRAME));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn stored_write(bencher: Bencher<'_, '_>) {
    let (session, start_at, events) = sample::stored();
    let written = confer_transcript::write(&session, start_at, &events).expect("in order");
    bencher
        .counter(BytesCount::new(written.len()))
        .bench_local(|| confer_transcript::write(&session, start_at, &events));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn stored_read(bencher: Bencher<'_, '_>) {
    let (session, start_at, events) = sample::stored();
    let written = confer_transcript::write(&session, start_at, &events).expect("in order");
    bencher
        .counter(BytesCount::new(written.len()))
        .bench_local(|| confer_transcript::read(&written));
}

/// In pieces of the size of a TCP segment, as a link would get it.
#[divan::bench]
fn transcript_split(bencher: Bencher<'_, '_>) {
    let mut out = BytesMut::new();
    encode::<Server>(&sample::transcript(), MAX_FRAME, &mut out).expect("the sample fits");
    let mut splitter = Splitter::new(None, MAX_FRAME);
    bencher.counter(BytesCount::new(out.len())).bench_local(|| {
        for mut piece in out.chunks(1448) {
            while let Ok(Some(frame)) = splitter.next(&mut piece) {
                divan::black_box(frame);
            }
        }
    });
}

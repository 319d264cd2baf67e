use alloc::vec::Vec;

use confer_core::frame::basic::{Event, EventSessionInfo};
use confer_core::frame::{EventBody, Protocol};
use confer_core::id::UserId;
use confer_core::pii::Secret;
use confer_wire::{MAX_FRAME, PART_SIZE};

use confer_wire::EncodeError;

use super::*;
use crate::testing::{control, decoded, encoded, event, frames, infos, news, numbers, sized, talk};

type Server = Output<confer_basic::Server>;

/// The default `output-max-size`.
const LIMIT: usize = 4 << 20;

/// Words that make a message of some 270 bytes.
const WORDS: &str = "Thank you for waiting. Somebody will be with you in a moment, as soon as the \
                     matter before yours is settled";

impl Server {
    fn tell(&mut self, event: Event) -> Result<(), Loss> {
        self.push(Frame::unsolicited(event), MAX_FRAME)
    }

    fn poll(&mut self) -> Result<(), Loss> {
        self.push_control(&Frame::new(0, Control::AddpPoll))
    }

    /// What is ready, all of it written.
    fn write(&mut self) -> Vec<u8> {
        let bytes = self.ready().to_vec();
        self.sent(bytes.len()).expect("what follows can be written");
        bytes
    }

    /// All that waits, written piece by piece.
    fn write_all(&mut self, piece: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !self.ready().is_empty() {
            let piece = piece.min(self.ready().len());
            bytes.extend_from_slice(&self.ready()[..piece]);
            self.sent(piece).expect("what follows can be written");
        }
        assert!(self.is_empty());
        bytes
    }

    /// Whether an empty buffer keeps room for this many bytes, those it had before included.
    fn keeps(&mut self, size: usize) -> bool {
        self.is_empty() && self.ready.try_reclaim(size)
    }
}

/// B2.5: `output-max-size` bytes may wait, and not one more.
#[test]
fn output_is_bounded() {
    let mut output = Server::new(1000);
    assert_eq!(output.tell(sized(600)), Ok(()));
    assert_eq!(output.tell(sized(400)), Ok(()));
    assert_eq!(output.ready().len(), 1000);
    assert_eq!(output.poll(), Err(Loss::Overflow));

    let mut output = Server::new(1000);
    assert_eq!(output.tell(sized(600)), Ok(()));
    assert_eq!(output.tell(sized(401)), Err(Loss::Overflow));
    output.clear();
    assert!(output.is_empty() && !output.keeps(1), "all memory is freed");

    let mut output = Server::new(1000);
    assert_eq!(output.tell(sized(988)), Ok(()));
    assert_eq!(output.poll(), Ok(()));
    assert_eq!(output.poll(), Err(Loss::Overflow));
}

/// What is written makes room, to the byte.
#[test]
fn what_is_written_waits_no_longer() {
    let mut output = Server::new(1000);
    assert_eq!(output.tell(sized(1000)), Ok(()));
    output.sent(100).expect("nothing follows");
    assert_eq!(output.tell(sized(100)), Ok(()));
    assert_eq!(output.ready().len(), 1000);
    output.sent(5000).expect("more than there is, is all there is");
    assert!(output.is_empty());
}

/// wire §4.1: the first part is the answer, with MoreEvents; the rest is unsolicited.
#[test]
fn a_long_transcript_goes_in_parts() {
    let mut output = Server::new(LIMIT);
    let Event::EventSessionInfo(answer) = talk(1..=20_000, WORDS) else { unreachable!() };
    let answer = EventSessionInfo { user_id: Some(UserId::new("00E1B7C6D8F90A12")), ..answer };
    let frame = Frame::new(7, Event::EventSessionInfo(answer.clone()));
    assert_eq!(output.push(frame, MAX_FRAME), Ok(()));
    let bytes = output.write_all(65_536);

    // Cut between events, into parts as large as they may be.
    let sizes: Vec<usize> = frames(&bytes).iter().map(|frame| frame.len()).collect();
    let (last, full) = sizes.split_last().expect("there are frames");
    assert!(full.len() >= 3 && *last <= PART_SIZE);
    assert!(full.iter().all(|size| (PART_SIZE - 400..=PART_SIZE).contains(size)), "{sizes:?}");

    let parts = infos(&bytes);
    for (index, Frame { reference, body: part }) in parts.iter().enumerate() {
        let (first, last) = (index == 0, index == parts.len() - 1);
        assert_eq!(*reference, if first { 7 } else { 0 });
        assert_eq!(part.user_id, answer.user_id.clone().filter(|_| first));
        assert_eq!(part.more_events, !last);
        assert_eq!(part.session_id, answer.session_id);
        assert_eq!(part.chat_transcript.monitored, Some(true));
    }
    let events = parts.into_iter().flat_map(|part| part.body.chat_transcript.events.to_vec());
    assert!(events.eq(answer.chat_transcript.events.iter().cloned()));
}

/// wire §4.1: at most min(1 MiB, MaxFrame).
#[test]
fn parts_keep_to_the_frame_limit_of_the_client() {
    for limit in [4096, 4097, 10_000, 100_000] {
        let mut output = Server::new(LIMIT);
        let frame = Frame::unsolicited(talk(1..=1000, WORDS));
        assert_eq!(output.push(frame, limit), Ok(()));
        let bytes = output.write_all(1000);
        let sizes: Vec<usize> = frames(&bytes).iter().map(|frame| frame.len()).collect();
        let (last, full) = sizes.split_last().expect("there are frames");
        let limit = limit as usize;
        assert!(*last <= limit);
        assert!(full.iter().all(|size| (limit - 400..=limit).contains(size)), "{limit}: {sizes:?}");
        assert!(numbers(&infos(&bytes)).into_iter().eq(1..=1000));
    }
}

/// wire §4.1: an event that no frame the client takes can hold is replaced by one with the same ids
/// and no text.
#[test]
fn an_event_larger_than_the_frame_limit_goes_without_its_text() {
    let mut output = Server::new(LIMIT);
    let long = "x".repeat(3000);
    let frame =
        Frame::unsolicited(news([event(5, "before"), event(6, &long), event(7, "after")].into()));
    assert_eq!(output.push(frame, 4096), Ok(()));
    let bytes = output.write_all(4096);
    assert!(frames(&bytes).iter().all(|frame| frame.len() <= 4096));
    let infos = infos(&bytes);
    assert_eq!(numbers(&infos), [5, 6, 7]);
    let events: Vec<_> =
        infos.into_iter().flat_map(|info| info.body.chat_transcript.events.to_vec()).collect();
    assert_eq!(events, [event(5, "before"), event(6, ""), event(7, "after")]);
}

/// wire §4.1: an event over 1 MiB but below MaxFrame goes alone, whole.
#[test]
fn an_event_larger_than_a_part_goes_alone() {
    let mut output = Server::new(LIMIT);
    let long = "x".repeat(PART_SIZE);
    let events = [event(1, "before"), event(2, &long), event(3, "after")];
    assert_eq!(output.tell(news(events.to_vec())), Ok(()));
    let parts = infos(&output.write_all(65_536));
    let sent: Vec<_> = parts.iter().map(|part| part.body.chat_transcript.events.to_vec()).collect();
    assert_eq!(sent, events.map(|event| Vec::from([event])));
}

/// B5.7: a transcript of any length never counts as overflow, and neither does its beginning make
/// later frames count as one.
#[test]
fn parts_do_not_count() {
    let mut output = Server::new(1000);
    assert_eq!(output.tell(talk(1..=100_000, WORDS)), Ok(()));
    assert!(output.ready().len() > 1000);
    assert_eq!(output.tell(sized(988)), Ok(()));
    assert_eq!(output.poll(), Ok(()));
    assert_eq!(output.poll(), Err(Loss::Overflow), "what waits behind it counts as ever");

    // And counts no longer once it is written.
    let mut output = Server::new(1000);
    assert_eq!(output.tell(talk(1..=9000, WORDS)), Ok(()));
    assert_eq!(output.tell(sized(1000)), Ok(()));
    output.write_all(65_536);
    assert_eq!(output.counted(), 0);
    assert_eq!(output.tell(sized(1000)), Ok(()));
}

/// However many small parts are ready at a time.
#[test]
fn small_parts_do_not_count_either() {
    let mut output = Server::new(1000);
    assert_eq!(output.push(Frame::unsolicited(talk(1..=5000, WORDS)), 4096), Ok(()));
    assert!(!output.is_drained(), "there is more to come");
    while !output.is_empty() {
        assert_eq!(output.counted(), 0);
        output.sent(999).expect("what follows can be written");
    }
}

/// While much waits, a long transcript waits for its turn, and makes no more bytes.
#[test]
fn a_long_transcript_waits_behind_much_else() {
    for (before, at_once) in [(LOW_WATER, true), (LOW_WATER + 1, false)] {
        let mut output = Server::new(LIMIT);
        assert_eq!(output.tell(sized(before)), Ok(()));
        assert_eq!(output.tell(talk(1..=5000, WORDS)), Ok(()));
        assert_eq!(output.ready.len() > before, at_once);
        assert_eq!(output.counted(), before);
        let bytes = output.write_all(1000);
        assert_eq!(frames(&bytes)[0].len(), before);
        assert!(numbers(&infos(&bytes[before..])).into_iter().eq(1..=5000));
    }
}

/// A part under way does not count either, whatever of it is written already.
#[test]
fn what_is_left_of_a_part_does_not_count() {
    let mut output = Server::new(1000);
    assert_eq!(output.tell(sized(700)), Ok(()));
    assert_eq!(output.tell(talk(1..=20_000, WORDS)), Ok(()));
    assert_eq!(output.tell(sized(300)), Ok(()));
    assert_eq!(output.counted(), 1000);
    output.sent(650).expect("what follows can be written");
    assert_eq!(output.counted(), 350);
    output.sent(100_000).expect("what follows can be written");
    assert_eq!(output.counted(), 300);
    // The next is under way.
    output.sent(PART_SIZE).expect("what follows can be written");
    assert_eq!(output.counted(), 300);
    assert_eq!(output.tell(sized(700)), Ok(()));
    assert_eq!(output.poll(), Err(Loss::Overflow));
}

/// wire §4.1: the rest of a transcript goes before any newer event, in whatever pieces it is read.
#[test]
fn nothing_newer_overtakes_a_part() {
    for piece in [1000, 4099, 70_000, usize::MAX] {
        let mut output = Server::new(LIMIT);
        let mut first = 1;
        // Long ones and short ones, also in a row, each pushed before the one before is written.
        for length in [1, 9000, 1, 1, 9000, 9000, 1, 5000] {
            let last = first + length - 1;
            assert_eq!(output.tell(talk(first..=last, WORDS)), Ok(()));
            first = last + 1;
        }
        let infos = infos(&output.write_all(piece));
        assert!(numbers(&infos).into_iter().eq(1..first), "in pieces of {piece}");
    }
}

/// A transcript that had to wait for its turn is still the answer to its request.
#[test]
fn a_waiting_transcript_keeps_its_reference() {
    let mut output = Server::new(LIMIT);
    for reference in 1..=3 {
        let frame = Frame::new(reference, talk(1..=9000, WORDS));
        assert_eq!(output.push(frame, MAX_FRAME), Ok(()));
    }
    let parts = infos(&output.write_all(65_536));
    let answers: Vec<u32> =
        parts.iter().map(|part| part.reference).filter(|reference| *reference != 0).collect();
    assert_eq!(answers, [1, 2, 3]);
    for part in parts {
        let first = part.body.chat_transcript.events[0].event_id.number() == 1;
        assert_eq!(part.reference != 0, first);
    }
}

/// B2.6: a poll does not wait behind a transcript, or a slow reader of a long one would be taken
/// for dead.
#[test]
fn messages_about_the_connection_go_before_the_next_part() {
    let mut output = Server::new(LIMIT);
    assert_eq!(output.tell(talk(1..=20_000, WORDS)), Ok(()));
    assert_eq!(output.tell(sized(100)), Ok(()));
    assert_eq!(output.poll(), Ok(()));
    let first = output.write();
    let poll = control(Protocol::Basic, 0, Control::AddpPoll);
    assert_eq!(frames(&first).len(), 2);
    assert_eq!(frames(&first)[1], poll);
    let rest = output.write_all(usize::MAX);
    assert_eq!(*frames(&rest).last().expect("the last frame"), encoded_error(100));
}

fn encoded_error(size: usize) -> Vec<u8> {
    encoded::<confer_basic::Server>(&Frame::unsolicited(sized(size)))
}

/// Transcripts may wait, but not without end: one is 64 too many.
#[test]
fn waiting_transcripts_are_counted() {
    let mut output = Server::new(LIMIT);
    for _ in 0..MAX_TRANSCRIPTS_WAITING {
        assert_eq!(output.tell(talk(1..=5000, WORDS)), Ok(()));
        assert_eq!(output.tell(sized(100)), Ok(()));
    }
    // A transcript waits as values. What was encoded to see how long it is left no room behind.
    let room = output.later.iter().map(|later| match later {
        Later::Bytes(bytes) => bytes.capacity(),
        Later::Parts { .. } => 0,
    });
    assert!(room.sum::<usize>() < MAX_TRANSCRIPTS_WAITING * 1000);
    assert_eq!(output.tell(talk(1..=5000, WORDS)), Err(Loss::Overflow));

    // Once one is written, there may be another.
    let mut output = Server::new(LIMIT);
    for _ in 0..MAX_TRANSCRIPTS_WAITING {
        assert_eq!(output.tell(talk(1..=5000, WORDS)), Ok(()));
    }
    output.write();
    assert_eq!(output.tell(talk(1..=5000, WORDS)), Ok(()));
    assert_eq!(output.tell(talk(1..=5000, WORDS)), Err(Loss::Overflow));
}

/// Parts are made one at a time: however much waits, little of it is bytes.
#[test]
fn memory_follows_the_reader() {
    let mut output = Server::new(LIMIT);
    for _ in 0..8 {
        assert_eq!(output.tell(talk(1..=20_000, WORDS)), Ok(()));
        assert_eq!(output.tell(sized(1000)), Ok(()));
    }
    let mut written = 0;
    while !output.is_empty() {
        let waiting = output.ready.len() + output.later_size;
        assert!(waiting <= LOW_WATER + PART_SIZE + 8 * 1000, "{waiting} bytes wait");
        let more = output.ready.len() > LOW_WATER || output.later.is_empty();
        assert!(more || written == 0, "the reader need not wait for the next part");
        let piece = output.ready().len().min(9999);
        output.sent(piece).expect("what follows can be written");
        written += piece;
    }
    assert!(written > 32 * PART_SIZE);
    assert!(!output.keeps(KEPT_CAPACITY + 1));
    assert_eq!(output.later.capacity(), 0);
}

/// B2.5: whoever makes output is told in time, and again when it was read.
#[test]
fn congestion_begins_at_half_the_limit_and_ends_at_low_water() {
    let mut output = Server::new(LIMIT);
    assert_eq!(output.tell(sized(LIMIT / 2)), Ok(()));
    assert!(!output.is_congested());
    assert_eq!(output.poll(), Ok(()));
    assert!(output.is_congested());
    output.sent(LIMIT / 2 + 12 - LOW_WATER - 1).expect("nothing follows");
    assert!(!output.is_drained());
    output.sent(1).expect("nothing follows");
    assert!(output.is_drained());

    // A transcript in parts is congestion until its last part is nearly written.
    let mut output = Server::new(LIMIT);
    assert_eq!(output.tell(talk(1..=5000, WORDS)), Ok(()));
    assert!(output.is_congested() && !output.is_drained());
    output.write();
    assert!(!output.is_congested() && !output.is_drained());
    output.sent(output.ready.len() - LOW_WATER).expect("nothing follows");
    assert!(output.is_drained());
}

/// An idle connection keeps room for small talk only, in whatever pieces the large was read.
#[test]
fn a_drained_buffer_is_given_back() {
    for size in [1000, 2000, 100_000] {
        for last in [1, 12, size - 1, size] {
            let mut output = Server::new(LIMIT);
            assert_eq!(output.tell(sized(size)), Ok(()));
            // To the end of the room there is, where `capacity` of what is left shows nothing of it.
            while output.ready.len() + 12 <= output.ready.capacity() {
                assert_eq!(output.poll(), Ok(()));
            }
            output.sent(output.ready.len() - last).expect("nothing follows");
            output.sent(last).expect("nothing follows");
            assert!(
                !output.keeps(KEPT_CAPACITY + 1),
                "{size} bytes, the last {last} by themselves"
            );
        }
    }

    let mut output = Server::new(LIMIT);
    assert_eq!(output.tell(sized(100)), Ok(()));
    let before = output.ready().as_ptr();
    output.write();
    assert_eq!(output.tell(sized(100)), Ok(()));
    assert_eq!(output.ready().as_ptr(), before, "small talk does not allocate");
}

/// A frame that cannot be written leaves no byte of it; nor does a part, when its turn comes.
#[test]
fn what_cannot_be_written_is_an_error() {
    let mut output = Server::new(LIMIT);
    assert_eq!(output.tell(sized(100)), Ok(()));
    let broken = || Frame::unsolicited(news([event(1, "a\0b")].into()));
    assert_eq!(output.push(broken(), MAX_FRAME), Err(Loss::Unencodable(EncodeError::Nul)));
    assert_eq!(output.ready(), encoded_error(100));
    let token = Control::Authenticate { access_token: Secret::new("a\0b") };
    assert_eq!(
        output.push_control(&Frame::new(0, token)),
        Err(Loss::Unencodable(EncodeError::Nul))
    );
    assert_eq!(output.ready(), encoded_error(100));

    let mut events: Vec<_> = (1..=9000).map(|number| event(number, WORDS)).collect();
    events[8999] = event(9000, "a\0b");
    assert_eq!(output.tell(news(events)), Ok(()));
    assert_eq!(output.push(broken(), MAX_FRAME), Err(Loss::Unencodable(EncodeError::Nul)));
    let mut result = Ok(());
    while result.is_ok() && !output.is_empty() {
        result = output.sent(output.ready.len());
    }
    assert_eq!(result, Err(Loss::Unencodable(EncodeError::Nul)));
}

/// Debug says how much waits, and nothing of it.
#[test]
fn debug_shows_numbers() {
    let mut output = Server::new(LIMIT);
    assert_eq!(output.tell(talk(1..=1, "confidential")), Ok(()));
    let shown = alloc::format!("{output:?}");
    assert!(shown.starts_with("Output(") && !shown.contains("confidential"), "{shown}");
    let bytes = output.write();
    assert_eq!(decoded::<confer_basic::Client>(&bytes).len(), 1);
    let EventBody::Message(message) = &infos(&bytes)[0].body.chat_transcript.events[0].body else {
        panic!("not a message")
    };
    assert_eq!(message.message_text.reveal(), "confidential");
}

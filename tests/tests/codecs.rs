//! Properties of the codecs, held against arbitrary frames: see `confer_tests::arbitrary`.

use std::collections::{BTreeMap, BTreeSet};

use confer_basic::{Client as BasicClient, Server as BasicServer};
use confer_core::frame::{Attribute, Frame, Protocol};
use confer_esp::{Client as EspClient, Server as EspServer};
use confer_flex::{Client as FlexClient, Server as FlexServer};
use confer_tests::fuzz::{Frames, arbitrary_message, canonical, frames, same};
use confer_tests::{arbitrary, cases, seeds};
use confer_wire::{Level, MAX_FRAME, RawFrame, Value};
use quickcheck::{Arbitrary as _, Gen};

/// Makes a frame with an arbitrary message of one protocol and direction, and holds it against the
/// first property: written by one end and read by the other, it is as it was.
type Direction = (Protocol, fn(&mut Gen) -> Vec<u8>);

const DIRECTIONS: [Direction; 6] = [
    (Protocol::Basic, |g| {
        let frame = Frame::new(arbitrary::reference(g), arbitrary::basic_request(g));
        same::<BasicClient, BasicServer>(&frame).to_vec()
    }),
    (Protocol::Basic, |g| {
        let frame = Frame::new(u32::arbitrary(g), arbitrary::basic_event(g));
        same::<BasicServer, BasicClient>(&frame).to_vec()
    }),
    (Protocol::Flex, |g| {
        let frame = Frame::new(arbitrary::reference(g), arbitrary::flex_request(g));
        same::<FlexClient, FlexServer>(&frame).to_vec()
    }),
    (Protocol::Flex, |g| {
        let frame = Frame::new(u32::arbitrary(g), arbitrary::flex_event(g));
        same::<FlexServer, FlexClient>(&frame).to_vec()
    }),
    (Protocol::Esp, |g| {
        let frame = Frame::new(arbitrary::reference(g), arbitrary::esp_request(g));
        same::<EspClient, EspServer>(&frame).to_vec()
    }),
    (Protocol::Esp, |g| {
        let frame = Frame::new(u32::arbitrary(g), arbitrary::esp_event(g));
        same::<EspServer, EspClient>(&frame).to_vec()
    }),
];

fn generator(seed: u64) -> Gen {
    Gen::from_size_and_seed(32, seed)
}

fn below(g: &mut Gen, bound: usize) -> usize {
    usize::arbitrary(g) % bound
}

/// What both ends of a protocol make of these bytes: nothing worse than an error.
fn read_by_both(protocol: Protocol, bytes: &[u8]) {
    match protocol {
        Protocol::Basic => {
            canonical::<BasicServer, BasicClient>(bytes);
            canonical::<BasicClient, BasicServer>(bytes);
        }
        Protocol::Flex => {
            canonical::<FlexServer, FlexClient>(bytes);
            canonical::<FlexClient, FlexServer>(bytes);
        }
        Protocol::Esp => {
            canonical::<EspServer, EspClient>(bytes);
            canonical::<EspClient, EspServer>(bytes);
        }
    }
}

#[test]
fn what_one_end_writes_the_other_reads() {
    seeds::each("what_one_end_writes_the_other_reads", cases(4000, 1_000_000), |seed| {
        let g = &mut generator(seed);
        for (_, make) in DIRECTIONS {
            make(g);
        }
        // The same for messages about the connection, among others.
        arbitrary_message(g);
    });
}

/// One byte of a frame has any other value: it is refused, malformed, or another message, which is
/// then held against the first property.
#[test]
fn a_frame_with_a_wrong_byte_does_no_harm() {
    seeds::each("a_frame_with_a_wrong_byte_does_no_harm", cases(200, 30_000), |seed| {
        let g = &mut generator(seed);
        for (protocol, make) in DIRECTIONS {
            let mut bytes = make(g);
            let places: Vec<usize> = match bytes.len() {
                length @ ..400 => (0..length).collect(),
                length => (0..100).map(|_| below(g, length)).collect(),
            };
            for place in places {
                let right = bytes[place];
                // Any other byte, or one that differs by little.
                let wrong = match below(g, 3) {
                    0 => right.wrapping_add(1),
                    1 => right ^ (1 << below(g, 8)),
                    _ => u8::arbitrary(g),
                };
                bytes[place] = wrong;
                read_by_both(protocol, &bytes);
                bytes[place] = right;
            }
        }
    });
}

/// A frame that ends early is refused at its end, or where its header is wrong.
#[test]
fn a_frame_that_is_cut_is_refused_where_it_ends() {
    seeds::each("a_frame_that_is_cut_is_refused_where_it_ends", cases(200, 20_000), |seed| {
        let g = &mut generator(seed);
        for (protocol, make) in DIRECTIONS {
            let bytes = make(g);
            for _ in 0..10 {
                let length = below(g, bytes.len());
                let error = RawFrame::parse(&bytes[..length], Some(protocol), MAX_FRAME);
                let error = error.map(|_| "accepted").unwrap_err();
                assert_eq!((error.reason, error.offset as usize), {
                    (confer_wire::Reason::RunsPast, length)
                });
            }
        }
    });
}

/// The pieces a stream arrives in change neither its frames nor the error that ends it.
#[test]
fn pieces_do_not_matter() {
    seeds::each("pieces_do_not_matter", cases(500, 100_000), |seed| {
        let g = &mut generator(seed);
        let (protocol, make) = DIRECTIONS[below(g, DIRECTIONS.len())];
        let sent: Vec<Vec<u8>> = (0..below(g, 6)).map(|_| make(g)).collect();
        let mut stream = sent.concat();
        let ends: Vec<usize> = sent
            .iter()
            .scan(0, |end, frame| {
                *end += frame.len();
                Some(*end)
            })
            .collect();

        let whole = frames(&stream, &[], Some(protocol), MAX_FRAME);
        assert_eq!(whole, Frames { ends, end: Ok(false) });
        assert_eq!(frames(&stream, &[1], Some(protocol), MAX_FRAME), whole);
        for _ in 0..4 {
            assert_eq!(frames(&stream, &sizes(g), Some(protocol), MAX_FRAME), whole);
        }

        // The same of a stream that goes wrong somewhere, and of one that just ends.
        if stream.is_empty() {
            return;
        }
        for _ in 0..8 {
            let start = below(g, sent.len());
            let header: usize = sent[..start].iter().map(Vec::len).sum();
            // A wrong byte in a header is the one that may stop the splitter.
            let place = header + below(g, 6);
            let right = std::mem::replace(&mut stream[place], u8::arbitrary(g));
            let end = below(g, stream.len() + 1);
            let limit = [MAX_FRAME, 1024, 64][below(g, 3)];
            let whole = frames(&stream[..end], &[], Some(protocol), limit);
            for sizes in [vec![1], sizes(g), sizes(g)] {
                assert_eq!(frames(&stream[..end], &sizes, Some(protocol), limit), whole);
            }
            stream[place] = right;
        }
    });
}

/// Sizes of pieces, small and large ones.
fn sizes(g: &mut Gen) -> Vec<u8> {
    let most = [2, 16, 256][below(g, 3)];
    (0..=below(g, 8)).map(|_| u8::try_from(below(g, most)).unwrap_or(u8::MAX)).collect()
}

/// What the frames of a thousand seeds have in them.
#[derive(Default)]
struct Census {
    messages: BTreeSet<(Protocol, u16)>,
    attributes: BTreeSet<Attribute>,
    numbers: BTreeMap<Attribute, BTreeSet<i32>>,
    events: BTreeSet<usize>,
}

impl Census {
    fn count(&mut self, level: &Level<'_>) {
        for entry in level.entries() {
            self.attributes.insert(entry.attribute);
            match &entry.value {
                Value::Int(number) => {
                    self.numbers.entry(entry.attribute).or_default().insert(*number);
                }
                Value::Struct(inside) => self.count(inside),
                Value::List(items) => {
                    self.events.insert(items.len());
                    items.iter().for_each(|item| self.count(item));
                }
                Value::Long(_) | Value::Str(_) | Value::Text(_) | Value::Bin(_) | Value::Kvl(_) => {
                }
            }
        }
    }
}

/// The properties above are worth what the generators reach: every message and attribute, every
/// value of every enumeration, and what lies outside of it where that is legal.
#[test]
fn the_generators_leave_nothing_out() {
    let mut census = Census::default();
    for seed in 0..1000 {
        let g = &mut generator(seed);
        for (protocol, make) in DIRECTIONS {
            let bytes = make(g);
            let frame = RawFrame::parse(&bytes, Some(protocol), MAX_FRAME).unwrap();
            census.messages.insert((protocol, frame.header.message));
            census.count(&frame.attributes);
        }
    }
    let all = [
        (Protocol::Basic, confer_basic::map::MESSAGES),
        (Protocol::Flex, confer_flex::map::MESSAGES),
        (Protocol::Esp, confer_esp::map::MESSAGES),
    ];
    let all = all.into_iter().flat_map(|(protocol, messages)| {
        messages.iter().map(move |&(number, _)| (protocol, number))
    });
    assert!(census.messages.into_iter().eq(all), "a message is never made");

    // The two that stand in no message of a protocol are those of every connection.
    let missing: Vec<Attribute> =
        Attribute::ALL.iter().copied().filter(|one| !census.attributes.contains(one)).collect();
    assert_eq!(missing, [Attribute::RemoteTimeout, Attribute::AccessToken]);

    for (attribute, values, open) in [
        (Attribute::UserType, 5, true),
        (Attribute::Visibility, 3, true),
        (Attribute::TreatAs, 2, true),
        (Attribute::AfterAction, 3, false),
        (Attribute::EventKind, 4, true),
        (Attribute::ProtocolType, 4, true),
        (Attribute::SessionStatus, 2, true),
        (Attribute::RequestResult, 2, true),
        (Attribute::NoticeType, 9, true),
        (Attribute::PushMode, 2, false),
    ] {
        let numbers = &census.numbers[&attribute];
        let known = 1..=values;
        assert!(known.clone().all(|number| numbers.contains(&number)), "{attribute}: {numbers:?}");
        assert_eq!(numbers.iter().any(|number| !known.contains(number)), open, "{attribute}");
    }
    for (attribute, least) in [
        (Attribute::ClientVersion, i32::MIN),
        (Attribute::TimeShift, 0),
        (Attribute::EventId, 0),
        (Attribute::NotifyPosition, -1),
        (Attribute::MaxFrame, 4096),
    ] {
        let numbers = &census.numbers[&attribute];
        assert_eq!((numbers.first(), numbers.last()), (Some(&least), Some(&i32::MAX)));
    }
    assert!([0, 1, 2].iter().all(|count| census.events.contains(count)));
    assert!(census.events.last() > Some(&10), "{:?}", census.events);
}

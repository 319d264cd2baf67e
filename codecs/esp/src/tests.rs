use super::*;
use alloc::vec::Vec;
use bytes::BytesMut;
use confer_core::frame::{Frame, KvEntry};
use confer_wire::{Decoded, EncodeError, MAX_FRAME, decode, encode};
use core::fmt::Debug;

extern crate alloc;

/// Where Extensions' value begins in a request that has nothing else.
const EXTENSIONS_AT: u32 = 15;

fn call(envelope: &[(&str, KvValue)]) -> KvList {
    let entry =
        |(key, value): &(&str, KvValue)| KvEntry { key: Str::new(key), value: value.clone() };
    let envelope: KvList = envelope.iter().map(entry).collect();
    KvList::from([(map::ENVELOPE, envelope.into())])
}

/// A request whose Extensions are these, of whatever form.
fn request(extensions: &KvList) -> Vec<u8> {
    /// Writes Extensions as they are.
    enum Raw {}
    impl Codec for Raw {
        const PROTOCOL: Protocol = Protocol::Esp;
        const SERVER: bool = false;
        const WATCHED: bool = true;
        const REGISTERS: bool = false;
        type In = ();
        type Out = KvList;
        fn read(message: u16, _: &mut Group<'_>) -> Result<(), Misfit> {
            Err(map::stranger(message))
        }
        fn message(_: &KvList) -> u16 {
            map::REQUEST_3RD_SERVER
        }
        fn write(list: &KvList, _: usize, writer: &mut Writer<'_>) -> Option<usize> {
            writer.required(Attribute::Extensions, list);
            None
        }
    }
    let mut out = BytesMut::new();
    encode::<Raw>(&Frame::new(7, extensions.clone()), MAX_FRAME, &mut out).unwrap();
    out.to_vec()
}

fn read(extensions: &KvList) -> Result<Envelope, Flaw> {
    match decode::<Server>(&request(extensions), MAX_FRAME).unwrap() {
        Decoded::Frame(Frame { body: Request::Request3rdServer(call), .. }) => Ok(call.envelope),
        Decoded::Malformed(malformed) => {
            assert_eq!(malformed.offset, EXTENSIONS_AT);
            Err(malformed.what)
        }
        Decoded::Control(control) => panic!("{control:?}"),
    }
}

#[test]
fn service_and_method_are_enough() {
    let envelope = read(&call(&[("Service", "Chat".into()), ("Method", "Message".into())]));
    let expected = Envelope {
        app_name: None,
        app_type: None,
        service: Str::new("Chat"),
        method: Str::new("Message"),
        version: Str::new("1.0"),
        parameters: KvList::new(),
    };
    assert_eq!(envelope, Ok(expected));
}

#[test]
fn an_envelope_without_what_it_needs_is_named_by_that() {
    assert_eq!(read(&KvList::new()), Err(Flaw::Envelope(EnvelopeEntry::Envelope)));
    let text = KvList::from([(map::ENVELOPE, "text".into())]);
    assert_eq!(read(&text), Err(Flaw::Envelope(EnvelopeEntry::Envelope)));
    assert_eq!(
        read(&call(&[("Method", "Message".into())])),
        Err(Flaw::Envelope(EnvelopeEntry::Service))
    );
    assert_eq!(
        read(&call(&[("Service", "Chat".into())])),
        Err(Flaw::Envelope(EnvelopeEntry::Method))
    );
}

#[test]
fn an_entry_has_its_type() {
    let mandatory = [("Service", "Chat".into()), ("Method", "Message".into())];
    let strings = [
        EnvelopeEntry::AppName,
        EnvelopeEntry::AppType,
        EnvelopeEntry::Service,
        EnvelopeEntry::Method,
        EnvelopeEntry::Version,
    ];
    for key in strings {
        for value in [1.into(), 1_i64.into(), KvList::new().into(), KvValue::from(&b"x"[..])] {
            let mut entries = Vec::from([(key.name(), value)]);
            entries.extend(mandatory.clone());
            assert_eq!(read(&call(&entries)), Err(Flaw::Envelope(key)));
        }
    }
    for value in [1.into(), 1_i64.into(), "x".into(), KvValue::from(&b"x"[..])] {
        let mut entries = Vec::from([("Parameters", value)]);
        entries.extend(mandatory.clone());
        assert_eq!(read(&call(&entries)), Err(Flaw::Envelope(EnvelopeEntry::Parameters)));
    }
}

/// The first of a repeated key counts (wire §6); what nobody knows is left out.
#[test]
fn more_entries_than_needed_do_no_harm() {
    let envelope = read(&call(&[
        ("Service", "Chat".into()),
        ("Trace", 1.into()),
        ("Method", "Message".into()),
        ("Method", 2.into()),
        ("Service", "Other".into()),
    ]));
    let envelope = envelope.unwrap();
    assert_eq!((&*envelope.service, &*envelope.method), ("Chat", "Message"));
}

/// Extensions stand at depth 1, the envelope at 2, its parameters at 3.
#[test]
fn parameters_nest_14_levels() {
    let nested =
        |levels| (1..levels).fold(KvList::new(), |list, _| KvList::from([("k", list.into())]));
    let event = |levels| {
        Event::Event3rdServerResponse(Envelope {
            app_name: Some(Str::new("Confer")),
            app_type: None,
            service: Str::new("Chat"),
            method: Str::new("Message"),
            version: Str::new("1.0"),
            parameters: nested(levels),
        })
    };
    let mut out = BytesMut::new();
    encode::<Server>(&Frame::new(7, event(14)), MAX_FRAME, &mut out).unwrap();
    let expected = Decoded::Frame(Frame::new(7, event(14)));
    assert_eq!(decode::<Client>(&out, MAX_FRAME), Ok(expected));
    let error = encode::<Server>(&Frame::new(7, event(15)), MAX_FRAME, &mut out);
    assert_eq!(error, Err(EncodeError::TooDeep));
}

fn envelope() -> Envelope {
    Envelope {
        app_name: Some(Str::new("Confer")),
        app_type: Some(Str::new("ChatServer")),
        service: Str::new("Chat"),
        method: Str::new("Message"),
        version: Str::new("1.1"),
        parameters: KvList::from([("SessionId", "000AB3CD5EF6GH7J".into()), ("Count", 3.into())]),
    }
}

fn written<C: Codec>(reference: u32, body: C::Out) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode::<C>(&Frame::new(reference, body), MAX_FRAME, &mut out).unwrap();
    out.to_vec()
}

#[test]
fn a_call_and_its_results_say_all_there_is_to_say() {
    let user_data = Some(KvList::from([("InteractionId", "000AB3CD5EF6GH7K".into())]));
    let call = Request::Request3rdServer(Request3rdServer { envelope: envelope(), user_data });
    let bytes = written::<Client>(7, call.clone());
    let expected = Decoded::Frame(Frame::new(7, call));
    assert_eq!(decode::<Server>(&bytes, MAX_FRAME), Ok(expected));
    for event in [Event::Event3rdServerResponse(envelope()), Event::Event3rdServerFault(envelope())]
    {
        let bytes = written::<Server>(7, event.clone());
        let expected = Decoded::Frame(Frame::new(7, event));
        assert_eq!(decode::<Client>(&bytes, MAX_FRAME), Ok(expected));
    }
}

#[track_caller]
fn malformed<C: Codec<In: Debug>>(bytes: &[u8], what: Flaw, offset: u32) {
    match decode::<C>(bytes, MAX_FRAME) {
        Ok(Decoded::Malformed(flawed)) => assert_eq!((flawed.what, flawed.offset), (what, offset)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_has_a_reference() {
    let call = Request3rdServer { envelope: envelope(), user_data: None };
    let bytes = written::<Client>(0, Request::Request3rdServer(call));
    malformed::<Server>(&bytes, Flaw::NoReference, 8);
}

#[test]
fn a_message_of_the_other_side_or_of_none_is_malformed() {
    let mut bytes = written::<Server>(7, Event::Event3rdServerFault(envelope()));
    malformed::<Server>(&bytes, Flaw::WrongDirection, 6);
    for (number, at_the_client) in [
        (148, Flaw::UnknownMessage),
        (149, Flaw::WrongDirection),
        (152, Flaw::UnknownMessage),
        (65_531_u16, Flaw::UnknownMessage),
    ] {
        bytes[6..8].copy_from_slice(&number.to_be_bytes());
        malformed::<Client>(&bytes, at_the_client, 6);
        if number != 149 {
            malformed::<Server>(&bytes, Flaw::UnknownMessage, 6);
        }
    }
    bytes[6..8].copy_from_slice(&150_u16.to_be_bytes());
    malformed::<Server>(&bytes, Flaw::WrongDirection, 6);
}

#[test]
fn extensions_are_mandatory() {
    let bytes = b"\0\0\0\x08E\x01\0\x95\0\0\0\x07";
    malformed::<Server>(bytes, Flaw::Missing(Attribute::Extensions), 12);
}

#[test]
fn a_refusal_is_a_fault_with_code_and_string() {
    let Some(Event::Event3rdServerFault(fault)) = Server::refusal(ErrorId::Undecodable, "words")
    else {
        panic!("no fault")
    };
    let parameters = &fault.parameters;
    assert_eq!(parameters.value("FaultCode"), Some(&KvValue::Int(8300)));
    assert_eq!(parameters.text("FaultString").as_deref(), Some("words"));
    assert_eq!((&*fault.service, &*fault.version), ("", "1.0"));
}

//! ESP (`docs/wire.md` §4.3): bytes to and from `confer_core::frame::esp`.
//!
//! [`Server`] reads calls and writes results, [`Client`] the other way round.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod map;

use confer_core::frame::esp::{Envelope, Event, Request, Request3rdServer};
use confer_core::frame::{Attribute, EnvelopeEntry, ErrorId, Flaw, KvList, KvValue, Protocol};
use confer_core::text::Str;
use confer_wire::{Codec, Group, Misfit, Writer};

/// The server's end: calls in, results out.
#[derive(Clone, Copy, Debug)]
pub enum Server {}

/// The workflow's end: results in, calls out.
#[derive(Clone, Copy, Debug)]
pub enum Client {}

impl Codec for Server {
    const PROTOCOL: Protocol = Protocol::Esp;
    const SERVER: bool = true;
    const WATCHED: bool = true;
    const REGISTERS: bool = false;
    type In = Request;
    type Out = Event;

    fn read(message: u16, group: &mut Group<'_>) -> Result<Request, Misfit> {
        match message {
            map::REQUEST_3RD_SERVER => Ok(Request::Request3rdServer(Request3rdServer {
                envelope: read_envelope(group)?,
                user_data: group.optional(Attribute::UserData)?,
            })),
            _ => Err(map::stranger(message)),
        }
    }

    fn message(event: &Event) -> u16 {
        match event {
            Event::Event3rdServerResponse(_) => map::EVENT_3RD_SERVER_RESPONSE,
            Event::Event3rdServerFault(_) => map::EVENT_3RD_SERVER_FAULT,
        }
    }

    fn write(event: &Event, _: usize, writer: &mut Writer<'_>) -> Option<usize> {
        let (Event::Event3rdServerResponse(envelope) | Event::Event3rdServerFault(envelope)) =
            event;
        write_envelope(envelope, writer);
        None
    }

    fn refusal(error: ErrorId, text: &str) -> Option<Event> {
        let parameters = KvList::from([
            (map::FAULT_CODE, error.number().into()),
            (map::FAULT_STRING, text.into()),
        ]);
        Some(Event::Event3rdServerFault(Envelope::nameless(parameters)))
    }
}

impl Codec for Client {
    const PROTOCOL: Protocol = Protocol::Esp;
    const SERVER: bool = false;
    const WATCHED: bool = true;
    const REGISTERS: bool = false;
    type In = Event;
    type Out = Request;

    fn read(message: u16, group: &mut Group<'_>) -> Result<Event, Misfit> {
        Ok(match message {
            map::EVENT_3RD_SERVER_RESPONSE => Event::Event3rdServerResponse(read_envelope(group)?),
            map::EVENT_3RD_SERVER_FAULT => Event::Event3rdServerFault(read_envelope(group)?),
            _ => return Err(map::stranger(message)),
        })
    }

    fn message(request: &Request) -> u16 {
        match request {
            Request::Request3rdServer(_) => map::REQUEST_3RD_SERVER,
        }
    }

    fn write(request: &Request, _: usize, writer: &mut Writer<'_>) -> Option<usize> {
        let Request::Request3rdServer(call) = request;
        writer.optional(Attribute::UserData, &call.user_data);
        write_envelope(&call.envelope, writer);
        None
    }
}

/// Entries of the envelope this build does not know are left out, like unknown attributes.
fn read_envelope(group: &mut Group<'_>) -> Result<Envelope, Misfit> {
    let offset = group.offset(Attribute::Extensions);
    let extensions: KvList = group.required(Attribute::Extensions)?;
    let flaw = |entry| Misfit { what: Flaw::Envelope(entry), offset };
    let envelope = extensions.list(map::ENVELOPE).ok_or_else(|| flaw(EnvelopeEntry::Envelope))?;
    let string = |entry: EnvelopeEntry| match envelope.value(entry.name()) {
        None => Ok(None),
        Some(KvValue::Str(value)) => Ok(Some(value.reveal().clone())),
        Some(KvValue::Int(_) | KvValue::Long(_) | KvValue::Bin(_) | KvValue::List(_)) => {
            Err(flaw(entry))
        }
    };
    Ok(Envelope {
        app_name: string(EnvelopeEntry::AppName)?,
        app_type: string(EnvelopeEntry::AppType)?,
        service: string(EnvelopeEntry::Service)?.ok_or_else(|| flaw(EnvelopeEntry::Service))?,
        method: string(EnvelopeEntry::Method)?.ok_or_else(|| flaw(EnvelopeEntry::Method))?,
        version: string(EnvelopeEntry::Version)?.unwrap_or_else(|| Str::new(Envelope::VERSION)),
        parameters: match envelope.value(map::PARAMETERS) {
            None => KvList::new(),
            Some(KvValue::List(parameters)) => parameters.clone(),
            Some(KvValue::Int(_) | KvValue::Long(_) | KvValue::Str(_) | KvValue::Bin(_)) => {
                return Err(flaw(EnvelopeEntry::Parameters));
            }
        },
    })
}

fn write_envelope(envelope: &Envelope, writer: &mut Writer<'_>) {
    let mut list = KvList::new();
    let strings = [
        (map::APP_NAME, envelope.app_name.as_ref()),
        (map::APP_TYPE, envelope.app_type.as_ref()),
        (map::SERVICE, Some(&envelope.service)),
        (map::METHOD, Some(&envelope.method)),
        (map::VERSION, Some(&envelope.version)),
    ];
    for (key, string) in strings {
        if let Some(string) = string {
            list.push(key, &**string);
        }
    }
    list.push(map::PARAMETERS, envelope.parameters.clone());
    writer.required(Attribute::Extensions, &KvList::from([(map::ENVELOPE, list.into())]));
}

#[cfg(test)]
mod tests;

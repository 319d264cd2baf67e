//! Events, key-value lists and beginnings as bytes of a database.
//!
//! A form of its own, and not that of the wire: it takes everything a machine can hold, whatever
//! the limits of a frame are; texts stay UTF-8, half the size; and it must be readable for as long
//! as somebody has an old database. Numbers are those of the wire, varints of seven bits each.

use std::collections::BTreeMap;
use std::sync::Arc;

use confer_core::ask::Beginning;
use confer_core::frame::{
    EventBody, KvEntry, KvList, KvValue, Message, NewParty, Notice, Open, Party, PartyLeft,
    TranscriptEvent,
};
use confer_core::id::{EventId, UserId};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use confer_wire::map::Enumeration;

/// The first byte of everything stored. Another one is of a newer form.
const FORM: u8 = 1;
/// How deep lists may nest: more than any codec lets in, and little enough for any stack.
const MAX_DEPTH: usize = 64;

/// Bytes that nobody could have stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

type Read<T> = Result<T, Damaged>;

/// Events, one after the other.
pub(crate) fn write_events(events: &[TranscriptEvent]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(events.len() * 96 + 1);
    add_events(&mut bytes, events);
    bytes
}

/// Adds events to those of [`write_events`]; to no bytes at all, if there are none yet.
pub(crate) fn add_events(bytes: &mut Vec<u8>, events: &[TranscriptEvent]) {
    if bytes.is_empty() && !events.is_empty() {
        bytes.push(FORM);
    }
    let mut out = Out(std::mem::take(bytes));
    for event in events {
        out.event(event);
    }
    *bytes = out.0;
}

/// The events of [`write_events`], added to those there are: one that is there already is replaced.
pub(crate) fn read_events(
    bytes: &[u8],
    events: &mut BTreeMap<EventId, TranscriptEvent>,
) -> Read<()> {
    let mut input = In::new(bytes)?;
    while !input.0.is_empty() {
        let event = input.event()?;
        events.insert(event.event_id, event);
    }
    Ok(())
}

/// A key-value list.
pub(crate) fn write_list(list: &KvList) -> Vec<u8> {
    let mut out = Out::new(list.size() + 8 * list.len());
    out.list(list);
    out.0
}

/// The list of [`write_list`].
pub(crate) fn read_list(bytes: &[u8]) -> Read<KvList> {
    let mut input = In::new(bytes)?;
    let list = input.list(1)?;
    if input.0.is_empty() { Ok(list) } else { Err(Damaged) }
}

/// How a record begins, and an end with its transcript (B20.6).
pub(crate) fn write_end(
    beginning: &Beginning,
    (session, generation, end_at): (&str, u64, Stamp),
    events: &[TranscriptEvent],
) -> Vec<u8> {
    let mut out = Out::new(1024 + events.len() * 96);
    out.text(session);
    out.number(generation);
    out.signed(end_at.as_unix_seconds());
    out.beginning(beginning);
    out.number(events.len() as u64);
    for event in events {
        out.event(event);
    }
    out.0
}

/// What [`write_end`] wrote.
pub(crate) struct End {
    pub(crate) session: String,
    pub(crate) generation: u64,
    pub(crate) end_at: Stamp,
    pub(crate) beginning: Beginning,
    pub(crate) events: Vec<TranscriptEvent>,
}

/// What [`write_end`] wrote.
pub(crate) fn read_end(bytes: &[u8]) -> Read<End> {
    let mut input = In::new(bytes)?;
    let session = input.text()?.to_owned();
    let generation = input.number()?;
    let end_at = Stamp::from_unix_seconds(input.signed()?);
    let beginning = input.beginning()?;
    let count = input.number()?;
    let events = (0..count).map(|_| input.event()).collect::<Read<_>>()?;
    if !input.0.is_empty() {
        return Err(Damaged);
    }
    Ok(End { session, generation, end_at, beginning, events })
}

struct Out(Vec<u8>);

impl Out {
    fn new(room: usize) -> Self {
        let mut bytes = Vec::with_capacity(room + 1);
        bytes.push(FORM);
        Self(bytes)
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(low(number) | 0x80);
            number >>= 7;
        }
        self.0.push(low(number));
    }

    /// Small numbers of either sign are short.
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn words(&mut self, text: Option<&Text>) {
        self.optional(text, |out, text| out.text(text.reveal()));
    }

    fn data(&mut self, list: Option<&KvList>) {
        self.optional(list, Self::list);
    }

    fn open<T: Enumeration>(&mut self, value: Open<T>) {
        self.signed(match value {
            Open::Known(value) => T::NUMBERS.number(value).into(),
            Open::Unknown(number) => number.into(),
        });
    }

    fn list(&mut self, list: &KvList) {
        self.number(list.len() as u64);
        for KvEntry { key, value } in list {
            match value {
                KvValue::Int(number) => {
                    self.0.push(1);
                    self.text(key);
                    self.signed((*number).into());
                }
                KvValue::Long(number) => {
                    self.0.push(2);
                    self.text(key);
                    self.signed(*number);
                }
                KvValue::Str(text) => {
                    self.0.push(3);
                    self.text(key);
                    self.text(text.reveal());
                }
                KvValue::Bin(bytes) => {
                    self.0.push(4);
                    self.text(key);
                    self.bytes(bytes.reveal());
                }
                KvValue::List(list) => {
                    self.0.push(5);
                    self.text(key);
                    self.list(list);
                }
            }
        }
    }

    fn event(&mut self, event: &TranscriptEvent) {
        self.0.push(match &event.body {
            EventBody::NewParty(_) => 1,
            EventBody::Message(_) => 2,
            EventBody::Notice(_) => 3,
            EventBody::PartyLeft(_) => 4,
            EventBody::Unknown(_) => 5,
        });
        self.number(event.event_id.number().into());
        self.text(event.user_id.as_str());
        self.number(event.time_shift.into());
        self.open(event.visibility);
        self.optional(event.party.as_ref(), |out, party| {
            out.text(party.user_nickname.reveal());
            out.open(party.user_type);
        });
        self.optional(event.participant_no, |out, number| out.number(number.into()));
        self.data(event.event_attributes.as_ref());
        match &event.body {
            EventBody::NewParty(party) => {
                self.open(party.protocol_type);
                self.optional(party.person_id.as_ref(), |out, id| out.text(id.reveal()));
                self.optional(party.time_zone_offset, |out, offset| out.signed(offset.into()));
                self.optional(party.client_version, |out, version| out.signed(version.into()));
                self.data(party.user_data.as_ref());
                self.words(party.message_text.as_ref());
            }
            EventBody::Message(message) => {
                self.text(message.message_text.reveal());
                self.optional(message.message_type.as_deref(), Self::text);
                self.optional(message.treat_as, Self::open);
                self.optional(message.receiver_id.as_ref(), |out, id| out.text(id.as_str()));
                self.data(message.user_data.as_ref());
            }
            EventBody::Notice(notice) => {
                self.open(notice.notice_type);
                self.words(notice.notice_text.as_ref());
                self.optional(notice.receiver_id.as_ref(), |out, id| out.text(id.as_str()));
                self.data(notice.user_data.as_ref());
            }
            EventBody::PartyLeft(left) => {
                self.text(left.asker_id.as_str());
                self.optional(left.reason_code, |out, code| out.signed(code.into()));
                self.words(left.reason_text.as_ref());
                self.words(left.message_text.as_ref());
            }
            EventBody::Unknown(kind) => self.signed((*kind).into()),
        }
    }

    fn beginning(&mut self, beginning: &Beginning) {
        self.optional(beginning.contact.as_ref(), |out, id| out.text(id.as_str()));
        self.signed(beginning.start_at.as_unix_seconds());
        self.words(beginning.subject.as_ref());
        self.list(&beginning.user_data);
        self.text(&beginning.tenant);
        self.text(&beginning.queue);
        self.text(beginning.interaction.as_str());
    }
}

/// The seven lowest bits.
fn low(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn new(bytes: &'a [u8]) -> Read<Self> {
        match bytes.split_first() {
            Some((&FORM, rest)) => Ok(Self(rest)),
            Some(_) | None => Err(Damaged),
        }
    }

    fn byte(&mut self) -> Read<u8> {
        let (byte, rest) = self.0.split_first().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Read<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Damaged);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damaged)
    }

    fn signed(&mut self) -> Read<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn int(&mut self) -> Read<i32> {
        self.signed()?.try_into().map_err(|_| Damaged)
    }

    fn small(&mut self) -> Read<u32> {
        self.number()?.try_into().map_err(|_| Damaged)
    }

    fn bytes(&mut self) -> Read<&'a [u8]> {
        let length = usize::try_from(self.number()?).map_err(|_| Damaged)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Read<&'a str> {
        core::str::from_utf8(self.bytes()?).map_err(|_| Damaged)
    }

    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Damaged),
        }
    }

    fn words(&mut self) -> Read<Option<Text>> {
        self.optional(|input| input.text().map(Text::new))
    }

    fn user(&mut self) -> Read<Option<UserId>> {
        self.optional(|input| input.text().map(UserId::new))
    }

    fn data(&mut self) -> Read<Option<KvList>> {
        self.optional(|input| input.list(1))
    }

    fn open<T: Enumeration>(&mut self) -> Read<Open<T>> {
        let number = self.int()?;
        Ok(T::NUMBERS.value(number).map_or(Open::Unknown(number), Open::Known))
    }

    fn list(&mut self, depth: usize) -> Read<KvList> {
        if depth > MAX_DEPTH {
            return Err(Damaged);
        }
        let count = self.number()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let kind = self.byte()?;
            let key = Str::new(self.text()?);
            let value = match kind {
                1 => KvValue::Int(self.int()?),
                2 => KvValue::Long(self.signed()?),
                3 => self.text()?.into(),
                4 => KvValue::Bin(Pii::new(Arc::from(self.bytes()?))),
                5 => KvValue::List(self.list(depth + 1)?),
                _ => return Err(Damaged),
            };
            entries.push(KvEntry { key, value });
        }
        Ok(KvList::from_entries(entries))
    }

    fn event(&mut self) -> Read<TranscriptEvent> {
        let kind = self.byte()?;
        let event_id = EventId::new(self.small()?).ok_or(Damaged)?;
        let user_id = UserId::new(self.text()?);
        let time_shift = self.small()?;
        let visibility = self.open()?;
        let party = self.optional(|input| {
            let user_nickname = Pii::new(Str::new(input.text()?));
            Ok(Party { user_nickname, user_type: input.open()? })
        })?;
        let participant_no = self.optional(Self::small)?;
        let event_attributes = self.data()?;
        let body = match kind {
            1 => EventBody::NewParty(Box::new(NewParty {
                protocol_type: self.open()?,
                person_id: self.optional(|input| input.text().map(|id| Pii::new(Str::new(id))))?,
                time_zone_offset: self.optional(Self::int)?,
                client_version: self.optional(Self::int)?,
                user_data: self.data()?,
                message_text: self.words()?,
            })),
            2 => EventBody::Message(Message {
                message_text: Text::new(self.text()?),
                message_type: self.optional(|input| input.text().map(Str::new))?,
                treat_as: self.optional(Self::open)?,
                receiver_id: self.user()?,
                user_data: self.data()?,
            }),
            3 => EventBody::Notice(Notice {
                notice_type: self.open()?,
                notice_text: self.words()?,
                receiver_id: self.user()?,
                user_data: self.data()?,
            }),
            4 => EventBody::PartyLeft(PartyLeft {
                asker_id: UserId::new(self.text()?),
                reason_code: self.optional(Self::int)?,
                reason_text: self.words()?,
                message_text: self.words()?,
            }),
            5 => EventBody::Unknown(self.int()?),
            _ => return Err(Damaged),
        };
        Ok(TranscriptEvent {
            event_id,
            user_id,
            time_shift,
            visibility,
            party,
            participant_no,
            event_attributes,
            body,
        })
    }

    fn beginning(&mut self) -> Read<Beginning> {
        Ok(Beginning {
            contact: self.optional(|input| input.text().map(Into::into))?,
            start_at: Stamp::from_unix_seconds(self.signed()?),
            subject: self.words()?,
            user_data: self.list(1)?,
            tenant: Str::new(self.text()?),
            queue: Str::new(self.text()?),
            interaction: self.text()?.into(),
        })
    }
}

#[cfg(test)]
mod tests;

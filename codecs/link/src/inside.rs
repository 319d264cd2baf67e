//! Frames for a node inside this process.

use bytes::BytesMut;
use confer_core::frame::Frame;
use confer_core::frame::flex::Event;
use confer_wire::{Decoded, EncodeError, MAX_FRAME, PART_SIZE, decode, encode_part};

/// The same answer, with no more events than one on the wire would have (wire §4.2): what a client
/// of the web API gets does not depend on where its gateway runs.
pub(crate) fn cut(frame: Frame<Event>) -> Result<Frame<Event>, EncodeError> {
    let Event::EventStatus(status) = &frame.body else { return Ok(frame) };
    let events = status.chat_transcript.as_ref().map_or(0, |there| there.events.len());
    // Most answers tell one event or none.
    if events <= 1 {
        return Ok(frame);
    }
    let mut bytes = BytesMut::new();
    encode_part::<confer_flex::Server>(&frame, 0, MAX_FRAME, &mut bytes)?;
    if bytes.len() <= PART_SIZE / 2 {
        return Ok(frame);
    }
    match decode::<confer_flex::Client>(&bytes, MAX_FRAME) {
        Ok(Decoded::Frame(cut)) => Ok(cut),
        // What was written can be read; if it could not, it is told whole.
        Ok(Decoded::Control(_) | Decoded::Malformed(_)) | Err(_) => Ok(frame),
    }
}

#[cfg(test)]
mod tests;

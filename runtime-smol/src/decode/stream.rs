//! Frames one after the other, without anything between them.

use confer_core::frame::Protocol;
use confer_wire::{DecodeError, Reason, Splitter};

use super::Failure;
use super::frame::{self, Fault};
use super::report::{Place, Report};

/// One direction of a connection, as its bytes come.
#[derive(Debug)]
pub(super) struct Stream {
    expected: Option<Protocol>,
    limit: u32,
    splitter: Splitter,
    /// Where the frame under way begins, and where what has come so far ends: bytes from the stream's first.
    frame_at: u64,
    end_at: u64,
    /// Nobody knows any more where frames begin.
    lost: bool,
}

impl Stream {
    pub(super) const fn new(expected: Option<Protocol>, limit: u32) -> Self {
        let splitter = Splitter::new(expected, limit);
        Self { expected, limit, splitter, frame_at: 0, end_at: 0, lost: false }
    }

    /// Whether what follows cannot be read.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Reports the frames that these bytes complete. `place` says where a frame is that begins at
    /// this byte of the stream.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        report: &mut Report<'_>,
        place: impl Fn(u64) -> Place,
    ) -> Result<(), Failure> {
        self.end_at += bytes.len() as u64;
        while !self.lost {
            let place = place(self.frame_at);
            let found = self.splitter.next(&mut bytes).map_err(Fault::Frame);
            let frame = match found {
                Ok(None) => return Ok(()),
                Ok(Some(bytes)) => {
                    self.frame_at += bytes.len() as u64;
                    frame::read(bytes, self.expected, self.limit)
                }
                Err(fault) => Err(fault),
            };
            match frame {
                Ok(frame) => report.frame(&place, &frame)?,
                Err(fault) => {
                    report.bad(&place, &fault)?;
                    // A message that makes no sense still ends where it says (wire §7).
                    self.lost = !matches!(fault, Fault::Message(_));
                }
            }
            if self.lost {
                self.splitter = Splitter::new(None, 0);
                report.note(format_args!("{place}: the rest of this stream is skipped"))?;
            }
        }
        Ok(())
    }

    /// Nothing more comes: reports a frame that is not complete, just as if it stood alone.
    pub(super) fn end(
        self,
        report: &mut Report<'_>,
        place: impl Fn(u64) -> Place,
    ) -> Result<(), Failure> {
        let present = self.end_at - self.frame_at;
        if self.lost || present == 0 {
            return Ok(());
        }
        let offset = u32::try_from(present).unwrap_or(u32::MAX);
        let error = DecodeError { reason: Reason::RunsPast, offset, reference: 0 };
        report.bad(&place(self.frame_at), &Fault::Frame(error))
    }
}

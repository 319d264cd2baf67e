//! The packets of a pcap or pcapng file.
//!
//! Records are read whole, by the length they state, and only then parsed: an offset in an error is exact, and
//! memory is bounded by [`MAX_RECORD`].

use core::fmt;
use core::time::Duration;
use std::io::{BufReader, Read};

use pcap_parser::{
    BOM_MAGIC, Block, EPB_MAGIC, IDB_MAGIC, Linktype, SHB_MAGIC, SPB_MAGIC, parse_block_be,
    parse_block_le, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header,
};

use super::CaptureError;

/// Bytes of the longest record accepted; capture programs cut packets at 256 KiB unless told otherwise.
const MAX_RECORD: usize = 16 << 20;

/// Interfaces in one section of a pcapng file.
const MAX_INTERFACES: usize = 65_536;

const PCAP_HEADER: usize = 24;
const PCAP_FRAME_HEADER: usize = 16;
/// The type and both lengths, so also the shortest block.
const BLOCK_HEADER: usize = 12;

/// The packet block of early pcapng drafts, which `pcap-parser` takes for an unknown one.
const OLD_PACKET_BLOCK: u32 = 2;

/// The format of a file, by its first 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `nanos`: its stamps count nanoseconds, not microseconds.
    Pcap {
        big_endian: bool,
        nanos: bool,
    },
    PcapNg,
}

impl Kind {
    pub(super) fn of(first: &[u8]) -> Option<Self> {
        match *first.first_chunk()? {
            [0xa1, 0xb2, 0xc3, 0xd4] => Some(Self::Pcap { big_endian: true, nanos: false }),
            [0xa1, 0xb2, 0x3c, 0x4d] => Some(Self::Pcap { big_endian: true, nanos: true }),
            [0xd4, 0xc3, 0xb2, 0xa1] => Some(Self::Pcap { big_endian: false, nanos: false }),
            [0x4d, 0x3c, 0xb2, 0xa1] => Some(Self::Pcap { big_endian: false, nanos: true }),
            [0x0a, 0x0d, 0x0d, 0x0a] => Some(Self::PcapNg),
            _ => None,
        }
    }
}

/// One record of a file.
pub(super) enum Record<'a> {
    Packet(Packet<'a>),
    /// Anything but a packet.
    Other,
    /// The end of the file.
    End,
}

/// A packet as captured.
pub(super) struct Packet<'a> {
    /// From 1.
    pub(super) number: u64,
    pub(super) link: Linktype,
    pub(super) data: &'a [u8],
    /// Bytes the packet had after `data`, cut off when it was captured.
    pub(super) cut: usize,
}

/// A file being cut into records.
pub(super) struct Packets<R> {
    input: BufReader<R>,
    kind: Kind,
    /// The byte order of the file, or of the current section.
    big_endian: bool,
    /// The link type of a pcap file.
    link: Linktype,
    /// The interfaces of the current section of a pcapng file.
    interfaces: Vec<Interface>,
    /// Where the current record starts.
    offset: u64,
    /// The current record, as far as it has been read.
    record: Vec<u8>,
    /// Packets read so far.
    count: u64,
    /// When the last of them was captured.
    time: Option<Duration>,
}

impl<R> fmt::Debug for Packets<R> {
    /// Without the record: it holds customers' words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packets")
            .field("kind", &self.kind)
            .field("offset", &self.offset)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct Interface {
    link: Linktype,
    /// Bytes to which packets of this interface were cut; 0: not at all.
    snaplen: usize,
    /// What its stamps count, in units per second, and the seconds to add; `None`: too fine to be read.
    clock: Option<(u64, u64)>,
}

impl<R: Read> Packets<R> {
    /// Reads the file's header.
    pub(super) fn open(input: R) -> Result<Self, CaptureError> {
        let mut packets = Self {
            input: BufReader::new(input),
            kind: Kind::PcapNg,
            big_endian: false,
            link: Linktype::NULL,
            interfaces: Vec::new(),
            offset: 0,
            record: Vec::new(),
            count: 0,
            time: None,
        };
        match packets.fill(size_of::<u32>()) {
            Ok(true) => {}
            Ok(false) | Err(CaptureError::Incomplete { .. }) => {
                return Err(CaptureError::NotACapture);
            }
            Err(error) => return Err(error),
        }
        packets.kind = Kind::of(&packets.record).ok_or(CaptureError::NotACapture)?;
        match packets.kind {
            Kind::PcapNg => {
                packets.block()?;
            }
            Kind::Pcap { big_endian, .. } => {
                packets.big_endian = big_endian;
                packets.pcap_header()?;
            }
        }
        Ok(packets)
    }

    /// Reads the next record.
    pub(super) fn read(&mut self) -> Result<Record<'_>, CaptureError> {
        self.offset += self.record.len() as u64;
        self.record.clear();
        match self.kind {
            Kind::Pcap { nanos, .. } => self.frame(nanos),
            Kind::PcapNg => self.block(),
        }
    }

    /// When the last packet read was captured, since 1970-01-01 UTC; `None` if the file does not say.
    pub(super) const fn time(&self) -> Option<Duration> {
        self.time
    }

    fn pcap_header(&mut self) -> Result<(), CaptureError> {
        self.fill(PCAP_HEADER)?;
        let Ok((_, header)) = parse_pcap_header(&self.record) else {
            return Err(self.damaged("a pcap header that cannot be read"));
        };
        if header.version_major != 2 {
            return Err(self.damaged("a version of pcap other than 2"));
        }
        // The upper half tells the length of the frame check sequence.
        self.link = Linktype(header.network.0 & 0xffff);
        Ok(())
    }

    fn frame(&mut self, nanos: bool) -> Result<Record<'_>, CaptureError> {
        if !self.fill(PCAP_FRAME_HEADER)? {
            return Ok(Record::End);
        }
        let length = self.u32_at(8) as usize;
        self.fill(PCAP_FRAME_HEADER.saturating_add(length))?;
        let parse = if self.big_endian { parse_pcap_frame_be } else { parse_pcap_frame };
        let Ok((_, frame)) = parse(&self.record) else {
            return Err(self.damaged("a packet that cannot be read"));
        };
        let cut = (frame.origlen as usize).saturating_sub(frame.data.len());
        let fraction = u64::from(frame.ts_usec);
        let fraction =
            if nanos { Duration::from_nanos(fraction) } else { Duration::from_micros(fraction) };
        self.count += 1;
        self.time = Some(Duration::from_secs(frame.ts_sec.into()) + fraction);
        Ok(Record::Packet(Packet { number: self.count, link: self.link, data: frame.data, cut }))
    }

    fn block(&mut self) -> Result<Record<'_>, CaptureError> {
        if !self.fill(BLOCK_HEADER)? {
            return Ok(Record::End);
        }
        // The type of a section header reads the same in both byte orders; the word after its length tells which.
        if self.u32_at(0) == SHB_MAGIC {
            self.big_endian = true;
            self.big_endian = match self.u32_at(8) {
                BOM_MAGIC => true,
                order if order.swap_bytes() == BOM_MAGIC => false,
                _ => return Err(self.damaged("a section header without byte order")),
            };
            self.interfaces.clear();
        }
        let kind = self.u32_at(0);
        let length = self.u32_at(4) as usize;
        if length < BLOCK_HEADER || !length.is_multiple_of(4) {
            return Err(self.damaged("a block of impossible length"));
        }
        self.fill(length)?;
        if self.u32_at(length - size_of::<u32>()) as usize != length {
            return Err(self.damaged("a block whose two lengths differ"));
        }
        match kind {
            SHB_MAGIC | IDB_MAGIC | EPB_MAGIC | SPB_MAGIC => self.parse_block(),
            OLD_PACKET_BLOCK => Err(self.damaged("an obsolete packet block, which is not read")),
            _ => Ok(Record::Other),
        }
    }

    fn parse_block(&mut self) -> Result<Record<'_>, CaptureError> {
        let parse = if self.big_endian { parse_block_be } else { parse_block_le };
        let Ok((_, block)) = parse(&self.record) else {
            return Err(self.damaged("a block that cannot be read"));
        };
        let (interface, data, length, stamp) = match block {
            Block::EnhancedPacket(block) => {
                let interface = self.interfaces.get(block.if_id as usize);
                let stamp = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
                let data = block.data.get(..block.caplen as usize);
                (interface, data, block.origlen, Some(stamp))
            }
            Block::SimplePacket(block) => {
                let interface = self.interfaces.first();
                let snaplen = interface.map_or(0, |first| first.snaplen);
                let limit = if snaplen == 0 { usize::MAX } else { snaplen };
                // What the data has beyond the packet is padding.
                let captured = (block.origlen as usize).min(limit).min(block.data.len());
                (interface, block.data.get(..captured), block.origlen, None)
            }
            Block::InterfaceDescription(_) if self.interfaces.len() == MAX_INTERFACES => {
                return Err(self.damaged("more interfaces than can be followed"));
            }
            Block::InterfaceDescription(block) => {
                let (link, snaplen) = (block.linktype, block.snaplen as usize);
                let offset = u64::try_from(block.ts_offset()).ok();
                let clock = block.ts_resolution().zip(offset);
                self.interfaces.push(Interface { link, snaplen, clock });
                return Ok(Record::Other);
            }
            Block::SectionHeader(header) if header.major_version != 1 => {
                return Err(self.damaged("a version of pcapng other than 1"));
            }
            Block::SectionHeader(_)
            | Block::NameResolution(_)
            | Block::InterfaceStatistics(_)
            | Block::SystemdJournalExport(_)
            | Block::DecryptionSecrets(_)
            | Block::ProcessInformation(_)
            | Block::Custom(_)
            | Block::Unknown(_) => return Ok(Record::Other),
        };
        let (Some(interface), Some(data)) = (interface, data) else {
            return Err(self.damaged("a packet of an interface that was not described"));
        };
        self.count += 1;
        self.time = stamp.zip(interface.clock).and_then(|(stamp, clock)| time(stamp, clock));
        let cut = (length as usize).saturating_sub(data.len());
        Ok(Record::Packet(Packet { number: self.count, link: interface.link, data, cut }))
    }

    /// Reads on until the record has `length` bytes; `Ok(false)` if the input ended before its first byte.
    fn fill(&mut self, length: usize) -> Result<bool, CaptureError> {
        let (offset, packets) = (self.offset, self.count);
        if length > MAX_RECORD {
            return Err(CaptureError::TooLong { offset, packets, length: length as u64 });
        }
        let missing = length.saturating_sub(self.record.len()) as u64;
        // `read_to_end` grows the buffer as bytes arrive, not by what a damaged length claims.
        let read = (&mut self.input).take(missing).read_to_end(&mut self.record);
        read.map_err(|error| CaptureError::Read { offset, error })?;
        match self.record.len() {
            0 => Ok(false),
            read if read < length => Err(CaptureError::Incomplete { offset, packets }),
            _ => Ok(true),
        }
    }

    /// The number at `at` in the record; 0 past its end.
    fn u32_at(&self, at: usize) -> u32 {
        let bytes = self.record.get(at..).and_then(|rest| rest.first_chunk()).copied();
        let bytes = bytes.unwrap_or_default();
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn damaged(&self, what: &'static str) -> CaptureError {
        CaptureError::Damaged { offset: self.offset, packets: self.count, what }
    }
}

/// The time that `stamp` means on a clock of so many units per second and so many seconds ahead of 1970.
pub(super) fn time(stamp: u64, (resolution, offset): (u64, u64)) -> Option<Duration> {
    let seconds = stamp.checked_div(resolution)?.checked_add(offset)?;
    let nanos = u128::from(stamp % resolution) * 1_000_000_000 / u128::from(resolution);
    Some(Duration::new(seconds, u32::try_from(nanos).ok()?))
}

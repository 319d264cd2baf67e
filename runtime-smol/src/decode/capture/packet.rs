//! The TCP segment in a packet.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice, ip_number};
use pcap_parser::Linktype;

use super::file::Packet;

/// One TCP segment.
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// The sequence number of the first byte, or of the SYN before it.
    pub(super) sequence: u32,
    pub(super) syn: bool,
    /// The sequence number the sender expects next, if it acknowledges anything.
    pub(super) acknowledged: Option<u32>,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) data: &'a [u8],
    /// Bytes the segment had after `data`, cut off when it was captured.
    pub(super) cut: usize,
}

/// Why a packet was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// The packet is of a link type that cannot be read.
    LinkType(i32),
    /// The packet is a fragment; they are not put together again.
    Fragment,
    /// The headers are damaged, or cut off by the capture.
    Headers,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(link) => {
                write!(f, "link type {link} cannot be read: packets of this type are skipped")
            }
            Self::Fragment => f.write_str("an IP fragment, skipped"),
            Self::Headers => f.write_str("headers damaged or cut short, skipped"),
        }
    }
}

/// The segment in a packet; `None` if the packet holds something else.
pub(super) fn segment<'a>(packet: &Packet<'a>) -> Result<Option<Segment<'a>>, Skip> {
    let Some(sliced) = slice(packet.link, packet.data)? else {
        return Ok(None);
    };
    let (addresses, headers, length) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let addresses: (IpAddr, IpAddr) =
                (header.source_addr().into(), header.destination_addr().into());
            let authentication = ip.extensions().auth.map_or(0, |auth| auth.slice().len());
            (addresses, header.slice().len() + authentication, header.total_len())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let addresses: (IpAddr, IpAddr) =
                (header.source_addr().into(), header.destination_addr().into());
            (addresses, ip.extensions().slice().len(), header.payload_length())
        }
        Some(LaxNetSlice::Arp(_)) => return Ok(None),
        None => return if sliced.stop_err.is_some() { Err(Skip::Headers) } else { Ok(None) },
    };
    let Some(payload) = sliced.ip_payload() else {
        return Ok(None);
    };
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else {
        return match payload.ip_number {
            ip_number::TCP if payload.fragmented => Err(Skip::Fragment),
            _ if sliced.stop_err.is_some() => Err(Skip::Headers),
            _ => Ok(None),
        };
    };
    let cut = match usize::from(length) {
        // Left open by the sender's offload, or too large for the field: all that was captured belongs to it.
        0 => packet.cut,
        length => {
            let payload_length = length.checked_sub(headers).ok_or(Skip::Headers)?;
            payload_length.saturating_sub(payload.payload.len())
        }
    };
    Ok(Some(Segment {
        from: SocketAddr::new(addresses.0, tcp.source_port()),
        to: SocketAddr::new(addresses.1, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        syn: tcp.syn(),
        acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
        fin: tcp.fin(),
        rst: tcp.rst(),
        data: tcp.payload(),
        cut,
    }))
}

/// The headers of a packet; `None` if it is no IP packet.
fn slice(link: Linktype, data: &[u8]) -> Result<Option<LaxSlicedPacket<'_>>, Skip> {
    match link {
        Linktype::ETHERNET => {
            LaxSlicedPacket::from_ethernet(data).map(Some).map_err(|_| Skip::Headers)
        }
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => ip(data),
        Linktype::NULL | Linktype::LOOP => {
            let (family, data) = data.split_first_chunk().ok_or(Skip::Headers)?;
            if is_ip_family(*family) { ip(data) } else { Ok(None) }
        }
        Linktype::LINUX_SLL => cooked(data, 14, 16),
        Linktype::LINUX_SLL2 => cooked(data, 0, 20),
        Linktype(other) => Err(Skip::LinkType(other)),
    }
}

fn ip(data: &[u8]) -> Result<Option<LaxSlicedPacket<'_>>, Skip> {
    LaxSlicedPacket::from_ip(data).map(Some).map_err(|_| Skip::Headers)
}

/// Whether a BSD loopback header, in the byte order of whatever machine made the capture, announces IP.
fn is_ip_family(family: [u8; 4]) -> bool {
    // IPv4 has one number; IPv6 that of Linux, NetBSD and OpenBSD, FreeBSD, or macOS.
    const FAMILIES: [u32; 5] = [2, 10, 24, 28, 30];
    FAMILIES.contains(&u32::from_be_bytes(family)) || FAMILIES.contains(&u32::from_le_bytes(family))
}

/// A Linux cooked packet: an EtherType somewhere in a header of fixed length.
fn cooked(
    data: &[u8],
    ether_type: usize,
    header: usize,
) -> Result<Option<LaxSlicedPacket<'_>>, Skip> {
    let payload = data.get(header..).ok_or(Skip::Headers)?;
    let ether_type =
        data.get(ether_type..).and_then(|rest| rest.first_chunk()).ok_or(Skip::Headers)?;
    let ether_type = EtherType(u16::from_be_bytes(*ether_type));
    Ok(Some(LaxSlicedPacket::from_ether_type(ether_type, payload)))
}

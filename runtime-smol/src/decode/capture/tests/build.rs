//! Captures written byte by byte, independent of the crates that read them.

use core::net::{IpAddr, SocketAddr};

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

pub(super) const TCP: u8 = 6;

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A TCP segment, in an IP packet of the addresses' version.
pub(super) fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    flags: u8,
    data: &[u8],
) -> Vec<u8> {
    ip(from.ip(), to.ip(), TCP, &tcp_header(from, to, sequence, flags, data))
}

pub(super) fn tcp_header(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    flags: u8,
    data: &[u8],
) -> Vec<u8> {
    // Four bytes of options (three NOPs and an end), so that the header is not of the usual length.
    let mut bytes = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 6 << 4, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 1, 0]);
    bytes.extend(data);
    bytes
}

pub(super) fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
            let mut bytes = vec![0x45, 0, length[0], length[1], 0, 1, 0x40, 0, 64, protocol, 0, 0];
            bytes.extend(from.octets());
            bytes.extend(to.octets());
            bytes.extend(payload);
            bytes
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            let mut bytes = vec![0x60, 0, 0, 0, length[0], length[1], protocol, 64];
            bytes.extend(from.octets());
            bytes.extend(to.octets());
            bytes.extend(payload);
            bytes
        }
        _ => panic!("addresses of two versions"),
    }
}

pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &ether_type.to_be_bytes()[..], payload].concat()
}

/// A pcap file: microseconds, little-endian, no packet cut.
pub(super) fn pcap(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let packets: Vec<_> = packets.iter().map(|packet| (packet.clone(), packet.len())).collect();
    pcap_as(0xa1b2_c3d4, false, link, &packets)
}

/// A pcap file of packets with their original length.
pub(super) fn pcap_as(
    magic: u32,
    big_endian: bool,
    link: u32,
    packets: &[(Vec<u8>, usize)],
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |word: u32| file.extend(order(big_endian, word));
    put(magic);
    // The version, 2.4, is two half words.
    put(if big_endian { 0x0002_0004 } else { 0x0004_0002 });
    for word in [0, 0, 0x0004_0000, link] {
        put(word);
    }
    for (data, original) in packets {
        for word in [1_000_000, 5, word(data.len()), word(*original)] {
            file.extend(order(big_endian, word));
        }
        file.extend(data);
    }
    file
}

/// A section of a pcapng file.
pub(super) struct Section {
    pub(super) big_endian: bool,
    pub(super) bytes: Vec<u8>,
}

impl Section {
    pub(super) fn new(big_endian: bool) -> Self {
        let mut section = Self { big_endian, bytes: Vec::new() };
        let version = if big_endian { 0x0001_0000 } else { 0x0000_0001 };
        section.block(0x0a0d_0d0a, &[0x1a2b_3c4d, version, u32::MAX, u32::MAX], &[], &[]);
        section
    }

    pub(super) fn interface(&mut self, link: u16, snaplen: u32) -> &mut Self {
        let link = u32::from(link);
        let link = if self.big_endian { link << 16 } else { link };
        // An option: the name of the interface.
        let name = if self.big_endian { 0x0002_0003 } else { 0x0003_0002 };
        self.block(1, &[link, snaplen], &[], &[name, u32::from_be_bytes(*b"lo0\0"), 0])
    }

    pub(super) fn enhanced(&mut self, interface: u32, data: &[u8], original: usize) -> &mut Self {
        self.block(6, &[interface, 0, 7, word(data.len()), word(original)], data, &[])
    }

    pub(super) fn simple(&mut self, data: &[u8], original: usize) -> &mut Self {
        self.block(3, &[word(original)], data, &[])
    }

    pub(super) fn block(
        &mut self,
        kind: u32,
        head: &[u32],
        data: &[u8],
        tail: &[u32],
    ) -> &mut Self {
        let padding = data.len().next_multiple_of(4) - data.len();
        let length = word(12 + 4 * (head.len() + tail.len()) + data.len() + padding);
        for word in [kind, length].iter().chain(head) {
            self.bytes.extend(order(self.big_endian, *word));
        }
        self.bytes.extend(data);
        // Padding should be zero, but nobody must rely on it.
        self.bytes.extend(core::iter::repeat_n(0xee, padding));
        for word in tail.iter().chain(&[length]) {
            self.bytes.extend(order(self.big_endian, *word));
        }
        self
    }
}

fn order(big_endian: bool, word: u32) -> [u8; 4] {
    if big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
}

fn word(length: usize) -> u32 {
    u32::try_from(length).unwrap()
}

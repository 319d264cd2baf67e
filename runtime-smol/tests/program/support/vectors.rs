//! What there is to decode: the vectors, and captures of them.

use std::collections::HashMap;

use serde_json::{Value, json};

/// One frame of the vectors.
pub(crate) struct Vector {
    pub(crate) title: String,
    pub(crate) hex: String,
    /// Its decoded form, or why it is refused and the protocol of its port.
    pub(crate) form: Value,
}

impl Vector {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let digits = self.hex.as_bytes().chunks(2);
        digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    pub(crate) fn protocol(&self) -> &str {
        self.form["protocol"].as_str().unwrap()
    }
}

/// The vectors of this file; all of them at least once.
pub(crate) fn vectors(file: &str) -> Vec<Vector> {
    let path = format!("{}/../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let list: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(!list.is_empty());
    let take = |mut form: Value| {
        let mut text = |key: &str| {
            let value = form.as_object_mut().unwrap().remove(key).unwrap();
            value.as_str().unwrap().to_owned()
        };
        Vector { title: text("title"), hex: text("hex"), form }
    };
    list.into_iter().map(take).collect()
}

/// What the program answers to a frame of `message` without attributes.
pub(crate) fn bare(protocol: &str, message: &str, reference: u32) -> Value {
    json!({ "protocol": protocol, "message": message, "reference": reference, "attributes": {} })
}

/// A pcap file of a loopback: raw IPv4 packets from 127.0.0.1 to 127.0.0.1, one each microsecond.
pub(crate) struct Pcap {
    pub(crate) file: Vec<u8>,
    packets: u32,
    /// The next sequence number of each direction, by its two ports.
    sequences: HashMap<(u16, u16), u32>,
}

impl Pcap {
    /// 2024-01-15T10:00:00Z.
    const START: u32 = 1_705_312_800;

    pub(crate) fn new() -> Self {
        let mut file = Vec::new();
        for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x0004_0000, 101] {
            file.extend(u32::to_le_bytes(word));
        }
        Self { file, packets: 0, sequences: HashMap::new() }
    }

    /// The packets that open a connection, except the last acknowledgement.
    pub(crate) fn open(&mut self, client: u16, server: u16) {
        self.packet(client, server, 0x02, b"");
        self.packet(server, client, 0x12, b"");
    }

    /// One packet with these bytes.
    pub(crate) fn send(&mut self, from: u16, to: u16, bytes: &[u8]) {
        self.packet(from, to, 0x18, bytes);
    }

    /// Bytes that were sent and are not in the capture.
    pub(crate) fn lose(&mut self, from: u16, to: u16, count: u32) {
        *self.sequences.get_mut(&(from, to)).unwrap() += count;
    }

    /// The packet that ends a direction.
    pub(crate) fn finish(&mut self, from: u16, to: u16) {
        self.packet(from, to, 0x11, b"");
    }

    fn packet(&mut self, from: u16, to: u16, flags: u8, bytes: &[u8]) {
        let sequence = self.sequences.entry((from, to)).or_insert(u32::from(from) * 1000);
        let mut tcp = [from.to_be_bytes(), to.to_be_bytes()].concat();
        tcp.extend(sequence.to_be_bytes());
        tcp.extend([0, 0, 0, 0, 5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(bytes);
        *sequence += u32::try_from(bytes.len()).unwrap() + u32::from(flags & 0x03 != 0);

        let length = u16::try_from(20 + tcp.len()).unwrap();
        let [high, low] = length.to_be_bytes();
        let ip = [0x45, 0, high, low, 0, 1, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        self.packets += 1;
        for word in [Self::START, self.packets, length.into(), length.into()] {
            self.file.extend(word.to_le_bytes());
        }
        self.file.extend(ip);
        self.file.extend(tcp);
    }
}

//! What happened to connections, in numbers.

use crate::link::Loss;

/// What happened to the connections of a [`Host`](crate::Host) since it began, in numbers that only
/// grow.
///
/// Every connection that was `opened` and is over is among `closed`. Why is told by the others, as
/// far as it was not the peer's own wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections that were taken.
    pub opened: u64,
    /// Connections that were one too many (B2.3).
    pub refused: u64,
    /// Connections that are over.
    pub closed: u64,
    /// Requests that were answered with 8301 (wire §7).
    pub malformed: u64,
    /// Connections lost because of a frame that cannot be read: too long, cut in itself, of another
    /// protocol, or none at all; answered with 8300 (wire §7).
    pub undecodable: u64,
    /// Connections that did not show the access token in time, or first, or showed a wrong one
    /// (B2.7).
    pub not_authenticated: u64,
    /// Connections whose peers did not answer a poll (B2.6).
    pub silent: u64,
    /// Connections whose peers did not read (B2.5).
    pub overflowed: u64,
    /// Connections lost because of a frame this side made and could not write: bugs.
    pub unencodable: u64,
    /// Connections that the machine ended: those that did not register in time (B2.2), and all when
    /// the server goes away (B20.7).
    pub dismissed: u64,
    /// Connections that the network broke, or that never spoke the TLS they should.
    pub broken: u64,
}

impl Tally {
    pub(crate) const fn lost(&mut self, loss: &Loss) {
        let count = match loss {
            Loss::Undecodable(_) => &mut self.undecodable,
            Loss::NotAuthenticated => &mut self.not_authenticated,
            Loss::Silent => &mut self.silent,
            Loss::Overflow => &mut self.overflowed,
            Loss::Unencodable(_) => &mut self.unencodable,
        };
        *count += 1;
    }
}

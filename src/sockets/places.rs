//! How many connections a listener has, and when there are enough: of all, and of one peer, so
//! that one machine cannot keep all others out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::is_loopback;
use crate::metrics::Registry;

/// What is counted of connections, by listener.
pub struct Metrics {
    open: IntGaugeVec,
    refused: IntCounterVec,
}

impl Metrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let labels = &["listener"];
        Self {
            open: registry.gauge("onnxd_connections", "Connections that are open.", labels),
            refused: registry.counter(
                "onnxd_connections_refused_total",
                "Connections closed at once because there were enough, of all or of their peer.",
                labels,
            ),
        }
    }

    /// Places of a listener for so many connections.
    #[must_use]
    pub fn places(&self, listener: &str, max: usize) -> Places {
        Places(Arc::new(Inner {
            max: i64::try_from(max).unwrap_or(i64::MAX),
            share: max.div_ceil(SHARE),
            peers: Mutex::default(),
            open: self.open.with_label_values(&[listener]),
            refused: self.refused.with_label_values(&[listener]),
        }))
    }
}

/// The places that a listener has.
pub struct Places(Arc<Inner>);

/// One peer has at most one half of the places.
const SHARE: usize = 2;

struct Inner {
    max: i64,
    /// Connections of one peer.
    share: usize,
    peers: Mutex<HashMap<Peer, usize>>,
    open: IntGauge,
    refused: IntCounter,
}

/// Somebody whose connections are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Peer(IpAddr);

impl Peer {
    /// None for the machine itself: proxies on it bring connections of many.
    fn of(address: IpAddr) -> Option<Self> {
        /// Whoever has one address of IPv6 has all that begin with these 64 bits.
        const NETWORK: u128 = !0 << 64;
        if is_loopback(address) {
            return None;
        }
        Some(Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

impl Places {
    /// One place, or none: only the loop that accepts asks, so nobody comes between.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Place> {
        let inner = &self.0;
        let peer = Peer::of(peer);
        if inner.open.get() >= inner.max || !peer.is_none_or(|peer| inner.arrives(peer)) {
            inner.refused.inc();
            return None;
        }
        inner.open.inc();
        Some(Place { inner: Arc::clone(inner), peer })
    }
}

impl Inner {
    /// Counts a connection of the peer, if it may have one more.
    fn arrives(&self, peer: Peer) -> bool {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let open = peers.entry(peer).or_default();
        // Where it is over there are others: no entry was made.
        let may = *open < self.share;
        *open += usize::from(may);
        may
    }

    fn leaves(&self, peer: Peer) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = peers.get_mut(&peer) {
            *open -= 1;
            if *open == 0 {
                peers.remove(&peer);
            }
        }
    }
}

/// Held by a connection.
pub(super) struct Place {
    inner: Arc<Inner>,
    peer: Option<Peer>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(peer) = self.peer {
            self.inner.leaves(peer);
        }
        self.inner.open.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Places, peer: &str) -> Option<Place> {
        places.take(peer.parse().unwrap())
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let registry = Registry::new();
        let places = Metrics::new(&registry).places("http", 2);
        let (one, _two) = (take(&places, "127.0.0.1").unwrap(), take(&places, "::1").unwrap());
        assert!(take(&places, "10.0.0.1").is_none());
        drop(one);
        assert!(take(&places, "10.0.0.1").is_some());
        let page = String::from_utf8(registry.text()).unwrap();
        assert!(page.contains("onnxd_connections_refused_total{listener=\"http\"} 1\n"), "{page}");
        assert!(page.contains("onnxd_connections{listener=\"http\"} 1\n"), "{page}");
    }

    #[test]
    fn one_peer_leaves_half_of_the_places_to_others() {
        let places = Metrics::new(&Registry::new()).places("http", 5);
        for one in ["10.0.0.1", "2001:db8::1"] {
            let other_address = if one == "10.0.0.1" { "::ffff:10.0.0.1" } else { "2001:db8::9:9" };
            let mut held: Vec<_> = (0..2).map(|_| take(&places, one).unwrap()).collect();
            held.push(take(&places, other_address).unwrap());
            assert!(take(&places, one).is_none() && take(&places, other_address).is_none());
            held.push(take(&places, "10.0.0.2").unwrap());
            held.pop();
            held.pop();
            assert!(take(&places, one).is_some());
            drop(held);
            assert!(places.0.peers.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn this_machine_may_have_all_places() {
        let places = Metrics::new(&Registry::new()).places("http", 3);
        let held: Vec<_> = (0..3).map(|_| take(&places, "127.0.0.1").unwrap()).collect();
        assert!(take(&places, "127.0.0.1").is_none());
        drop(held);
    }
}

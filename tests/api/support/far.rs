//! An address of this machine that is not its loopback.

use std::net::{IpAddr, UdpSocket};

/// The address that packets to others would come from; none are sent. A machine may have none,
/// but not one that tests every change.
pub fn far_address() -> Option<IpAddr> {
    let address = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let address = address.ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback());
    if address.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the machine has no address but the loopback");
        eprintln!("not run: the machine has no address but the loopback");
    }
    address
}

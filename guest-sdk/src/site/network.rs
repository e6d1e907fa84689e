//! Networks and where an address lies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

/// Where an address lies, seen from the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The device itself.
    Loopback,
    /// The device's own segment.
    LinkLocal,
    /// One of the site's networks.
    Internal,
    /// A private or shared address that is none of the site's networks.
    Private,
    /// Anyone's.
    Public,
    /// To many at once, broadcasts too.
    Multicast,
    /// No address of a host, or no address at all.
    Invalid,
}

/// A network by its address and the length of its prefix. IPv4 is held as the
/// IPv6 addresses that map it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Network {
    address: u128,
    mask: u128,
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{}` is no network", text.escape_default());
        let text = super::bounded(&text)?;
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) => length.parse().map_err(|_| wrong())?,
            None => width,
        };
        if length > width {
            return Err(wrong());
        }
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        // An IPv4 prefix is one of the last 32 bits.
        let mask = if width == 32 && length == 0 {
            !u128::from(u32::MAX)
        } else {
            mask
        };
        Ok(Self {
            address: number(address) & mask,
            mask,
        })
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        number(address) & self.mask == self.address
    }
}

/// Where an address lies; without networks every private one is internal.
pub(super) fn scope(ip: &str, internal: Option<&[Network]>) -> Scope {
    // The zone of a link-local address says nothing here.
    let address = ip.split_once('%').map_or(ip, |(address, _)| address);
    let Ok(address) = address.parse::<IpAddr>() else {
        return Scope::Invalid;
    };
    let address = address.to_canonical();
    let general = match address {
        IpAddr::V4(address) => general_v4(address),
        IpAddr::V6(address) => general_v6(address),
    };
    let is_ours = match internal {
        Some(networks) => networks.iter().any(|network| network.contains(address)),
        None => general == Scope::Private,
    };
    match general {
        Scope::Private | Scope::Public if is_ours => Scope::Internal,
        scope => scope,
    }
}

fn general_v4(address: Ipv4Addr) -> Scope {
    let [first, second, ..] = address.octets();
    if address.is_loopback() {
        Scope::Loopback
    } else if address.is_link_local() {
        Scope::LinkLocal
    } else if address.is_multicast() || address.is_broadcast() {
        Scope::Multicast
    } else if first == 0 || first >= 240 {
        Scope::Invalid
    } else if address.is_private() || (first == 100 && second & 0xc0 == 64) {
        Scope::Private
    } else {
        Scope::Public
    }
}

fn general_v6(address: Ipv6Addr) -> Scope {
    if address.is_loopback() {
        Scope::Loopback
    } else if address.is_unicast_link_local() {
        Scope::LinkLocal
    } else if address.is_multicast() {
        Scope::Multicast
    } else if address.is_unspecified() {
        Scope::Invalid
    } else if address.is_unique_local() {
        Scope::Private
    } else {
        Scope::Public
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts
            .iter()
            .map(|text| Network::try_from((*text).to_owned()).unwrap())
            .collect()
    }

    #[test]
    fn unless_configured_private_is_internal() {
        for (ip, expected) in [
            ("127.0.0.1", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("169.254.1.2", Scope::LinkLocal),
            ("fe80::1%eth0", Scope::LinkLocal),
            ("10.10.10.5", Scope::Internal),
            ("172.31.0.1", Scope::Internal),
            ("172.32.0.1", Scope::Public),
            ("::ffff:192.168.1.1", Scope::Internal),
            ("100.64.0.1", Scope::Internal),
            ("100.128.0.1", Scope::Public),
            ("fd00::5", Scope::Internal),
            ("2001:db8::1", Scope::Public),
            ("203.0.113.9", Scope::Public),
            ("224.0.0.251", Scope::Multicast),
            ("255.255.255.255", Scope::Multicast),
            ("ff02::fb", Scope::Multicast),
            ("0.0.0.0", Scope::Invalid),
            ("::", Scope::Invalid),
            ("", Scope::Invalid),
            ("10.0.0", Scope::Invalid),
        ] {
            assert_eq!(scope(ip, None), expected, "{ip}");
        }
    }

    #[test]
    fn configured_networks_take_the_place_of_the_private_ones() {
        let ours = networks(&["10.1.0.0/16", "198.51.100.7", "2001:db8::/32"]);
        for (ip, expected) in [
            ("10.1.2.3", Scope::Internal),
            ("10.2.2.3", Scope::Private),
            ("198.51.100.7", Scope::Internal),
            ("198.51.100.8", Scope::Public),
            ("2001:db8:1::", Scope::Internal),
            ("127.0.0.1", Scope::Loopback),
        ] {
            assert_eq!(scope(ip, Some(&ours)), expected, "{ip}");
        }
        let all = networks(&["0.0.0.0/0"]);
        assert_eq!(scope("8.8.8.8", Some(&all)), Scope::Internal);
        assert_eq!(scope("2001:db8::1", Some(&all)), Scope::Public);
        assert_eq!(
            scope("2001:db8::1", Some(&networks(&["::/0"]))),
            Scope::Internal
        );
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "10.0.0/8",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/x",
            "",
            "10.0.0.0/",
        ] {
            assert!(Network::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

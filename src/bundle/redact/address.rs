//! Replaces IP addresses by numbered ones of the same class, because the checks read the class.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

use crate::evidence::address::{AddressClass, classify};

/// The length of the longest IPv6 address, in bytes.
const MAX_LENGTH: usize = 45;

/// The address at the beginning of `rest`, which follows `before`; and its length in bytes.
pub(crate) fn leading_address(before: &str, rest: &str) -> Option<(usize, IpAddr)> {
    if before.ends_with("http://") || before.ends_with("https://") {
        // The host of a URL may be a single number: `http://2130706433`.
        let end = match rest.strip_prefix('[') {
            Some(inner) => inner.find(']')? + 2,
            None => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len())
            }
        };
        return match Host::parse(rest.get(..end).filter(|host| host.len() <= MAX_LENGTH)?).ok()? {
            Host::Ipv4(address) => Some((end, address.into())),
            Host::Ipv6(address) => Some((end, address.into())),
            Host::Domain(_) => None,
        };
    }
    let is_joined = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if before.ends_with(|c| is_joined(c) || matches!(c, '.' | ':')) {
        return None;
    }
    let is_address_part = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    let end = rest.find(|c| !is_address_part(c)).unwrap_or(rest.len());
    let run = rest[..end].trim_end_matches(['.', ':']);
    if run.is_empty() || rest[end..].starts_with(is_joined) {
        return None;
    }
    // `10.1.2.3:443` has a port.
    let host = run.split(':').next().unwrap_or_default();
    let parse = |text: &str| {
        let address = Some(text).filter(|text| text.len() <= MAX_LENGTH)?.parse().ok()?;
        Some((text.len(), address))
    };
    parse(run).or_else(|| parse(host))
}

/// Returns an address of the same class that contains the number.
pub(crate) fn numbered_address(address: IpAddr, number: usize) -> IpAddr {
    let class = classify(address);
    let last_group = u16::try_from(number % usize::from(u16::MAX)).unwrap_or_default();
    let [high, last] = last_group.to_be_bytes();
    if matches!(class, AddressClass::Loopback | AddressClass::Metadata) || address.is_unspecified()
    {
        return address;
    }
    match (address, class) {
        (IpAddr::V4(_), AddressClass::Private) => Ipv4Addr::new(10, 0, high, last).into(),
        (IpAddr::V4(_), AddressClass::LinkLocal) => Ipv4Addr::new(169, 254, 1, last).into(),
        (IpAddr::V4(_), AddressClass::Special) => Ipv4Addr::new(192, 0, 2, last).into(),
        (IpAddr::V4(_), _) => Ipv4Addr::new(1, 1, high, last).into(),
        (IpAddr::V6(_), AddressClass::Private) => v6(0xfd00, 0, last_group),
        (IpAddr::V6(_), AddressClass::LinkLocal) => v6(0xfe80, 0, last_group),
        (IpAddr::V6(_), AddressClass::Special) => v6(0x2001, 0xdb8, last_group),
        (IpAddr::V6(_), _) => v6(0x2600, 0, last_group),
    }
}

fn v6(first: u16, second: u16, last: u16) -> IpAddr {
    Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, last).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn class_is_kept(v4: [u8; 4], v6: [u16; 8], number in 1..100_000_usize) {
            for address in [IpAddr::from(v4), IpAddr::from(v6)] {
                let replaced = numbered_address(address, number);
                prop_assert_eq!(
                    classify(replaced), classify(address), "{} as {}", address, replaced
                );
            }
        }
    }

    #[test]
    fn only_whole_addresses_are_found() {
        for (before, rest, length) in [
            ("https://", "10.1.2.3:8443/", Some(8)),
            ("at ", "10.1.2.3.", Some(8)),
            ("at ", "10.1.2.3:443 refused", Some(8)),
            ("v", "10.1.2.3", None),
            ("https://", "10.1.2.3.umbrella.example", None),
            ("https://", "[fd12:3456::7]:8443", Some(14)),
            ("http://", "2130706433/", Some(10)),
            ("http://", "0x7f.1:80", Some(6)),
            ("at ", "fd12:3456::7 refused", Some(12)),
            ("refs/tags/", "10.1.2", None),
            ("sc://", "4711/x", None),
        ] {
            assert_eq!(
                leading_address(before, rest).map(|(length, _)| length),
                length,
                "{before}{rest}"
            );
        }
    }
}

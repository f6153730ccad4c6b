//! IP addresses under other names: what is judged of an address is its class, which stays, and with
//! it the beginning that makes it private.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::evidence::address::{AddressClass, classify};

/// The longest IPv6 address, in bytes.
const LONGEST: usize = 45;

/// The length of the address that `rest` begins with, behind `before`, and the address. IPv6
/// stands in brackets, or where `bare`.
pub(crate) fn first(before: &str, rest: &str, bare: bool) -> Option<(usize, IpAddr)> {
    if let Some(inner) = rest.strip_prefix('[') {
        let end = inner.bytes().take(LONGEST + 1).position(|byte| byte == b']')?;
        return Some((end + 2, inner[..end].parse::<Ipv6Addr>().ok()?.into()));
    }
    let joined = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if before.ends_with(|c| joined(c) || c == '.') {
        return None;
    }
    let run = |belongs: fn(char) -> bool| {
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let text = rest[..end].trim_end_matches(['.', ':']);
        (text.len() <= LONGEST && !rest[end..].starts_with(joined)).then_some(text)
    };
    let v4 = run(|c| c.is_ascii_digit() || c == '.')
        .and_then(|text| Some((text.len(), text.parse::<Ipv4Addr>().ok()?.into())));
    let v6 = || {
        let text = run(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'))?;
        Some((text.len(), text.parse::<Ipv6Addr>().ok()?.into()))
    };
    v4.or_else(|| v6().filter(|_| bare && !before.ends_with(':')))
}

/// Whether an address says whose it is.
fn tells(class: AddressClass) -> bool {
    matches!(class, AddressClass::Public | AddressClass::Private)
}

/// Another IPv4 address of the same class and length; `random` is drawn for this address.
pub(crate) fn v4(address: Ipv4Addr, random: &[u8]) -> Ipv4Addr {
    let class = classify(address.into());
    if !tells(class) {
        return address;
    }
    let mut octets = address.octets();
    let kept = match (class, octets[0]) {
        (AddressClass::Private, 10) => 1,
        (AddressClass::Private, _) => 2,
        // Networks that are public throughout.
        (_, 0..=9) => return v4_in(8, octets, random),
        (_, 10..=99) => return v4_in(52, octets, random),
        _ => return v4_in(140, octets, random),
    };
    replace(&mut octets[kept..], random);
    octets.into()
}

fn v4_in(first: u8, mut octets: [u8; 4], random: &[u8]) -> Ipv4Addr {
    octets[0] = first;
    replace(&mut octets[1..], random);
    octets.into()
}

/// Other numbers of as many digits.
fn replace(octets: &mut [u8], random: &[u8]) {
    for (octet, random) in octets.iter_mut().zip(random) {
        let (low, size) = match *octet {
            0..=9 => (0, 10),
            10..=99 => (10, 90),
            100.. => (100, 156),
        };
        let step = 1 + u16::from(*random) % (size - 1);
        let other = low + (u16::from(*octet) - low + step) % size;
        *octet = u8::try_from(other).unwrap_or(*octet);
    }
}

/// Another IPv6 address of the same class, as it is written; `word` replaces a group.
pub(crate) fn v6(address: Ipv6Addr, text: &str, word: impl Fn(&str) -> String) -> String {
    let class = classify(IpAddr::V6(address));
    let network = match (class, address.segments()[0] >> 8) {
        (AddressClass::Public, _) => "2600",
        (AddressClass::Private, 0xfc..=0xfd) => "fd00",
        (AddressClass::Private, 0xfe) => "fec0",
        // An IPv4 address inside.
        (AddressClass::Private, _) => return "fd00::1".to_owned(),
        _ => return text.to_owned(),
    };
    let (first, rest) = text.split_once(':').unwrap_or((text, ""));
    if first.len() != network.len() || rest.contains('.') {
        return format!("{network}::1");
    }
    let groups = rest.split(':').map(word);
    format!("{network}:{}", groups.collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_class_stays(
            network in prop_oneof![Just([10, 0]), Just([172, 20]), Just([192, 168]), Just([100, 64]), any::<[u8; 2]>()],
            host: [u8; 2], random: [u8; 4],
        ) {
            let address = Ipv4Addr::new(network[0], network[1], host[0], host[1]);
            let class = classify(address.into());
            let other = v4(address, &random);
            prop_assume!(classify(other.into()) != AddressClass::Metadata);
            prop_assert_eq!(classify(other.into()), class);
            prop_assert_eq!(other != address, tells(class));
            prop_assert_eq!(other.to_string().len(), address.to_string().len());
        }
    }

    #[test]
    fn an_address_is_found_where_it_is_one() {
        for (before, rest, bare, length) in [
            ("https://", "10.1.2.3:8443/", false, Some(8)),
            ("at ", "10.1.2.3.", false, Some(8)),
            ("v", "10.1.2.3", false, None),
            ("https://", "10.1.2.3.umbrella.example", false, None),
            ("https://", "[fd12:3456::7]:8443", false, Some(14)),
            ("at ", "fd12:3456::7 refused", true, Some(12)),
            ("", "feed::beef", false, None),
            ("refs/tags/", "10.1.2", false, None),
        ] {
            let found = first(before, rest, bare).map(|(length, _)| length);
            assert_eq!(found, length, "{before}{rest}");
        }
    }

    #[test]
    fn private_ipv6_addresses_stay_private() {
        let upper = |group: &str| group.replace('7', "9");
        for (address, other) in [
            ("fd12:3456::7", "fd00:3456::9"),
            ("::1", "::1"),
            ("2a01:7::7", "2600:9::9"),
            ("64:ff9b::a00:7", "fd00::1"),
        ] {
            assert_eq!(v6(address.parse().unwrap(), address, upper), other);
        }
    }
}

//! What kind of place an IP address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// On the public internet.
    Public,
    /// This machine.
    Loopback,
    /// This network link (RFC 3927, RFC 4291 section 2.5.6).
    LinkLocal,
    /// A private network (RFC 1918, RFC 4193, RFC 6598), or another one that is not routed on
    /// the internet.
    Private,
    /// A cloud's metadata service, which hands out credentials to whoever asks.
    Metadata,
    /// No single host: unspecified, multicast, broadcast, documentation, reserved.
    Special,
}

use AddressClass::{LinkLocal, Loopback, Metadata, Private, Special};

/// IPv4 networks that are not public; the first that holds an address names its class
/// (IANA IPv4 Special-Purpose Address Registry; metadata addresses from the clouds' manuals).
const V4: &[(Ipv4Addr, u8, AddressClass)] = &[
    (Ipv4Addr::new(169, 254, 169, 254), 32, Metadata), // AWS, Azure, Google and most others
    (Ipv4Addr::new(169, 254, 170, 2), 32, Metadata),   // AWS ECS
    (Ipv4Addr::new(169, 254, 170, 23), 32, Metadata),  // AWS EKS
    (Ipv4Addr::new(169, 254, 42, 42), 32, Metadata),   // Scaleway
    (Ipv4Addr::new(169, 254, 0, 23), 32, Metadata),    // Tencent
    (Ipv4Addr::new(100, 100, 100, 200), 32, Metadata), // Alibaba
    (Ipv4Addr::new(168, 63, 129, 16), 32, Metadata),   // Azure's host agent
    (Ipv4Addr::new(192, 0, 0, 192), 32, Metadata),     // Oracle
    (Ipv4Addr::new(127, 0, 0, 0), 8, Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, LinkLocal),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Private),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Private),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Private),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Special),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Special),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Special),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Special), // 6to4 relays
    (Ipv4Addr::new(198, 51, 100, 0), 24, Special),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Special),
    (Ipv4Addr::new(224, 0, 0, 0), 3, Special), // multicast, reserved, broadcast
];

/// The same for IPv6 (IANA IPv6 Special-Purpose Address Registry).
const V6: &[(Ipv6Addr, u8, AddressClass)] = &[
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, Metadata), // AWS
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23), 128, Metadata),  // AWS EKS
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, Metadata),  // Google
    (Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe), 128, Metadata), // Oracle
    (Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42), 128, Metadata),   // Scaleway
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe), 128, Metadata), // OpenStack
    (Ipv6Addr::LOCALHOST, 128, Loopback),
    (Ipv6Addr::UNSPECIFIED, 128, Special),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Private),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Private),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Private),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 32, Special), // discarded, dummies
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Special), // Teredo, which hides where it leads
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Private), // benchmarks
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, Special), // ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Special),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Special),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, Special), // segment routing
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Special),
];

/// IPv6 networks whose addresses hold an IPv4 address, and how many bits stand behind it:
/// mapped and compatible (RFC 4291 section 2.5.5), translated (RFC 2765), NAT64 (RFC 6052),
/// 6to4 (RFC 3056).
const EMBEDDING: &[(Ipv6Addr, u8, u32)] = &[
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96, 0),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, 0),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 80),
];

/// What kind of place an address is. An IPv6 address that only wraps an IPv4 one is judged by
/// that.
#[must_use]
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => {
            let named = V6.iter().find(|(net, bits, _)| within_v6(v6, *net, *bits));
            let wraps = || EMBEDDING.iter().find(|(net, bits, _)| within_v6(v6, *net, *bits));
            if let Some((_, _, class)) = named {
                *class
            } else if let Some((_, _, behind)) = wraps() {
                #[allow(clippy::cast_possible_truncation)]
                classify_v4(Ipv4Addr::from_bits((v6.to_bits() >> behind) as u32))
            } else {
                AddressClass::Public
            }
        }
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let found = V4.iter().find(|(net, bits, _)| within_v4(address, *net, *bits));
    found.map_or(AddressClass::Public, |(_, _, class)| *class)
}

/// Whether the first `bits` bits of both are the same; `false` where IPv4 has not that many.
pub(crate) fn within_v4(address: Ipv4Addr, network: Ipv4Addr, bits: u8) -> bool {
    let differing = (address.to_bits() ^ network.to_bits()).leading_zeros();
    bits <= 32 && differing >= u32::from(bits)
}

/// [`within_v4`] for IPv6.
pub(crate) fn within_v6(address: Ipv6Addr, network: Ipv6Addr, bits: u8) -> bool {
    let differing = (address.to_bits() ^ network.to_bits()).leading_zeros();
    bits <= 128 && differing >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn class(text: &str) -> AddressClass {
        classify(text.parse().unwrap())
    }

    #[test]
    fn classes() {
        use AddressClass::Public;
        for (address, expected) in [
            ("1.1.1.1", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("223.255.255.255", Public),
            ("2606:4700::1111", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("169.254.1.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("fd12:3456::1", Private),
            ("fc00::1", Private),
            ("169.254.169.254", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("fd00:ec2::254", Metadata),
            ("fd00:ec2::23", Metadata),
            ("fd20:ce::254", Metadata),
            ("fd00:c1::a9fe:a9fe", Metadata),
            ("fd00:42::42", Metadata),
            ("fe80::a9fe:a9fe", Metadata),
            ("169.254.170.2", Metadata),
            ("169.254.170.23", Metadata),
            ("169.254.42.42", Metadata),
            ("169.254.0.23", Metadata),
            ("192.0.0.192", Metadata),
            ("0.1.2.3", Special),
            ("192.0.0.1", Special),
            ("192.88.99.1", Special),
            ("198.19.255.255", Private),
            ("240.0.0.1", Special),
            ("fec0::1", Private),
            ("64:ff9b:1::1", Private),
            ("100::1", Special),
            ("2001:0:808:808::1", Special),
            ("2001:2::1", Private),
            ("2001:10::1", Special),
            ("2001:20::1", Public),
            ("2001:4860:4860::8888", Public),
            ("5f00::1", Special),
            ("3fff::1", Special),
            ("0.0.0.0", Special),
            ("255.255.255.255", Special),
            ("224.0.0.1", Special),
            ("192.0.2.7", Special),
            ("198.51.100.7", Special),
            ("203.0.113.7", Special),
            ("::", Special),
            ("ff02::1", Special),
            ("2001:db8::1", Special),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:169.254.169.254", Metadata),
            ("::ffff:8.8.8.8", Public),
            ("::ffff:0:10.0.0.1", Private),
            ("::10.1.2.3", Private),
            ("64:ff9b::7f00:1", Loopback),
            ("64:ff9b::a9fe:a9fe", Metadata),
            ("64:ff9b::808:808", Public),
            ("2002:c0a8:101::1", Private),
            ("2002:808:808::1", Public),
        ] {
            assert_eq!(class(address), expected, "{address}");
        }
    }

    proptest! {
        #[test]
        fn wrapping_changes_nothing(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let low = u128::from(bits);
            for wrapped in [low | 0xffff << 32, low | 0x64_ff9b << 96, 0x2002 << 112 | low << 80] {
                prop_assert_eq!(classify(Ipv6Addr::from_bits(wrapped).into()), classify(v4.into()));
            }
        }

        #[test]
        fn agrees_with_the_standard_library(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()
            {
                prop_assert_ne!(classify(v4.into()), AddressClass::Public);
            }
        }
    }
}

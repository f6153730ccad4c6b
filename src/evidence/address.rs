//! Classifies IP addresses by where they lead.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressClass {
    /// On the public internet.
    Public,
    /// This machine.
    Loopback,
    /// This network link (RFC 3927, RFC 4291 section 2.5.6).
    LinkLocal,
    /// A private network (RFC 1918, RFC 4193, RFC 6598), or another one that is not routed on
    /// the internet.
    Private,
    /// A cloud's metadata service, which gives credentials to every client.
    Metadata,
    /// No single host: an unspecified, multicast, broadcast, documentation or reserved address.
    Special,
}

use AddressClass::{LinkLocal, Loopback, Metadata, Private, Special};

const fn v4(address: [u8; 4], bits: u8) -> Ipv4Net {
    let [a, b, c, d] = address;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(address: Ipv6Addr, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(address, bits)
}

/// IPv4 networks that are not public; the first match decides (IANA IPv4 Special-Purpose Address
/// Registry; metadata addresses from the clouds' manuals).
const V4: &[(Ipv4Net, AddressClass)] = &[
    (v4([169, 254, 169, 254], 32), Metadata), // AWS, Azure, Google and most others
    (v4([169, 254, 170, 2], 32), Metadata),   // AWS ECS
    (v4([169, 254, 170, 23], 32), Metadata),  // AWS EKS
    (v4([169, 254, 42, 42], 32), Metadata),   // Scaleway
    (v4([169, 254, 0, 23], 32), Metadata),    // Tencent
    (v4([100, 100, 100, 200], 32), Metadata), // Alibaba
    (v4([168, 63, 129, 16], 32), Metadata),   // Azure's host agent
    (v4([192, 0, 0, 192], 32), Metadata),     // Oracle
    (v4([127, 0, 0, 0], 8), Loopback),
    (v4([169, 254, 0, 0], 16), LinkLocal),
    (v4([10, 0, 0, 0], 8), Private),
    (v4([172, 16, 0, 0], 12), Private),
    (v4([192, 168, 0, 0], 16), Private),
    (v4([100, 64, 0, 0], 10), Private),
    (v4([198, 18, 0, 0], 15), Private),
    (v4([0, 0, 0, 0], 8), Special),
    (v4([192, 0, 0, 0], 24), Special),
    (v4([192, 0, 2, 0], 24), Special),
    (v4([192, 88, 99, 0], 24), Special), // 6to4 relays
    (v4([198, 51, 100, 0], 24), Special),
    (v4([203, 0, 113, 0], 24), Special),
    (v4([224, 0, 0, 0], 3), Special), // multicast, reserved, broadcast
];

/// IPv6 networks that are not public; the first match decides (IANA IPv6 Special-Purpose Address
/// Registry; metadata addresses from the clouds' manuals).
const V6: &[(Ipv6Net, AddressClass)] = &[
    (v6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128), Metadata), // AWS
    (v6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23), 128), Metadata),  // AWS EKS
    (v6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128), Metadata),  // Google
    (v6(Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe), 128), Metadata), // Oracle
    (v6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42), 128), Metadata),   // Scaleway
    (v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe), 128), Metadata), // OpenStack
    (v6(Ipv6Addr::LOCALHOST, 128), Loopback),
    (v6(Ipv6Addr::UNSPECIFIED, 128), Special),
    (v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10), LinkLocal),
    (v6(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10), Private),
    (v6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7), Private),
    (v6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 32), Special), // discarded, dummies
    (v6(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32), Special), // Teredo, which hides where it leads
    (v6(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48), Private), // benchmarks
    (v6(Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28), Special), // ORCHID
    (v6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), Special),
    (v6(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), Special),
    (v6(Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16), Special), // segment routing
    (v6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8), Special),
];

/// The only IPv6 space that is routed on the internet (IANA IPv6 Global Unicast Allocations).
/// Overlay networks use parts of the rest.
const GLOBAL_UNICAST: Ipv6Net = v6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// IPv6 networks whose addresses embed an IPv4 address, and how many bits follow it: mapped and
/// compatible (RFC 4291 section 2.5.5), translated (RFC 2765), NAT64 (RFC 6052 section 2.1), 6to4
/// (RFC 3056).
const EMBEDDING: &[(Ipv6Net, u32)] = &[
    (v6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96), 0),
    (v6(Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96), 0),
    (v6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96), 0),
    (v6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96), 0),
    (v6(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), 80),
];

/// The NAT64 prefix for local use (RFC 8215).
const LOCAL_NAT64: Ipv6Net = v6(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48);

/// Host names of metadata services, from the clouds' manuals. If a proxy resolves the name, this
/// machine sees no address to classify.
const METADATA_NAMES: &[&str] = &[
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
    "api.metadata.cloud.ibm.com",
];

/// A host name in lower case, without its final dot.
pub(crate) fn normalize_host_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a host name is that of a metadata service.
pub(crate) fn is_metadata_name(name: &str) -> bool {
    METADATA_NAMES.contains(&normalize_host_name(name).as_str())
}

/// Whether a host name is loopback by definition (RFC 6761 section 6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = normalize_host_name(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// Classifies an address. An IPv6 address that embeds an IPv4 address has the class of the latter.
pub(crate) fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if LOCAL_NAT64.contains(&address) {
        return classify_local_nat64(address);
    }
    if let Some((_, class)) = V6.iter().find(|(network, _)| network.contains(&address)) {
        return *class;
    }
    if let Some((_, behind)) = EMBEDDING.iter().find(|(network, _)| network.contains(&address)) {
        return classify_v4(low_v4(address.to_bits() >> behind));
    }
    if !GLOBAL_UNICAST.contains(&address) {
        return Special;
    }
    // ISATAP (RFC 5214 section 6.1): the IPv4 address of an interface inside the site.
    match address.segments() {
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => classify_v4(low_v4(address.to_bits())),
        _ => AddressClass::Public,
    }
}

/// A local NAT64 prefix has 48, 56, 64 or 96 bits, before the IPv4 address; after the first three,
/// the address skips bits 64 to 71 (RFC 6052 section 2.2). Only the network knows the length, so
/// the most restricted class counts. Addresses in 0.0.0.0/8 are ignored: nothing is translated to
/// them.
fn classify_local_nat64(address: Ipv6Addr) -> AddressClass {
    let bits = address.to_bits();
    let without_reserved_octet = bits >> 64 << 56 | bits & u128::MAX >> 72;
    [without_reserved_octet >> 40, without_reserved_octet >> 32, without_reserved_octet >> 24, bits]
        .map(low_v4)
        .into_iter()
        .filter(|v4| v4.octets()[0] != 0)
        .map(classify_v4)
        .max_by_key(|class| class.restriction_level())
        .unwrap_or(Special)
}

/// The address in the last 32 bits.
#[allow(clippy::cast_possible_truncation)]
fn low_v4(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits(bits as u32)
}

impl AddressClass {
    /// Orders the classes by how much must be allowed before connecting to them.
    fn restriction_level(self) -> u8 {
        match self {
            Self::Public => 0,
            Private => 1,
            Loopback => 2,
            LinkLocal => 3,
            Special => 4,
            Metadata => 5,
        }
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let found = V4.iter().find(|(network, _)| network.contains(&address));
    found.map_or(AddressClass::Public, |(_, class)| *class)
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
    fn addresses_have_expected_classes() {
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
            ("64:ff9b:1::", Special),
            ("64:ff9b:1::808:808", Public),
            ("64:ff9b:1::10.0.0.1", Private),
            ("64:ff9b:1::169.254.169.254", Metadata),
            ("64:ff9b:1:fffe::127.0.0.1", Special),
            ("64:ff9b:1:808:8:800::", Public),
            ("64:ff9b:1:a9fe:a9:fe00::", Metadata),
            ("64:ff9b:1:a9fe:a9:fe00:808:808", Metadata),
            ("64:ff9b:1:7f:0:1::", Loopback),
            ("64:ff9b:1:0:a:0:100:0", Private),
            ("2600::5efe:10.0.0.1", Private),
            ("2600::200:5efe:169.254.169.254", Metadata),
            ("2600::5efe:8.8.8.8", Public),
            ("200::1", Special),
            ("4000::1", Special),
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

    /// IPv4 addresses that are not public, without 0.0.0.0/8: nothing is translated to that.
    fn refused() -> impl Strategy<Value = Ipv4Addr> {
        let networks = V4.iter().filter(|(network, _)| network.addr().octets()[0] != 0);
        let networks: Vec<_> = networks.map(|(network, _)| *network).collect();
        (prop::sample::select(networks), any::<u32>()).prop_map(|(network, host)| {
            Ipv4Addr::from_bits(network.addr().to_bits() | host & network.hostmask().to_bits())
        })
    }

    /// Embeds an IPv4 address after a prefix of this length (RFC 6052 section 2.2).
    fn embed(address: u128, v4: Ipv4Addr, length: u32) -> u128 {
        let places = (length..).filter(|bit| length == 96 || !(64..72).contains(bit)).take(32);
        places.enumerate().fold(address, |address, (index, place)| {
            let bit = u128::from(v4.to_bits() >> (31 - index) & 1);
            address & !(1 << (127 - place)) | bit << (127 - place)
        })
    }

    #[test]
    fn embeddings_match_rfc_6052() {
        // RFC 6052 section 2.4, with another prefix.
        let v4 = Ipv4Addr::new(192, 0, 2, 33);
        for (prefix, length, expected) in [
            ("64:ff9b:1::", 48, "64:ff9b:1:c000:2:2100::"),
            ("64:ff9b:1:100::", 56, "64:ff9b:1:1c0:0:221::"),
            ("64:ff9b:1:122::", 64, "64:ff9b:1:122:c0:2:2100::"),
            ("64:ff9b:1:122:344::", 96, "64:ff9b:1:122:344::192.0.2.33"),
        ] {
            let prefix: Ipv6Addr = prefix.parse().unwrap();
            let wrapped = Ipv6Addr::from_bits(embed(prefix.to_bits(), v4, length));
            assert_eq!(wrapped, expected.parse::<Ipv6Addr>().unwrap(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn wrapped_ipv4_keeps_its_class(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let low = u128::from(bits);
            for wrapped in [
                low | 0xffff << 32,
                low | 0xffff << 48,
                low | 0x64_ff9b << 96,
                low | 0x64_ff9b_0001 << 80,
                0x2002 << 112 | low << 80,
                low | 0x2600 << 112 | 0x5efe << 32,
            ] {
                // Compatible and local NAT64 addresses never embed 0.0.0.0/8.
                prop_assume!(v4.octets()[0] != 0);
                prop_assert_eq!(classify(Ipv6Addr::from_bits(wrapped).into()), classify(v4.into()));
            }
        }

        /// For every prefix length and any other bits.
        #[test]
        fn nat64_never_hides_refused_addresses(
            v4 in refused(), noise: u128, length in prop::sample::select(&[48_u32, 56, 64, 96][..]),
        ) {
            let prefix = u128::from(0x64_ff9b_0001_u64) << 80;
            let noise = noise & (u128::MAX >> 48);
            let wrapped = Ipv6Addr::from_bits(embed(prefix | noise, v4, length));
            prop_assert!(classify(wrapped.into()).restriction_level() >= classify(v4.into()).restriction_level());
            let wrapped = Ipv6Addr::from_bits(embed(prefix, v4, length));
            prop_assert_ne!(classify(wrapped.into()), AddressClass::Public);
        }

        #[test]
        fn standard_special_addresses_are_refused(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()
            {
                prop_assert_ne!(classify(v4.into()), AddressClass::Public);
            }
        }
    }
}

//! The guard against requests to addresses inside the operator's own network (server-side request forgery).
//!
//! Names are resolved by [`Resolver`], which hands out only addresses that may be called, so that a name cannot be
//! checked as one address and then called as another. Addresses written into the URL never reach a resolver:
//! [`refuse_literal`] looks at those.
//!
//! Source of the tables: the IANA special-purpose address registries for IPv4 and IPv6.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::LazyLock,
};

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

const IPV4: [(&str, &str); 16] = [
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by carriers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "for documentation"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for benchmarks"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("255.255.255.255/32", "broadcast"),
];

/// In this order: the first that contains the address names it. Whatever is not global unicast (`2000::/3`) is
/// refused anyway.
const IPV6: [(&str, &str); 13] = [
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "an IPv4 address in disguise"),
    ("::/96", "an IPv4 address in disguise"),
    ("64:ff9b::/96", "an IPv4 address in disguise"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "for documentation"),
    ("2002::/16", "an IPv4 address in disguise"),
    ("3fff::/20", "for documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
];

static NETS4: LazyLock<Vec<(Ipv4Net, &str)>> =
    LazyLock::new(|| IPV4.map(|(net, what)| (net.parse().expect("the table holds networks"), what)).into());
static NETS6: LazyLock<Vec<(Ipv6Net, &str)>> =
    LazyLock::new(|| IPV6.map(|(net, what)| (net.parse().expect("the table holds networks"), what)).into());

/// Why an address was not called, or a name not resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error(
        "{}, which is {what}. Private addresses are refused; set BATON_ALLOW_PRIVATE_DESTINATIONS=true to allow them",
        leads(.host, .address)
    )]
    Private { host: String, address: IpAddr, what: &'static str },
    #[error("the name `{host}` cannot be resolved ({reason}). Check the destination's URL and the name server")]
    Unresolved { host: String, reason: String },
}

/// An address leads nowhere but to itself.
fn leads(host: &str, address: &IpAddr) -> String {
    if host == address.to_string() { format!("the host is {address}") } else { format!("`{host}` leads to {address}") }
}

/// What kind of address it is when it must not be called; `None` for a public one.
pub fn refuse(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refuse4(address),
        IpAddr::V6(address) => refuse6(address),
    }
}

fn refuse4(address: Ipv4Addr) -> Option<&'static str> {
    NETS4.iter().find(|(net, _)| net.contains(&address)).map(|(_, what)| *what)
}

fn refuse6(address: Ipv6Addr) -> Option<&'static str> {
    let listed = NETS6.iter().find(|(net, _)| net.contains(&address)).map(|(_, what)| *what);
    listed.or_else(|| (address.segments()[0] >> 13 != 1).then_some("not public"))
}

/// Refuses a URL whose host is an address that must not be called.
pub fn refuse_literal(url: &Url) -> Result<(), AddressError> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    match refuse(address) {
        Some(what) => Err(AddressError::Private { host: address.to_string(), address, what }),
        None => Ok(()),
    }
}

/// Resolves names to addresses that may be called.
pub struct Resolver {
    pub allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let allowed = permitted(&host, found, allow_private)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a host that may be called, for callers that connect by themselves.
pub async fn resolve_host(host: &str, allow_private: bool) -> Result<Vec<SocketAddr>, AddressError> {
    let found = tokio::net::lookup_host((host, 0)).await;
    permitted(host, found, allow_private)
}

/// Those of the addresses found for `host` that may be called; an error when there are none.
fn permitted(
    host: &str,
    found: io::Result<impl Iterator<Item = SocketAddr>>,
    allow_private: bool,
) -> Result<Vec<SocketAddr>, AddressError> {
    let unresolved = |reason: String| AddressError::Unresolved { host: host.to_owned(), reason };
    let found: Vec<SocketAddr> = found.map_err(|error| unresolved(error.to_string()))?.collect();
    let allowed: Vec<SocketAddr> =
        found.iter().copied().filter(|address| allow_private || refuse(address.ip()).is_none()).collect();
    match (allowed.is_empty(), found.first()) {
        (false, _) => Ok(allowed),
        (true, None) => Err(unresolved("it has no address".to_owned())),
        (true, Some(first)) => Err(AddressError::Private {
            host: host.to_owned(),
            address: first.ip(),
            what: refuse(first.ip()).unwrap_or("not public"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_in_every_spelling() {
        for (url, refused) in [
            ("http://127.0.0.1/", true),
            ("http://127.1/", true),
            ("http://2130706433/", true),
            ("http://0x7f000001/", true),
            ("http://0177.0.0.1/", true),
            ("http://0.0.0.0/", true),
            ("http://10.1.2.3/", true),
            ("http://172.16.0.1/", true),
            ("http://172.31.255.255/", true),
            ("http://172.32.0.1/", false),
            ("http://192.168.1.1/", true),
            ("http://169.254.169.254/latest/meta-data", true),
            ("http://100.64.0.1/", true),
            ("http://100.128.0.1/", false),
            ("http://198.18.0.1/", true),
            ("http://192.0.2.1/", true),
            ("http://224.0.0.1/", true),
            ("http://255.255.255.255/", true),
            ("http://8.8.8.8/", false),
            ("http://[::1]/", true),
            ("http://[::]/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://[::ffff:8.8.8.8]/", true),
            ("http://[::7f00:1]/", true),
            ("http://[64:ff9b::7f00:1]/", true),
            ("http://[2002:7f00:1::]/", true),
            ("http://[2001:db8::1]/", true),
            ("http://[2001::1]/", true),
            ("http://[fd00::1]/", true),
            ("http://[fe80::1]/", true),
            ("http://[ff02::1]/", true),
            ("http://[100::1]/", true),
            ("http://[2606:4700:4700::1111]/", false),
            ("http://example.com/", false),
        ] {
            assert_eq!(refuse_literal(&Url::parse(url).unwrap()).is_err(), refused, "{url}");
        }
    }

    #[test]
    fn a_name_with_both_kinds_of_addresses_leads_to_the_public_one_only() {
        let addresses = |all: &[&str]| {
            let all: Vec<SocketAddr> = all.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            io::Result::Ok(all.into_iter())
        };
        let both = permitted("two.example", addresses(&["10.0.0.1", "8.8.8.8"]), false).unwrap();
        assert_eq!(both, [SocketAddr::new("8.8.8.8".parse().unwrap(), 0)]);
        let private = permitted("inside.example", addresses(&["10.0.0.1"]), false).unwrap_err();
        assert!(matches!(private, AddressError::Private { what: "private", .. }), "{private}");
        assert_eq!(permitted("inside.example", addresses(&["10.0.0.1"]), true).unwrap().len(), 1);
        let none = permitted("nothing.example", addresses(&[]), true).unwrap_err();
        assert!(matches!(none, AddressError::Unresolved { .. }), "{none}");
    }
}

//! The client's address, from forwarding headers of trusted proxies only.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::config::ForwardedHeader;

/// The most hops that are looked at; further ones are not believed.
const MAX_HOPS: usize = 32;

/// Whose forwarding header is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
}

impl TrustedProxies {
    /// Believes `header` when it comes from one of `networks`.
    #[must_use]
    pub fn new(networks: Vec<IpNet>, header: ForwardedHeader) -> Self {
        Self { networks, header }
    }

    /// The client's address: the last hop that is not a trusted proxy, read from the right.
    ///
    /// A hop that cannot be read ends the walk at the proxy that reported it: nothing to its left can be believed.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.networks.is_empty() || !self.trusts(peer) {
            return peer;
        }
        let mut client = peer;
        for hop in self.hops(headers).take(MAX_HOPS) {
            let Some(address) = hop else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The hops from the right, `None` for one that cannot be read.
    fn hops<'a>(&self, headers: &'a HeaderMap) -> Box<dyn Iterator<Item = Option<IpAddr>> + 'a> {
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let fields = headers.get_all(name).into_iter().rev();
        let elements = fields.flat_map(|field| field.to_str().unwrap_or("?").rsplit(','));
        match self.header {
            ForwardedHeader::XForwardedFor => Box::new(elements.map(node)),
            ForwardedHeader::Forwarded => Box::new(elements.map(forwarded_for)),
        }
    }
}

/// The `for` of one element of `Forwarded`. An element without one hides its hop.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut named = element.split(';').filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let value = named.next()?;
    if named.next().is_some() {
        return None;
    }
    let unquoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    node(unquoted.unwrap_or(value))
}

/// An address with or without a port, IPv6 in brackets or bare.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|at| at.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn proxies(header: ForwardedHeader) -> TrustedProxies {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap());
        TrustedProxies::new(networks.to_vec(), header)
    }

    fn xff(fields: &[&str]) -> HeaderMap {
        headers("x-forwarded-for", fields)
    }

    fn headers(name: &'static str, fields: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(name, HeaderValue::from_str(field).unwrap());
        }
        headers
    }

    fn seen(headers: &HeaderMap) -> String {
        proxies(ForwardedHeader::XForwardedFor)
            .client("10.0.0.1".parse().unwrap(), headers)
            .to_string()
    }

    #[test]
    fn trusted_hops_are_skipped_from_the_right() {
        assert_eq!(
            seen(&xff(&["198.51.100.7, 203.0.113.9, 10.1.1.1"])),
            "203.0.113.9"
        );
        assert_eq!(
            seen(&xff(&["198.51.100.7", "10.2.2.2,10.1.1.1"])),
            "198.51.100.7"
        );
        assert_eq!(seen(&xff(&["[2001:db8::1]:443"])), "2001:db8::1");
        assert_eq!(
            seen(&xff(&["10.9.9.9"])),
            "10.9.9.9",
            "all hops are proxies"
        );
        assert_eq!(seen(&xff(&["::ffff:203.0.113.9"])), "203.0.113.9");
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_walk() {
        assert_eq!(seen(&xff(&["203.0.113.9, unknown"])), "10.0.0.1");
        assert_eq!(seen(&xff(&["203.0.113.9, garbage, 10.1.1.1"])), "10.1.1.1");
        assert_eq!(seen(&xff(&[""])), "10.0.0.1");
        assert_eq!(seen(&HeaderMap::new()), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_by_its_own_grammar() {
        let seen = |field: &str| {
            let proxies = proxies(ForwardedHeader::Forwarded);
            proxies
                .client("fd00::1".parse().unwrap(), &headers("forwarded", &[field]))
                .to_string()
        };
        assert_eq!(
            seen("for=198.51.100.7;proto=https, For=\"[2001:db8::5]:4711\""),
            "2001:db8::5"
        );
        assert_eq!(
            seen("for=198.51.100.7, for=10.1.1.1;by=10.0.0.1"),
            "198.51.100.7"
        );
        assert_eq!(seen("for=198.51.100.7, for=_hidden"), "fd00::1");
        assert_eq!(seen("for=198.51.100.7;for=198.51.100.8"), "fd00::1");
        assert_eq!(seen("by=198.51.100.7"), "fd00::1");
    }

    #[test]
    fn the_other_header_is_never_read() {
        assert_eq!(
            seen(&headers("forwarded", &["for=203.0.113.9"])),
            "10.0.0.1"
        );
    }

    proptest! {
        #[test]
        fn an_untrusted_peer_is_itself_whatever_it_sends(field in "[ -~]{0,80}") {
            let peer: IpAddr = "203.0.113.50".parse().unwrap();
            for (name, header) in [
                ("x-forwarded-for", ForwardedHeader::XForwardedFor),
                ("forwarded", ForwardedHeader::Forwarded),
            ] {
                prop_assert_eq!(proxies(header).client(peer, &headers(name, &[&field])), peer);
            }
        }

        #[test]
        fn what_a_client_sends_itself_is_never_believed(sent in "[ -~]{0,80}", last: u32) {
            let client = IpAddr::from(last.to_be_bytes());
            prop_assume!(!proxies(ForwardedHeader::XForwardedFor).trusts(client));
            // The trusted proxy appends the address that it saw behind whatever the client sent.
            prop_assert_eq!(seen(&xff(&[&format!("{sent},{client}")])), client.to_string());
        }
    }
}

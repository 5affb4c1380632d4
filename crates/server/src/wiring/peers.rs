//! Buckets that the servers keep themselves, all together: by gossip, or in escrow.

use std::sync::Arc;

use stanchion_limiter::LimiterError;
use stanchion_limiter::port::Backend;

use crate::commands::Session;

/// Opens them, and begins to talk to the other servers.
///
/// # Errors
/// [`LimiterError::Config`] when the configuration is out of its bounds or the address cannot be bound.
#[cfg(feature = "gossip")]
pub(crate) async fn open(session: &Session) -> Result<Arc<dyn Backend>, LimiterError> {
    use stanchion_limiter::port::{Escrow, Gossip};

    let (clock, entropy) = (session.clock.clone(), session.entropy.clone());
    let section = &session.config.limiter;
    Ok(match section.backend {
        crate::config::BackendWord::Escrow => {
            Arc::new(Escrow::start(members::escrow(section)?, clock, entropy).await?)
        }
        _ => Arc::new(Gossip::start(members::gossip(section)?, clock).await?),
    })
}

/// The configuration is refused before: nothing was built in that could open them.
#[cfg(not(feature = "gossip"))]
pub(crate) async fn open(_session: &Session) -> Result<Arc<dyn Backend>, LimiterError> {
    let missing = "this build has not the feature `gossip`".to_owned();
    Err(LimiterError::Config(missing))
}

#[cfg(feature = "gossip")]
mod members {
    use std::net::SocketAddr;
    use std::time::Duration;

    use stanchion_limiter::LimiterError;
    use stanchion_limiter::port::{EscrowConfig, GossipConfig, Strictness};

    use crate::config::LimiterSection;

    /// Where this server listens, and where the others reach it.
    fn addresses(section: &LimiterSection) -> Result<(SocketAddr, SocketAddr), LimiterError> {
        let missing = || LimiterError::Config("`peer_listen` is missing".to_owned());
        let listen = section.peer_listen.ok_or_else(missing)?;
        Ok((listen, section.peer_address.unwrap_or(listen)))
    }

    pub(super) fn gossip(section: &LimiterSection) -> Result<GossipConfig, LimiterError> {
        let (listen, advertise) = addresses(section)?;
        // No other server has the address, and so it is a name that nobody has to give.
        let name = advertise.to_string().replace([':', '[', ']'], "-");
        let usual = GossipConfig::new(&name, listen, section.peers.clone());
        let nodes = section.servers.get();
        Ok(GossipConfig {
            advertise,
            buckets: section.buckets.min(usual.buckets),
            nodes: usual.nodes.max(nodes),
            strict: section.peer_silence_ms.map(|ms| Strictness {
                nodes,
                age: Duration::from_millis(ms),
            }),
            ..usual
        })
    }

    pub(super) fn escrow(section: &LimiterSection) -> Result<EscrowConfig, LimiterError> {
        let (listen, advertise) = addresses(section)?;
        let wrong = |what: &str| LimiterError::Config(what.to_owned());
        let roster: Result<Vec<SocketAddr>, _> =
            section.peers.iter().map(|peer| peer.parse()).collect();
        let roster = roster.map_err(|_| wrong("`peers` has addresses, no names"))?;
        let seat = roster.iter().position(|peer| *peer == advertise);
        let seat = seat.and_then(|seat| u16::try_from(seat).ok());
        let seat = seat.ok_or_else(|| wrong("`peers` has all servers, this one among them"))?;
        let secret = section.peer_secret.as_ref();
        let secret = secret.ok_or_else(|| wrong("`peer_secret` is missing"))?;
        let secret = secret.reveal().as_bytes().to_vec();
        let usual = EscrowConfig::new(seat, listen, roster, secret);
        Ok(EscrowConfig {
            buckets: section.buckets.min(usual.buckets),
            ..usual
        })
    }
}

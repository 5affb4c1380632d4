//! Where the buckets of limits are kept, by the configuration, and what stands in front of them.

use std::sync::Arc;
use std::time::Duration;

use stanchion_limiter::LimiterError;
use stanchion_limiter::lease::Terms;
use stanchion_limiter::port::{
    Backend, Leased, LeasedConfig, Memory, MemoryConfig, NearCache, NearCacheConfig, Place, Redis,
    RedisConfig, Shadow, Standing, WithFallback,
};

use crate::commands::Session;
use crate::config::{BackendWord, LimiterSection};

/// How often leases are looked at that will soon end: about four times in their life.
const LOOK_EVERY: Duration = Duration::from_millis(1_250);
/// With these settings of Redis, which it is asked for, an old primary has ceased to write after so long.
const OLD_PRIMARY_WRITES: Duration = Duration::from_secs(3);

/// The buckets of this server.
pub(crate) struct Buckets {
    /// With all that stands in front of them.
    pub(crate) backend: Arc<dyn Backend>,
    /// What is borrowed, when something may be.
    leased: Option<Leased>,
    redis: Option<Arc<Redis>>,
}

/// Opens them.
///
/// # Errors
/// [`LimiterError::Config`] when Redis cannot be used as it is configured. One that is not there is waited for.
pub(crate) async fn open(session: &Session) -> Result<Buckets, LimiterError> {
    let section = &session.config.limiter;
    let shares = MemoryConfig {
        buckets: section.buckets,
        ..MemoryConfig::default()
    };
    let clock = || session.clock.clone();
    let in_front = |kept: Arc<dyn Backend>| -> Arc<dyn Backend> {
        Arc::new(Shadow::new(Arc::new(WithFallback::new(
            kept,
            shares,
            clock(),
        ))))
    };
    if !section.backend.is_redis() {
        let kept = match section.backend.has_peers() {
            true => super::peers::open(session).await?,
            false => Arc::new(Memory::new(shares, clock())),
        };
        return Ok(Buckets {
            backend: in_front(kept),
            leased: None,
            redis: None,
        });
    }
    let redis = Redis::connect(redis(section), clock(), &session.entropy).await?;
    let redis = Arc::new(redis);
    let leased = section
        .leases
        .then(|| leased(session, &redis))
        .transpose()?;
    let kept: Arc<dyn Backend> = match &leased {
        Some(leased) => Arc::new(leased.clone()),
        None => redis.clone(),
    };
    let near = NearCache::new(kept, NearCacheConfig::default(), clock());
    Ok(Buckets {
        backend: in_front(Arc::new(near)),
        leased,
        redis: Some(redis),
    })
}

impl Buckets {
    /// What a failover of Redis can admit beyond the limits; `None` when there is no Redis, or nobody has seen it.
    pub(crate) fn standing(&self) -> Option<Standing> {
        self.redis.as_ref().and_then(|redis| redis.standing())
    }

    /// What is borrowed, to be given back in time.
    pub(crate) fn leased(&self) -> Option<Leased> {
        self.leased.clone()
    }
}

fn leased(session: &Session, redis: &Arc<Redis>) -> Result<Leased, LimiterError> {
    let defaults = LeasedConfig::default();
    let terms = Terms {
        servers: session.config.limiter.servers.get(),
        ..defaults.terms
    };
    let config = LeasedConfig { terms, ..defaults };
    let (clock, ids) = (session.clock.clone(), session.ids.clone());
    Leased::new(redis.clone(), config, clock, ids)
}

/// Gives back leases that would soon be lost, for ever.
pub(crate) async fn give_back_ending(leased: Leased) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = leased.give_back_ending().await {
            tracing::debug!(%error, "leases that will end could not be given back");
        }
    }
}

fn redis(section: &LimiterSection) -> RedisConfig {
    let urls = || {
        let urls = section.urls.iter();
        urls.map(|url| url.reveal().to_owned()).collect::<Vec<_>>()
    };
    let first = || urls().into_iter().next().unwrap_or_default();
    let place = match (section.backend, &section.sentinel) {
        (BackendWord::RedisCluster, _) => Place::Cluster { urls: urls() },
        (_, Some(name)) => Place::Sentinel {
            urls: urls(),
            name: name.clone(),
            username: None,
            password: None,
        },
        _ => Place::Single(first()),
    };
    let may_fail_over = !matches!(place, Place::Single(_));
    let longest_lease = if section.leases {
        LeasedConfig::default().terms.lifetime
    } else {
        Duration::ZERO
    };
    let config = RedisConfig {
        prefix: section.prefix.clone(),
        acknowledged_by: section.acknowledged_by,
        reply_within: Duration::from_millis(section.reply_ms),
        longest_lease,
        ..RedisConfig::new(place)
    };
    let overlap = if may_fail_over {
        OLD_PRIMARY_WRITES
    } else {
        Duration::ZERO
    };
    let quarantine = match section.quarantine_ms {
        Some(0) if section.acknowledged_by > 0 => None,
        Some(ms) => Some(Duration::from_millis(ms)),
        None => Some(config.needed_quarantine(overlap)),
    };
    RedisConfig {
        quarantine,
        ..config
    }
}

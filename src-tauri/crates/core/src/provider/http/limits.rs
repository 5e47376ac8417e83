//! Asking an account's service no more often than it wants: by the limits it documents, and by what it answers.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use reqwest::Method;

use super::documented::Limit;
use crate::{clock::Clock, provider::ProviderError};

/// A tenth of what is allowed may come at once; the rest is spread, so that no window of the service's holds more than is
/// allowed.
const AT_ONCE: u32 = 10;

/// A rest of this length is waited out; for a longer one the request gives way to other accounts'.
const SHORT: Duration = Duration::from_millis(100);

/// When an account's next request may go.
pub(crate) struct Limits {
    clock: Arc<dyn Clock>,
    buckets: Vec<Bucket>,
    /// Until when the service asked not to be asked, by the clock's monotonic time.
    rest_until: Mutex<Duration>,
}

struct Bucket {
    limit: Limit,
    tokens: RateLimiter<NotKeyed, InMemoryState, ByPort, NoOpMiddleware<Duration>>,
    /// Whoever waits first goes first.
    turn: tokio::sync::Mutex<()>,
}

/// The port for time, as the token bucket reads it.
#[derive(Clone)]
struct ByPort(Arc<dyn Clock>);

impl GovernorClock for ByPort {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.buckets.iter().map(|bucket| bucket.limit.clone())).finish()
    }
}

impl Limits {
    pub(crate) fn new(limits: &[Limit], clock: Arc<dyn Clock>) -> Self {
        let buckets = limits.iter().map(|limit| Bucket::new(limit.clone(), Arc::clone(&clock))).collect();
        Self { clock, buckets, rest_until: Mutex::default() }
    }

    /// Waits until a request may go. Whoever is dropped while it waits gives up its turn.
    ///
    /// # Errors
    /// [`ProviderError::RateLimited`] without asking, where the service wants a longer rest.
    pub(crate) async fn admit(&self, method: &Method, path: &str) -> Result<(), ProviderError> {
        for bucket in self.buckets.iter().filter(|bucket| bucket.limit.covers(method, path)) {
            self.rest().await?;
            bucket.take(&*self.clock).await;
        }
        self.rest().await
    }

    /// Remembers that the service asked to be left alone for a while.
    pub(crate) fn rest_for(&self, asked: Duration) {
        let until = self.clock.monotonic().saturating_add(asked);
        let mut rest_until = self.rest_until();
        *rest_until = until.max(*rest_until);
    }

    async fn rest(&self) -> Result<(), ProviderError> {
        let left = self.rest_until().saturating_sub(self.clock.monotonic());
        if left > SHORT {
            return Err(ProviderError::RateLimited { after: Some(left), message: None });
        }
        if !left.is_zero() {
            self.clock.sleep(left).await;
        }
        Ok(())
    }

    fn rest_until(&self) -> MutexGuard<'_, Duration> {
        self.rest_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn new(limit: Limit, clock: Arc<dyn Clock>) -> Self {
        let at_once = NonZeroU32::new(limit.requests / AT_ONCE).unwrap_or(NonZeroU32::MIN);
        let spread = limit.requests.saturating_sub(at_once.get()).max(1);
        // Without a period there would be no limit.
        let quota = Quota::with_period(limit.per / spread).unwrap_or_else(|| Quota::per_second(at_once));
        let tokens = RateLimiter::direct_with_clock(quota.allow_burst(at_once), ByPort(clock));
        Self { limit, tokens, turn: tokio::sync::Mutex::default() }
    }

    async fn take(&self, clock: &dyn Clock) {
        let _turn = self.turn.lock().await;
        while let Err(not_yet) = self.tokens.check() {
            clock.sleep(not_yet.wait_time_from(clock.monotonic())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, poll};
    use tokio::sync::watch;
    use url::Url;

    use super::*;
    use crate::{
        clock::{Sleep, UnixMillis},
        provider::http::documented::limits_of,
    };

    struct Still(watch::Sender<Duration>);

    impl Clock for Still {
        fn now(&self) -> UnixMillis {
            UnixMillis(0).plus(self.monotonic())
        }

        fn monotonic(&self) -> Duration {
            *self.0.borrow()
        }

        fn sleep(&self, duration: Duration) -> Sleep {
            let (until, mut now) = (self.monotonic() + duration, self.0.subscribe());
            Box::pin(async move { drop(now.wait_for(|now| *now >= until).await) })
        }
    }

    const PINS: &str = "/psa/pins";

    fn pinata() -> (Arc<Still>, Limits) {
        let clock = Arc::new(Still(watch::Sender::new(Duration::ZERO)));
        let limits = limits_of(&Url::parse("https://api.pinata.cloud/psa").unwrap());
        (clock.clone(), Limits::new(limits, clock))
    }

    fn pass(clock: &Still, seconds: u64) {
        clock.0.send_modify(|now| *now += Duration::from_secs(seconds));
    }

    /// How many listings go now.
    fn go(limits: &Limits) -> usize {
        std::iter::from_fn(|| limits.admit(&Method::GET, PINS).now_or_never()).take(1_000).count()
    }

    #[test]
    fn no_minute_has_more_requests_than_the_service_allows() {
        let (clock, limits) = pinata();
        let mut gone = Vec::new();
        for _ in 0..240 {
            gone.push(go(&limits));
            pass(&clock, 1);
        }
        assert!(gone.windows(60).all(|minute| minute.iter().sum::<usize>() <= 30), "{gone:?}");
        assert!(gone.iter().sum::<usize>() > 4 * 25, "and hardly less: {gone:?}");
    }

    #[tokio::test]
    async fn who_waits_first_goes_first_and_who_leaves_takes_nothing() {
        let (clock, limits) = pinata();
        go(&limits);
        let mut first = Box::pin(limits.admit(&Method::GET, PINS));
        let mut second = Box::pin(limits.admit(&Method::GET, PINS));
        let mut third = Box::pin(limits.admit(&Method::GET, PINS));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
        pass(&clock, 3);
        assert!(poll!(&mut third).is_pending() && poll!(&mut second).is_pending(), "not their turn");
        drop(first);
        assert!(poll!(&mut second).is_ready());
        assert!(poll!(&mut third).is_pending());
        pass(&clock, 3);
        assert!(poll!(&mut third).is_ready());
    }

    #[tokio::test]
    async fn other_requests_do_not_wait_for_the_limit_of_the_list() {
        let (_clock, limits) = pinata();
        go(&limits);
        assert!(limits.admit(&Method::POST, PINS).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_service_that_asked_for_a_rest_is_not_asked_before_it_is_over() {
        let clock = Arc::new(Still(watch::Sender::new(Duration::ZERO)));
        let limits = Limits::new(&[], clock.clone());
        limits.rest_for(Duration::from_secs(20));
        limits.rest_for(Duration::from_secs(5));
        pass(&clock, 19);
        let refused = limits.admit(&Method::GET, PINS).now_or_never().unwrap().unwrap_err();
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
        pass(&clock, 1);
        assert!(limits.admit(&Method::GET, PINS).now_or_never().unwrap().is_ok());
    }
}

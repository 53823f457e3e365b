//! A pool of connections, of any backend.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use r2d2::{HandleError, ManageConnection, PooledConnection};

use super::opening_thread::opening_thread;
use crate::error::{Error, Result};

/// Connections that are opened when they are needed, and then stay open.
#[derive(Debug)]
pub struct Connections<M: ManageConnection> {
    pool: r2d2::Pool<M>,
    failure: LastFailure<M::Error>,
    timeout: Duration,
}

impl<M: ManageConnection<Error: Into<Error> + StdError + Send>> Connections<M> {
    /// No connection yet, and at most `most`. `timeout` is how long to wait for one.
    pub fn new(opener: M, most: u32, timeout: Duration) -> Self {
        let failure = LastFailure(Arc::default());
        let pool = r2d2::Pool::builder()
            .max_size(most.max(1))
            .min_idle(Some(0))
            .max_lifetime(None)
            // With a timeout, the thread would look for idle connections twice a minute.
            .idle_timeout(None)
            .test_on_check_out(false)
            .thread_pool(opening_thread())
            .error_handler(Box::new(LastFailure(Arc::clone(&failure.0))))
            .build_unchecked(opener);
        Self { pool, failure, timeout }
    }

    /// Takes a connection. After a failure that `passes`, one may become free or be opened later.
    ///
    /// # Errors
    /// [`Error::Busy`] if none becomes free in time; why none can be opened, not explained.
    pub fn take(&self, passes: impl Fn(&M::Error) -> bool) -> Result<PooledConnection<M>> {
        // Waits in steps, so that a connection that cannot be opened is reported before the timeout.
        const STEP: Duration = Duration::from_millis(100);
        /// Opening a connection takes time, even if the timeout is shorter.
        const OPENING: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + self.timeout;
        loop {
            let step = STEP.min(deadline.saturating_duration_since(Instant::now()));
            if let Ok(connection) = self.pool.get_timeout(step.max(Duration::from_millis(1))) {
                return Ok(connection);
            }
            let timed_out = Instant::now() >= deadline;
            if let Some(error) = self.failure.0.lock().take()
                && (timed_out || !passes(&error))
            {
                return Err(error.into());
            }
            let one_more = self.pool.state().connections < self.pool.max_size();
            if Instant::now() >= deadline + if one_more { OPENING } else { Duration::ZERO } {
                return Err(Error::Busy { what: "every connection of the pool", waited: self.timeout });
            }
        }
    }

    /// How many connections there may be.
    #[cfg(feature = "postgres")]
    pub fn most(&self) -> u32 {
        self.pool.max_size()
    }

    /// How many connections are open, and how many of those are idle.
    pub fn count(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }
}

/// Why the last connection could not be opened.
#[derive(Debug)]
struct LastFailure<E>(Arc<Mutex<Option<E>>>);

impl<E: StdError + Send + 'static> HandleError<E> for LastFailure<E> {
    fn handle_error(&self, error: E) {
        log::warn!("a connection could not be opened: {error}");
        *self.0.lock() = Some(error);
    }
}

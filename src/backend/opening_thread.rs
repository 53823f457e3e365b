//! The thread that opens connections.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use scheduled_thread_pool::ScheduledThreadPool;

/// The thread that opens connections for all pools of this process. It ends with the last pool, so that no thread is
/// left when the process forks. A child starts its own.
pub fn opening_thread() -> Arc<ScheduledThreadPool> {
    static SHARED: Mutex<(u32, Weak<ScheduledThreadPool>)> = Mutex::new((0, Weak::new()));
    let mut shared = SHARED.lock();
    let process = std::process::id();
    match shared.1.upgrade() {
        Some(thread) if shared.0 == process => thread,
        inherited => {
            // The parent's thread does not exist in the child and cannot be asked to end.
            std::mem::forget(inherited);
            let thread = Arc::new(
                ScheduledThreadPool::builder().num_threads(1).thread_name_pattern("r2d2-worker-{}").build(),
            );
            *shared = (process, Arc::downgrade(&thread));
            thread
        }
    }
}

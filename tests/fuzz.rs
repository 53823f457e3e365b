//! The fuzz targets over the inputs that are kept: seeds, and whatever once broke a promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "fuzz/targets.rs"]
mod targets;

/// Memory that a target may hold at once, for each byte of its input, and whatever the input.
const PER_BYTE: usize = 1024;
const WHATEVER: usize = 8 << 20;

/// Counts what this thread holds, and the most that it ever held.
struct Counting;

thread_local! {
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

// SAFETY: all is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let count = |held: &Cell<(usize, usize)>| {
            let now = held.get().0.saturating_add(layout.size());
            held.set((now, held.get().1.max(now)));
        };
        let _ = HELD.try_with(count);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let _ = HELD.try_with(|held| held.set((held.get().0.saturating_sub(layout.size()), held.get().1)));
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 5, "few inputs for {target}");
    paths
}

#[test]
fn every_kept_input_passes_in_bounded_memory() {
    for (name, target) in targets::TARGETS {
        for path in corpus(name) {
            let data = fs::read(&path).unwrap();
            let before = HELD.get().0;
            HELD.set((before, before));
            target(&data);
            let most = HELD.get().1 - before;
            assert!(most <= WHATEVER + PER_BYTE * data.len(), "{path:?} took {most} bytes");
        }
    }
}

//! A cache of the terms of chunks. Most words of a text or a query are in it, and stemming is slow.

use std::cell::RefCell;
use std::hash::Hasher;
use std::ops::Range;
use std::thread::LocalKey;

use hashbrown::HashTable;
use parking_lot::Mutex;
use rustc_hash::FxHasher;

/// Precedes each term of a chunk that has several.
const SEPARATOR: char = ' ';

/// Longer chunks are not cached: they rarely occur twice.
const MAX_CHUNK_BYTES: usize = 48;

/// A cache with more chunks is cleared. It takes about 2 MB by then, in each thread.
const MAX_CHUNKS: usize = 3 << 14;

/// Most caches of a kind that are kept for threads to come.
const MOST_LEFT: usize = 4;

/// The caches of a kind that threads left when they ended.
type Left = Mutex<Vec<AnalyzerCache>>;

/// The cache of a thread. Threads that help for a moment begin with the cache of one that has ended.
pub(super) struct ThreadCache {
    cache: RefCell<AnalyzerCache>,
    left: &'static Left,
}

static LEFT_TERMS: Left = Mutex::new(Vec::new());
static LEFT_STEMS: Left = Mutex::new(Vec::new());

thread_local! {
    /// All terms of a chunk.
    pub(super) static TERMS: ThreadCache = ThreadCache::new(&LEFT_TERMS);
    /// The term of a folded word.
    pub(super) static STEMS: ThreadCache = ThreadCache::new(&LEFT_STEMS);
}

/// Maps chunks to their terms. Its size is bounded. Each thread has one.
#[derive(Default)]
pub(super) struct AnalyzerCache {
    chunks: HashTable<CachedChunk>,
    /// Every chunk, followed by its terms.
    text: String,
}

/// The ranges of a chunk and its terms in the text of the cache.
struct CachedChunk {
    chunk: Range<u32>,
    terms: Range<u32>,
}

impl ThreadCache {
    // Nobody waits for the lock, which in a forked child may never be free.
    fn new(left: &'static Left) -> Self {
        let cache = left.try_lock().and_then(|mut left| left.pop()).unwrap_or_default();
        Self { cache: RefCell::new(cache), left }
    }
}

impl Drop for ThreadCache {
    fn drop(&mut self) {
        if let Some(mut left) = self.left.try_lock().filter(|left| left.len() < MOST_LEFT) {
            left.push(self.cache.take());
        }
    }
}

impl AnalyzerCache {
    /// Runs `work` with the thread's cache. The cache is taken out meanwhile: if `work` calls this function again, the inner
    /// call gets an empty one.
    pub(super) fn with(kept: &'static LocalKey<ThreadCache>, work: impl FnOnce(&mut Self)) {
        let mut taken = kept.try_with(|kept| kept.cache.take()).unwrap_or_default();
        work(&mut taken);
        // This fails only while the thread ends.
        let _ = kept.try_with(|kept| kept.cache.replace(taken));
    }

    /// Calls `emit` with the terms of `chunk`. If they are not cached, `analyze` finds them.
    pub(super) fn terms(
        &mut self,
        chunk: &str,
        analyze: impl FnOnce(&str, &mut dyn FnMut(&str)),
        emit: &mut impl FnMut(&str),
    ) {
        if chunk.len() > MAX_CHUNK_BYTES {
            return analyze(chunk, emit);
        }
        let terms = match self.find(chunk) {
            Some(terms) => terms,
            None => self.insert(chunk, analyze),
        };
        let terms = &self.text[span(&terms)];
        match terms.strip_prefix(SEPARATOR) {
            Some(several) => several.split(SEPARATOR).for_each(emit),
            None if terms.is_empty() => {}
            None => emit(terms),
        }
    }

    fn find(&self, chunk: &str) -> Option<Range<u32>> {
        let text = self.text.as_bytes();
        let cached =
            self.chunks.find(hash(chunk), |cached| text[span(&cached.chunk)] == *chunk.as_bytes())?;
        Some(cached.terms.clone())
    }

    fn insert(&mut self, chunk: &str, analyze: impl FnOnce(&str, &mut dyn FnMut(&str))) -> Range<u32> {
        if self.chunks.len() >= MAX_CHUNKS {
            self.chunks.clear();
            self.text.clear();
        }
        let text = &mut self.text;
        let start = text.len();
        text.push_str(chunk);
        let mut terms = text.len();
        let mut count = 0;
        analyze(chunk, &mut |term| {
            text.push(SEPARATOR);
            text.push_str(term);
            count += 1;
        });
        if count == 1 {
            terms += SEPARATOR.len_utf8();
        }
        // Offsets fit in u32: a cache has few chunks, each with less than 1 KB of terms.
        let range = |from: usize, to: usize| from as u32..to as u32;
        let cached =
            CachedChunk { chunk: range(start, start + chunk.len()), terms: range(terms, text.len()) };
        let found = cached.terms.clone();
        self.chunks.insert_unique(hash(chunk), cached, |cached| hash(&text[span(&cached.chunk)]));
        found
    }
}

fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

fn hash(chunk: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(chunk.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    fn terms(
        cache: &mut AnalyzerCache,
        chunk: &str,
        analyze: impl FnOnce(&str, &mut dyn FnMut(&str)),
    ) -> Vec<String> {
        let mut terms = Vec::new();
        cache.terms(chunk, analyze, &mut |term: &str| terms.push(term.to_owned()));
        terms
    }

    #[test]
    fn a_chunk_is_analyzed_once() {
        let mut cache = AnalyzerCache::default();
        for list in [&["a"][..], &["b", "c"], &[]] {
            let chunk = list.join("-");
            let first = terms(&mut cache, &chunk, |_, emit| list.iter().for_each(|term| emit(term)));
            assert_eq!(first, list);
            assert_eq!(terms(&mut cache, &chunk, |_, _| panic!("it is cached")), list);
        }
    }

    #[test]
    fn a_thread_begins_with_what_an_earlier_one_left() {
        thread_local!(static KEPT: ThreadCache = ThreadCache::new(&LEFT));
        static LEFT: Left = Mutex::new(Vec::new());
        let analyzes = || {
            std::thread::spawn(|| {
                let mut analyzed = false;
                AnalyzerCache::with(&KEPT, |cache| {
                    cache.terms(
                        "red",
                        |chunk, emit| {
                            analyzed = true;
                            emit(chunk);
                        },
                        &mut |term| assert_eq!(term, "red"),
                    );
                });
                analyzed
            })
            .join()
            .is_ok_and(|analyzed| analyzed)
        };
        assert!(analyzes());
        assert!(!analyzes());
        assert_eq!(LEFT.lock().len(), 1);
    }

    #[test]
    fn it_stays_small() {
        let mut cache = AnalyzerCache::default();
        for n in 0..3 * MAX_CHUNKS {
            let chunk = n.to_string();
            assert_eq!(terms(&mut cache, &chunk, |chunk, emit| emit(chunk)), [chunk.as_str()]);
            assert!(cache.chunks.len() <= MAX_CHUNKS);
        }
        let (count, long) = (cache.chunks.len(), "x".repeat(100));
        assert_eq!(terms(&mut cache, &long, |_, emit| emit("x")), ["x"]);
        assert_eq!(cache.chunks.len(), count);
    }
}

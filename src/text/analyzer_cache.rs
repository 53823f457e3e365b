//! The terms of the chunks seen last: most words of a text or of a query were seen before, and stemming is slow.

use std::cell::RefCell;
use std::hash::Hasher;
use std::ops::Range;
use std::thread::LocalKey;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// Stands before each term of a chunk that has several.
const SEPARATOR: char = ' ';

/// Longer chunks hardly come twice.
const MAX_CHUNK_BYTES: usize = 48;

/// A full cache is cleared. It takes about 2 MB for each thread then.
const MAX_CHUNKS: usize = 3 << 14;

/// Where a thread keeps a cache.
pub(super) type ThreadCache = LocalKey<RefCell<AnalyzerCache>>;

thread_local! {
    /// All terms of a chunk.
    pub(super) static TERMS: RefCell<AnalyzerCache> = RefCell::default();
    /// Those that are no stop words.
    pub(super) static KEYWORDS: RefCell<AnalyzerCache> = RefCell::default();
}

/// Chunk -> its terms, bounded, one of a kind for each thread.
#[derive(Default)]
pub(super) struct AnalyzerCache {
    known: HashTable<Known>,
    /// Every known chunk, its terms close behind it.
    text: String,
}

/// Where in the cache's text a chunk and its terms are.
struct Known {
    chunk: Range<u32>,
    terms: Range<u32>,
}

impl AnalyzerCache {
    /// Lends this thread's cache of that kind to `work`. It is taken out meanwhile, so that `work` may come here again: it is lent
    /// an empty one then.
    pub(super) fn with(place: &'static ThreadCache, work: impl FnOnce(&mut Self)) {
        let mut cache = place.try_with(RefCell::take).unwrap_or_default();
        work(&mut cache);
        // This fails only while the thread ends.
        let _ = place.try_with(|place| place.replace(cache));
    }

    /// Emits the terms of `chunk`; `analyze` finds them if they are not known.
    pub(super) fn terms(
        &mut self,
        chunk: &str,
        analyze: impl FnOnce(&str, &mut dyn FnMut(&str)),
        emit: &mut impl FnMut(&str),
    ) {
        if chunk.len() > MAX_CHUNK_BYTES {
            return analyze(chunk, emit);
        }
        let terms = match self.recall(chunk) {
            Some(terms) => terms,
            None => self.learn(chunk, analyze),
        };
        let terms = &self.text[span(&terms)];
        match terms.strip_prefix(SEPARATOR) {
            Some(several) => several.split(SEPARATOR).for_each(emit),
            None if terms.is_empty() => {}
            None => emit(terms),
        }
    }

    fn recall(&self, chunk: &str) -> Option<Range<u32>> {
        let text = self.text.as_bytes();
        let known = self.known.find(hash(chunk), |known| text[span(&known.chunk)] == *chunk.as_bytes())?;
        Some(known.terms.clone())
    }

    fn learn(&mut self, chunk: &str, analyze: impl FnOnce(&str, &mut dyn FnMut(&str))) -> Range<u32> {
        if self.known.len() >= MAX_CHUNKS {
            self.known.clear();
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
        // Offsets fit in u32: so few chunks, with less than 1 KB of terms each.
        let place = |from: usize, to: usize| from as u32..to as u32;
        let known = Known { chunk: place(start, start + chunk.len()), terms: place(terms, text.len()) };
        let found = known.terms.clone();
        self.known.insert_unique(hash(chunk), known, |known| hash(&text[span(&known.chunk)]));
        found
    }
}

fn span(place: &Range<u32>) -> Range<usize> {
    place.start as usize..place.end as usize
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
            assert_eq!(terms(&mut cache, &chunk, |_, _| panic!("known already")), list);
        }
    }

    #[test]
    fn it_stays_small() {
        let mut cache = AnalyzerCache::default();
        for n in 0..3 * MAX_CHUNKS {
            let chunk = n.to_string();
            assert_eq!(terms(&mut cache, &chunk, |chunk, emit| emit(chunk)), [chunk.as_str()]);
            assert!(cache.known.len() <= MAX_CHUNKS);
        }
        let (known, long) = (cache.known.len(), "x".repeat(100));
        assert_eq!(terms(&mut cache, &long, |_, emit| emit("x")), ["x"]);
        assert_eq!(cache.known.len(), known);
    }
}

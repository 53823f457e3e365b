//! What each distinct chunk of the candidates holds.

use super::known_terms::KnownTerms;
use super::occurrence::Occurrence;
use crate::rank::query::ParsedQuery;
use crate::text::TermInterner;

/// The terms of each distinct chunk, and the query's terms and grams in it. Chunks have dense ids in the order of first
/// appearance.
#[derive(Debug, Default)]
pub struct ChunkTable {
    entries: Vec<ChunkEntry>,
    terms: Vec<u32>,
    /// Where the hits and the grams of a chunk end, for the chunks that have any. They begin where the ones before end.
    ends: Vec<(u32, u32)>,
    hits: Vec<Occurrence>,
    grams: Vec<u32>,
}

/// A chunk of the table.
#[derive(Debug, Clone, Copy)]
pub struct ChunkEntry {
    /// The start and the number of its terms.
    terms: u32,
    pub held: u32,
    /// Its index in [`ChunkTable::ends`]; [`ChunkEntry::NOTHING`] if it holds nothing of the query.
    found: u32,
}

impl ChunkEntry {
    const NOTHING: u32 = u32::MAX;
}

impl ChunkTable {
    /// Finds the terms and grams of the query in each of these chunks.
    pub fn new(query: &ParsedQuery, known: &KnownTerms<'_>, interner: &TermInterner, chunks: &[u32]) -> Self {
        let entries = || chunks.iter().map(|&chunk| interner.chunk(chunk));
        // This first pass makes the processor fetch many entries at a time.
        let terms = entries().map(|chunk| chunk.terms.len()).sum();
        let mut chunk_table = Self {
            entries: Vec::with_capacity(chunks.len()),
            terms: Vec::with_capacity(terms),
            ends: Vec::with_capacity(chunks.len() / 2),
            hits: Vec::with_capacity(chunks.len() / 4),
            grams: Vec::with_capacity(chunks.len()),
        };
        for chunk in entries() {
            let before = (chunk_table.hits.len(), chunk_table.grams.len());
            for (position, &term) in (0..).zip(chunk.terms) {
                for &term in known.numbers(term) {
                    chunk_table.hits.push(Occurrence { position, term });
                }
            }
            for &gram in chunk.grams {
                if let Some(gram) = query.grams_by_hash.find(gram.into()) {
                    chunk_table.grams.push(gram);
                }
            }
            let (terms, held) = (chunk_table.terms.len() as u32, chunk.terms.len() as u32);
            chunk_table.terms.extend_from_slice(chunk.terms);
            let mut found = ChunkEntry::NOTHING;
            if (chunk_table.hits.len(), chunk_table.grams.len()) != before {
                found = chunk_table.ends.len() as u32;
                chunk_table.ends.push((chunk_table.hits.len() as u32, chunk_table.grams.len() as u32));
            }
            chunk_table.entries.push(ChunkEntry { terms, held, found });
        }
        chunk_table
    }

    /// The number of distinct chunks.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The terms of a chunk, as ids of the interner of the texts.
    #[inline]
    pub fn terms_of(&self, chunk: u32) -> &[u32] {
        let ChunkEntry { terms, held, .. } = self.entry(chunk);
        &self.terms[terms as usize..][..held as usize]
    }

    #[inline]
    pub fn entry(&self, chunk: u32) -> ChunkEntry {
        self.entries[chunk as usize]
    }

    /// The query's terms and grams in a chunk, if there are any.
    #[inline]
    pub fn found(&self, entry: ChunkEntry) -> Option<(&[Occurrence], &[u32])> {
        let &(hits, grams) = self.ends.get(entry.found as usize)?;
        let before = (entry.found as usize).checked_sub(1).map_or((0, 0), |before| self.ends[before]);
        Some((&self.hits[before.0 as usize..hits as usize], &self.grams[before.1 as usize..grams as usize]))
    }
}

//! A quick test of whether a term may be a form of a word.

/// The first two bytes of words, and the last two: a form of a word has the same first ones, or the same last ones. Nearly all
/// terms of a store have neither, and need no comparison.
pub(super) struct Edges {
    heads: Pairs,
    tails: Pairs,
}

/// A set of pairs of bytes.
struct Pairs(Box<[u64; 1 << 10]>);

impl Pairs {
    fn new() -> Self {
        Self(Box::new([0; 1 << 10]))
    }

    fn insert(&mut self, pair: u16) {
        self.0[usize::from(pair >> 6)] |= 1 << (pair & 63);
    }

    #[inline]
    fn contains(&self, pair: u16) -> bool {
        self.0[usize::from(pair >> 6)] >> (pair & 63) & 1 != 0
    }
}

impl Edges {
    pub fn of<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let mut found = Self { heads: Pairs::new(), tails: Pairs::new() };
        for (head, tail) in words.filter_map(edges) {
            found.heads.insert(head);
            found.tails.insert(tail);
        }
        found
    }

    /// Whether `text` begins or ends like one of the words.
    #[inline]
    pub fn meet(&self, text: &str) -> bool {
        edges(text).is_some_and(|(head, tail)| self.heads.contains(head) || self.tails.contains(tail))
    }
}

#[inline]
fn edges(text: &str) -> Option<(u16, u16)> {
    let bytes = text.as_bytes();
    Some((u16::from_le_bytes(*bytes.first_chunk()?), u16::from_le_bytes(*bytes.last_chunk()?)))
}

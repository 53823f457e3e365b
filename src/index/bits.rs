//! A set of documents as one bit each.

/// Grows when a bit beyond its end is set; what was never set is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    ones: u32,
}

impl Bits {
    /// Whether `doc` is in the set.
    #[inline]
    pub fn get(&self, doc: u32) -> bool {
        self.words.get(doc as usize / 64).is_some_and(|word| word >> (doc % 64) & 1 == 1)
    }

    /// Adds `doc`; false when it was there already.
    pub fn set(&mut self, doc: u32) -> bool {
        let word = doc as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let bit = 1 << (doc % 64);
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.ones += u32::from(new);
        new
    }

    /// How many are in it.
    pub fn count(&self) -> u32 {
        self.ones
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(docs: I) -> Self {
        let mut bits = Self::default();
        for doc in docs {
            bits.set(doc);
        }
        bits
    }
}

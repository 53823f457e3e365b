//! [`Budget`]: how much text a search reads.

/// How much text to read, in bytes. The first text is always read.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Of all texts together.
    pub total: usize,
    /// The most that one text counts.
    pub each: usize,
}

impl Budget {
    /// Everything is read.
    pub const UNLIMITED: Self = Self { total: usize::MAX, each: 0 };

    /// Whether texts of these lengths together are more than the budget.
    pub fn is_used_up(self, mut lengths: impl Iterator<Item = usize>) -> bool {
        let mut bytes = 0usize;
        lengths.any(|length| {
            bytes += length.min(self.each);
            bytes > self.total
        })
    }

    /// How many of these texts, given by their lengths, are within the budget; `None` if that depends on an unknown length.
    pub fn covers(self, lengths: impl Iterator<Item = Option<usize>>) -> Option<usize> {
        let (mut bytes, mut count) = (0, 0);
        for length in lengths {
            bytes += length?.min(self.each);
            if bytes > self.total && count > 0 {
                return Some(count);
            }
            count += 1;
        }
        Some(count)
    }
}

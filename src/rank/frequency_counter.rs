//! Counts numbers, such as those of terms, in one text after another.

/// The frequency of a query term or gram in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    /// The number of the term, or of the gram.
    pub number: u32,
    pub frequency: u32,
    /// Position of the first occurrence.
    pub first: u32,
}

/// Counts numbers, such as those of terms, in one text after another.
#[derive(Debug, Default)]
pub(super) struct FrequencyCounter {
    /// For each number, the index of its last count.
    last: Vec<u32>,
}

impl FrequencyCounter {
    /// Counts numbers below `numbers`.
    pub fn new(numbers: usize) -> Self {
        Self { last: vec![0; numbers] }
    }

    /// Counts no number yet; memory for `numbers` is there.
    pub fn with_capacity(numbers: usize) -> Self {
        Self { last: Vec::with_capacity(numbers) }
    }

    /// Allows one more number.
    pub fn grow(&mut self) {
        self.last.push(0);
    }

    /// Counts an occurrence of `number` in the text whose counts begin at `start`.
    #[inline]
    pub fn count(&mut self, counts: &mut Vec<Count>, start: usize, number: u32, position: u32) {
        let last = &mut self.last[number as usize];
        match counts.get_mut(*last as usize) {
            Some(count) if *last as usize >= start && count.number == number => count.frequency += 1,
            _ => {
                *last = counts.len() as u32;
                counts.push(Count { number, frequency: 1, first: position });
            }
        }
    }
}

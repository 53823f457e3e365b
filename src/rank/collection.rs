//! Statistics of the records that a query ranks among, and the idf that follows from them.

use super::tuning::BACKGROUND;

/// Statistics of all live records that have terms.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Collection {
    /// How many there are.
    pub records: u64,
    /// Terms in all of them, repeats included.
    pub terms: u64,
}

impl Collection {
    /// Of records with so many terms each.
    pub fn of_lengths(lengths: impl Iterator<Item = u32>) -> Self {
        lengths.fold(Self::default(), |sum, length| Self {
            records: sum.records + u64::from(length > 0),
            terms: sum.terms + u64::from(length),
        })
    }

    /// Mean number of terms in a record; at least 1, because it is a divisor.
    pub fn mean_length(self) -> f32 {
        if self.records == 0 { 1.0 } else { (self.terms as f32 / self.records as f32).max(1.0) }
    }

    /// Inverse document frequency of a term that `df` of the records hold: `ln(1 + (N - df + 0.5) / (df + 0.5))`, which is never
    /// negative.
    pub fn idf(self, df: u64) -> f32 {
        let (n, df) = (self.records as f64, df.min(self.records) as f64);
        (1.0 + (n - df + 0.5) / (df + 0.5)).ln() as f32
    }

    /// The idf of a term of this [`rarity`](crate::text::rarity), which counts the more the fewer records there are.
    pub fn smoothed_idf(self, df: u64, rarity: f32) -> f32 {
        let background = BACKGROUND / (BACKGROUND + self.records as f32);
        self.idf(df) * (1.0 - background * (1.0 - rarity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_small_collection_words_that_are_common_elsewhere_weigh_less() {
        let weight = |records| {
            let collection = Collection { records, terms: 10 * records };
            collection.smoothed_idf(1, 0.5) / collection.smoothed_idf(1, 1.0)
        };
        assert!(weight(10) < 0.6 && weight(1_000_000) > 0.999);
    }

    #[test]
    fn idf_falls_with_document_frequency_and_stays_positive() {
        let collection = Collection { records: 100, terms: 1000 };
        let idfs: Vec<f32> = [0, 1, 10, 50, 100].iter().map(|&df| collection.idf(df)).collect();
        assert!(idfs.windows(2).all(|pair| pair[0] > pair[1]), "{idfs:?}");
        assert!(idfs[4] > 0.0);
    }
}

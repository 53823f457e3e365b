//! Embeddings in memory, searched exactly by cosine in one flat scan.

use std::ops::RangeInclusive;

use super::allowed::Allowed;
use crate::record::Seq;

/// Normalised vectors in order of sequence number.
#[derive(Debug, Default)]
pub struct Vectors {
    dimension: usize,
    seqs: Vec<Seq>,
    data: Vec<f32>,
}

impl Vectors {
    /// Takes in a record's vector. `seq` must be higher than any before. The first vector fixes the dimension for as long
    /// as there is one; others are passed over (the database refuses them).
    pub fn add(&mut self, seq: Seq, vector: &[f32]) {
        if self.seqs.is_empty() {
            self.dimension = vector.len();
        }
        if vector.len() == self.dimension && self.seqs.last().is_none_or(|&last| last < seq) {
            self.seqs.push(seq);
            self.data.extend(normalised(vector));
        }
    }

    /// Removes the vectors of a range of sequence numbers.
    pub fn remove(&mut self, seqs: &RangeInclusive<Seq>) {
        let start = self.seqs.partition_point(|seq| seq < seqs.start());
        let end = self.seqs.partition_point(|seq| seq <= seqs.end());
        if start < end {
            self.seqs.drain(start..end);
            self.data.drain(start * self.dimension..end * self.dimension);
        }
    }

    /// The best `k` by cosine, best first, newer before older at equal scores; only `allowed` ones. A query of another
    /// dimension finds nothing.
    pub fn top(&self, query: &[f32], k: usize, allowed: Option<&Allowed>) -> Vec<(Seq, f32)> {
        if query.len() != self.dimension || k == 0 {
            return Vec::new();
        }
        let query: Vec<f32> = normalised(query).collect();
        let rows = self.seqs.iter().zip(self.data.chunks_exact(self.dimension));
        let mut scored: Vec<(Seq, f32)> = rows
            .filter(|(seq, _)| allowed.is_none_or(|allowed| allowed.holds(**seq)))
            .map(|(&seq, row)| (seq, dot(&query, row)))
            .collect();
        let better = |a: &(Seq, f32), b: &(Seq, f32)| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0));
        if k < scored.len() {
            scored.select_nth_unstable_by(k, better);
            scored.truncate(k);
        }
        scored.sort_by(better);
        scored
    }

    /// Components of each vector; 0 while there is none.
    pub fn dimension(&self) -> usize {
        if self.seqs.is_empty() { 0 } else { self.dimension }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<f32>() + self.seqs.capacity() * size_of::<Seq>()
    }

    /// The records that have a vector, rising.
    pub fn seqs(&self) -> &[Seq] {
        &self.seqs
    }
}

fn normalised(vector: &[f32]) -> impl Iterator<Item = f32> + '_ {
    // Scaled first, so that squares of very large or small components neither overflow nor vanish.
    let most = vector.iter().fold(0f32, |most, x| most.max(x.abs()));
    let scale = if most > 0.0 { 1.0 / most } else { 0.0 };
    let length = vector.iter().map(|x| f64::from(x * scale).powi(2)).sum::<f64>().sqrt() as f32;
    vector.iter().map(move |x| if length > 0.0 { x * scale / length } else { 0.0 })
}

/// Sums in eight lanes, which compilers turn into vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0f32; LANES];
    let (a, b) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (x, y) in a.0.iter().zip(b.0) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + a.1.iter().zip(b.1).map(|(x, y)| x * y).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_and_forgets_the_removed() {
        let mut vectors = Vectors::default();
        vectors.add(1, &[1.0, 0.0]);
        vectors.add(2, &[1.0, 1.0]);
        vectors.add(5, &[0.0, -3.0]);
        let found = vectors.top(&[2.0, 0.0], 2, None);
        assert_eq!(found.iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 2]);
        assert!((found[0].1 - 1.0).abs() < 1e-6 && (found[1].1 - 0.5f32.sqrt()).abs() < 1e-6);
        vectors.remove(&(0..=1));
        assert_eq!(vectors.top(&[2.0, 0.0], 9, None)[0].0, 2);
        assert_eq!(vectors.top(&[2.0, 0.0], 9, Some(&Allowed::except(vec![2])))[0].0, 5);
        assert!(vectors.top(&[1.0], 9, None).is_empty());
    }

    #[test]
    fn extreme_components_keep_their_direction() {
        let mut vectors = Vectors::default();
        vectors.add(1, &[f32::MAX, f32::MAX]);
        vectors.add(2, &[f32::MIN_POSITIVE, 0.0]);
        vectors.add(3, &[0.0, 0.0]);
        let found = vectors.top(&[1.0, 1.0], 3, None);
        assert!((found[0].1 - 1.0).abs() < 1e-6 && found[0].0 == 1);
        assert!((found[1].1 - 0.5f32.sqrt()).abs() < 1e-6);
        assert_eq!(found[2], (3, 0.0));
    }
}

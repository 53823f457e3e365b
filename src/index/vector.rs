//! Embeddings in memory, a byte for each component, compared with a query in one flat scan.
//!
//! The scan finds candidates, more than are wanted; their true vectors are then read back and compared exactly. What
//! rounding to bytes adds to a cosine is about a thousandth.

use std::ops::{Range, RangeInclusive};
use std::thread;

use simsimd::SpatialSimilarity;

use super::allowed::Allowed;
use crate::record::Seq;

/// Normalised vectors in order of sequence number.
#[derive(Debug, Default)]
pub struct Vectors {
    dimension: usize,
    seqs: Vec<Seq>,
    codes: Vec<i8>,
    /// What a vector's codes must be multiplied by.
    steps: Vec<f32>,
    /// Those that were removed, until there are so many that it pays to move the others together.
    gone: Vec<bool>,
    live: usize,
}

/// Besides twice as many as are wanted, so many candidates are compared exactly.
const MARGIN: usize = 32;
/// One in so many may be gone before the others are moved together.
const SHARE_GONE: usize = 4;
/// A thread of its own pays for so many codes.
const CODES_PER_THREAD: usize = 1 << 24;

impl Vectors {
    /// Takes in a record's vector. `seq` must be higher than any before. The first vector fixes the dimension for as long
    /// as there is one; others are passed over (the database refuses them).
    pub fn add(&mut self, seq: Seq, vector: &[f32]) {
        if self.seqs.is_empty() {
            self.dimension = vector.len();
        }
        if vector.len() == self.dimension && self.seqs.last().is_none_or(|&last| last < seq) {
            let (codes, step) = encoded(vector);
            self.seqs.push(seq);
            self.codes.extend(codes);
            self.steps.push(step);
            self.gone.push(false);
            self.live += 1;
        }
    }

    /// Removes the vectors of a range of sequence numbers.
    pub fn remove(&mut self, seqs: &RangeInclusive<Seq>) {
        let start = self.seqs.partition_point(|seq| seq < seqs.start());
        let end = self.seqs.partition_point(|seq| seq <= seqs.end());
        for gone in &mut self.gone[start..end] {
            self.live -= usize::from(!*gone);
            *gone = true;
        }
        if (self.seqs.len() - self.live) * SHARE_GONE > self.seqs.len() {
            self.move_together();
        }
    }

    fn move_together(&mut self) {
        let mut kept = 0;
        for row in 0..self.seqs.len() {
            if !self.gone[row] {
                self.seqs[kept] = self.seqs[row];
                self.steps[kept] = self.steps[row];
                self.codes
                    .copy_within(row * self.dimension..(row + 1) * self.dimension, kept * self.dimension);
                kept += 1;
            }
        }
        self.seqs.truncate(kept);
        self.steps.truncate(kept);
        self.codes.truncate(kept * self.dimension);
        self.gone.clear();
        self.gone.resize(kept, false);
    }

    /// Enough of the nearest to hold the best `k` by cosine, only `allowed` ones; the best are still to be found with
    /// [`Nearest`]. A query of another dimension finds nothing.
    pub fn candidates(&self, query: &[f32], k: usize, allowed: Option<&Allowed>) -> Vec<Seq> {
        if query.len() != self.dimension || k == 0 {
            return Vec::new();
        }
        let query: Vec<i8> = encoded(query).0.collect();
        let count = k.saturating_mul(2).saturating_add(MARGIN);
        let best = match self.listed(allowed) {
            Some(rows) => self.scan(&query, count, rows.into_iter(), None),
            None => self.scan_all(&query, count, allowed),
        };
        best.into_sorted().into_iter().map(|(seq, _)| seq).collect()
    }

    /// The rows of what is allowed, if that is listed one by one.
    fn listed(&self, allowed: Option<&Allowed>) -> Option<Vec<usize>> {
        let listed = allowed?.listed(*self.seqs.first()?, *self.seqs.last()?)?;
        Some(listed.iter().filter_map(|seq| self.seqs.binary_search(seq).ok()).collect())
    }

    fn scan_all(&self, query: &[i8], count: usize, allowed: Option<&Allowed>) -> Best {
        let part = |rows: Range<usize>| self.scan(query, count, rows, allowed);
        let wanted = self.codes.len() / CODES_PER_THREAD;
        let threads =
            if wanted > 1 { thread::available_parallelism().map_or(1, usize::from).min(wanted) } else { 1 };
        let rows = self.seqs.len().div_ceil(threads);
        let part_of = |i: usize| part(i * rows..((i + 1) * rows).min(self.seqs.len()));
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .map(|i| (i, thread::Builder::new().spawn_scoped(scope, move || part_of(i))))
                .collect();
            let mut best = part_of(0);
            for (i, other) in others {
                // What no thread did is done here.
                let found = other.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| part_of(i));
                found.found.into_iter().for_each(|(seq, cosine)| best.push(seq, cosine));
            }
            best
        })
    }

    fn scan(
        &self,
        query: &[i8],
        count: usize,
        rows: impl Iterator<Item = usize>,
        allowed: Option<&Allowed>,
    ) -> Best {
        let mut best = Best::new(count);
        for row in rows {
            let codes = &self.codes[row * self.dimension..(row + 1) * self.dimension];
            let near = <i8 as SpatialSimilarity>::dot(query, codes).unwrap_or(0.0) as f32 * self.steps[row];
            let seq = self.seqs[row];
            if near >= best.floor && !self.gone[row] && allowed.is_none_or(|allowed| allowed.holds(seq)) {
                best.push(seq, near);
            }
        }
        best
    }

    /// Components of each vector; 0 while there is none.
    pub fn dimension(&self) -> usize {
        if self.seqs.is_empty() { 0 } else { self.dimension }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.codes.capacity()
            + self.steps.capacity() * size_of::<f32>()
            + self.seqs.capacity() * size_of::<Seq>()
            + self.gone.capacity()
    }

    /// The records that have a vector, rising.
    pub fn seqs(&self) -> impl Iterator<Item = Seq> + '_ {
        self.seqs.iter().zip(&self.gone).filter(|(_, gone)| !**gone).map(|(&seq, _)| seq)
    }
}

/// The best `k` of the vectors that it is shown, by exact cosine.
#[derive(Debug)]
pub struct Nearest {
    query: Vec<f32>,
    best: Best,
}

impl Nearest {
    /// To this query.
    pub fn new(query: &[f32], k: usize) -> Self {
        Self { query: normalised(query).collect(), best: Best::new(k) }
    }

    /// Shows one; those of another dimension are passed over.
    pub fn show(&mut self, seq: Seq, vector: &[f32]) {
        if vector.len() == self.query.len() {
            let vector: Vec<f32> = normalised(vector).collect();
            self.best.push(seq, dot(&self.query, &vector));
        }
    }

    /// The best with their cosines, best first, newer before older at equal ones.
    pub fn into_sorted(self) -> Vec<(Seq, f32)> {
        self.best.into_sorted()
    }
}

/// The best `k`, and for a while some more.
#[derive(Debug)]
struct Best {
    k: usize,
    /// What scores less is not among them.
    floor: f32,
    found: Vec<(Seq, f32)>,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { k, floor: if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY }, found: Vec::new() }
    }

    fn push(&mut self, seq: Seq, score: f32) {
        if score >= self.floor {
            self.found.push((seq, score));
            if self.found.len() > self.k.saturating_mul(2) {
                self.cut();
            }
        }
    }

    fn better(a: &(Seq, f32), b: &(Seq, f32)) -> std::cmp::Ordering {
        b.1.total_cmp(&a.1).then(b.0.cmp(&a.0))
    }

    fn cut(&mut self) {
        if self.k < self.found.len() {
            let (_, &mut (_, worst), _) =
                self.found.select_nth_unstable_by(self.k.saturating_sub(1), Self::better);
            self.floor = self.floor.max(worst);
            self.found.truncate(self.k);
        }
    }

    fn into_sorted(mut self) -> Vec<(Seq, f32)> {
        self.cut();
        self.found.sort_by(Self::better);
        self.found
    }
}

/// A vector's codes, and the step between them: codes times step are about the normalised vector.
fn encoded(vector: &[f32]) -> (impl Iterator<Item = i8> + '_, f32) {
    const MOST: f32 = 127.0;
    let most = normalised(vector).fold(0f32, |most, x| most.max(x.abs()));
    let scale = if most > 0.0 { MOST / most } else { 0.0 };
    (normalised(vector).map(move |x| (x * scale).round() as i8), most / MOST)
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
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The vectors and, in the place of the database, what they were.
    #[derive(Default)]
    struct Both {
        vectors: Vectors,
        kept: BTreeMap<Seq, Vec<f32>>,
    }

    impl Both {
        fn add(&mut self, seq: Seq, vector: &[f32]) {
            self.vectors.add(seq, vector);
            self.kept.insert(seq, vector.to_vec());
        }

        fn remove(&mut self, seqs: RangeInclusive<Seq>) {
            self.vectors.remove(&seqs);
            self.kept.retain(|seq, _| !seqs.contains(seq));
        }

        fn top(&self, query: &[f32], k: usize, allowed: Option<&Allowed>) -> Vec<(Seq, f32)> {
            let mut nearest = Nearest::new(query, k);
            for seq in self.vectors.candidates(query, k, allowed) {
                nearest.show(seq, &self.kept[&seq]);
            }
            nearest.into_sorted()
        }

        /// By comparing all.
        fn truth(&self, query: &[f32], k: usize, allowed: Option<&Allowed>) -> Vec<(Seq, f32)> {
            let length = |v: &[f32]| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let cosine = |v: &[f32]| {
                let lengths = length(query) * length(v);
                let product: f64 = query.iter().zip(v).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
                if lengths > 0.0 { (product / lengths) as f32 } else { 0.0 }
            };
            let held = self.kept.iter().filter(|(seq, _)| allowed.is_none_or(|allowed| allowed.holds(**seq)));
            let mut all: Vec<(Seq, f32)> = held.map(|(&seq, vector)| (seq, cosine(vector))).collect();
            all.sort_by(Best::better);
            all.truncate(k);
            all
        }
    }

    #[test]
    fn finds_the_nearest_and_forgets_the_removed() {
        let mut both = Both::default();
        both.add(1, &[1.0, 0.0]);
        both.add(2, &[1.0, 1.0]);
        both.add(5, &[0.0, -3.0]);
        let found = both.top(&[2.0, 0.0], 2, None);
        assert_eq!(found.iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 2]);
        assert!((found[0].1 - 1.0).abs() < 1e-6 && (found[1].1 - 0.5f32.sqrt()).abs() < 1e-6);
        both.remove(0..=1);
        assert_eq!(both.top(&[2.0, 0.0], 9, None)[0].0, 2);
        assert_eq!(both.top(&[2.0, 0.0], 9, Some(&Allowed::except(vec![2])))[0].0, 5);
        assert!(both.top(&[1.0], 9, None).is_empty());
    }

    #[test]
    fn extreme_components_keep_their_direction() {
        let mut both = Both::default();
        both.add(1, &[f32::MAX, f32::MAX]);
        both.add(2, &[f32::MIN_POSITIVE, 0.0]);
        both.add(3, &[0.0, 0.0]);
        let found = both.top(&[1.0, 1.0], 3, None);
        assert!((found[0].1 - 1.0).abs() < 1e-6 && found[0].0 == 1);
        assert!((found[1].1 - 0.5f32.sqrt()).abs() < 1e-6);
        assert_eq!(found[2], (3, 0.0));
    }

    fn vector() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(prop_oneof![9 => -1f32..1.0, 1 => Just(0.0)], 12)
    }

    proptest! {
        #[test]
        fn finds_what_comparing_all_finds(
            vectors in prop::collection::vec(vector(), 1..400),
            removed in prop::collection::vec((0i64..400, 0i64..40), 0..8),
            query in vector(),
            k in 0usize..20,
            stride in 1usize..4,
        ) {
            let mut both = Both::default();
            for (vector, seq) in vectors.iter().zip(1..) {
                both.add(seq, vector);
            }
            removed.into_iter().for_each(|(first, more)| both.remove(first..=first + more));
            prop_assert!(both.vectors.seqs().eq(both.kept.keys().copied()));
            let some: Vec<Seq> = both.kept.keys().copied().step_by(stride).collect();
            let (only, except) = (Allowed::only(some.clone()), Allowed::except(some));
            for allowed in [None, Some(&only), Some(&except)] {
                let (found, truth) = (both.top(&query, k, allowed), both.truth(&query, k, allowed));
                prop_assert_eq!(found.len(), truth.len());
                for (found, truth) in found.iter().zip(&truth) {
                    prop_assert!((found.1 - truth.1).abs() < 1e-5, "{:?} is not {:?}", found, truth);
                }
            }
        }
    }

    #[test]
    fn finds_the_nearest_of_many() {
        let mut state = 42u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let mut both = Both::default();
        for seq in 1..=20_000 {
            both.add(seq, &std::array::from_fn::<f32, 64, _>(|_| random()));
        }
        for _ in 0..20 {
            let query: [f32; 64] = std::array::from_fn(|_| random());
            let seqs = |found: Vec<(Seq, f32)>| found.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>();
            assert_eq!(seqs(both.top(&query, 10, None)), seqs(both.truth(&query, 10, None)));
        }
    }
}

//! The nearest vectors: one flat scan over the quantized vectors of all parts of the index.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Damaged;
use super::allowed::Allowed;
use super::index::Index;
use super::part_vectors::PartVectors;
use super::vector::QuantizedQuery;
use crate::rank::fusion::Spread;
use crate::rank::top_k::{FloatScore, TopK};
use crate::record::Seq;

/// The scan finds twice as many candidates as are wanted, and so many more; they are compared exactly.
const MARGIN: usize = 32;
/// An additional thread pays off for so many components.
const COMPONENTS_PER_THREAD: usize = 1 << 24;
/// A thread takes so many components at a time.
const COMPONENTS_PER_PIECE: usize = 1 << 21;

impl Index {
    /// Candidates among which the best `k` live records by cosine are; with `allowed`, those of records in it. `spread` takes in
    /// the cosines of all. [`super::vector::Nearest`] finds the best of the candidates. Records with vectors of another dimension
    /// are not found.
    ///
    /// # Errors
    /// [`Damaged`] when a segment is.
    pub fn near(
        &self,
        query: &[f32],
        k: usize,
        allowed: Option<&Allowed>,
        spread: Option<&mut Spread>,
    ) -> Result<Vec<Seq>, Damaged> {
        let mut parts = self.parts()?;
        parts.retain(|part| part.rows.dimension() == query.len());
        let scan = Scan {
            query: QuantizedQuery::new(query),
            count: if k == 0 { 0 } else { k.saturating_mul(2).saturating_add(MARGIN) },
            allowed,
            measures: spread.is_some(),
        };
        let found = scan.run(&parts);
        if let Some(spread) = spread {
            spread.merge(&found.spread);
        }
        Ok(found.best.into_sorted().into_iter().map(|(seq, _)| seq).collect())
    }
}

/// What a scan finds.
struct Found {
    best: TopK<FloatScore>,
    /// Nothing, unless the scan measures it.
    spread: Spread,
}

struct Scan<'a> {
    query: QuantizedQuery,
    /// How many of the best are kept.
    count: usize,
    allowed: Option<&'a Allowed>,
    /// Whether it measures the spread.
    measures: bool,
}

impl Scan<'_> {
    fn nothing(&self) -> Found {
        Found { best: TopK::new(self.count), spread: Spread::default() }
    }

    fn run(&self, parts: &[PartVectors<'_>]) -> Found {
        let mut found = self.nothing();
        let mut pieces = Vec::new();
        for part in parts {
            match part.listed(self.allowed) {
                Some(rows) => self.compare(part, rows.into_iter(), &mut found),
                None => pieces.extend(self.pieces(part)),
            }
        }
        self.compare_all(&pieces, &mut found);
        found
    }

    fn pieces<'f>(
        &self,
        part: &'f PartVectors<'f>,
    ) -> impl Iterator<Item = (&'f PartVectors<'f>, Range<usize>)> {
        let (rows, step) = (part.rows.len(), (COMPONENTS_PER_PIECE / self.query.dimension().max(1)).max(1));
        (0..rows).step_by(step).map(move |start| (part, start..(start + step).min(rows)))
    }

    /// Compares all pieces, on as many threads as pay off.
    fn compare_all(&self, pieces: &[(&PartVectors<'_>, Range<usize>)], found: &mut Found) {
        let next = AtomicUsize::new(0);
        let work = |found: &mut Found| {
            while let Some((part, rows)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.compare(part, rows.clone(), found);
            }
        };
        let quantized: usize = pieces.iter().map(|(_, rows)| rows.len() * self.query.dimension()).sum();
        let wanted = quantized / COMPONENTS_PER_THREAD;
        // Asking for the number of cores reads files, which takes longer than a small scan.
        let threads =
            if wanted > 1 { thread::available_parallelism().map_or(1, usize::from).min(wanted) } else { 1 };
        thread::scope(|scope| {
            let of_its_own = || {
                let mut found = self.nothing();
                work(&mut found);
                found
            };
            // If no thread can be started, this one does all the work.
            let others: Vec<_> = (1..threads)
                .filter_map(|_| thread::Builder::new().spawn_scoped(scope, of_its_own).ok())
                .collect();
            work(found);
            for other in others.into_iter().filter_map(|thread| thread.join().ok()) {
                found.spread.merge(&other.spread);
                other.best.into_sorted().into_iter().for_each(|(seq, score)| found.best.push(score, seq));
            }
        });
    }

    fn compare(&self, part: &PartVectors<'_>, rows: impl Iterator<Item = usize>, found: &mut Found) {
        self.query.vectorized(
            #[inline(always)]
            || {
                for row in rows {
                    let cosine = part.rows.approximate_cosine(row, &self.query);
                    let is_near = cosine >= found.best.threshold().0;
                    if !(is_near || self.measures) || !self.sees(part, row) {
                        continue;
                    }
                    if self.measures {
                        found.spread.add(cosine);
                    }
                    if is_near {
                        found.best.push(FloatScore(cosine), part.seqs.of(part.rows.doc(row)));
                    }
                }
            },
        );
    }

    /// False if the record of a row is deleted or not allowed.
    #[inline]
    fn sees(&self, part: &PartVectors<'_>, row: usize) -> bool {
        let doc = part.rows.doc(row);
        !part.deleted.get(doc) && self.allowed.is_none_or(|allowed| allowed.holds(part.seqs.of(doc)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::RangeInclusive;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::index::segment::Segment;
    use crate::index::vector::Nearest;
    use crate::text::Bag;

    /// The index and, in the place of the database, what the vectors were.
    #[derive(Default)]
    struct Both {
        index: Index,
        kept: BTreeMap<Seq, Vec<f32>>,
        names: u64,
    }

    impl Both {
        fn of(vectors: &[&[f32]]) -> Self {
            let mut both = Self::default();
            (1..).zip(vectors).for_each(|(seq, vector)| both.add(seq, Some(vector)));
            both
        }

        fn add(&mut self, seq: Seq, vector: Option<&[f32]>) {
            self.index.add(seq, &Bag::default(), vector);
            self.kept.extend(vector.map(|vector| (seq, vector.to_vec())));
        }

        fn add_late(&mut self, seq: Seq, vector: &[f32]) {
            self.index.add_late_vector(seq, vector).unwrap();
            self.kept.insert(seq, vector.to_vec());
        }

        fn remove(&mut self, seqs: RangeInclusive<Seq>) {
            self.kept.retain(|seq, _| !seqs.contains(seq));
            self.index.remove(seqs).unwrap();
        }

        fn start_flush(&mut self) {
            self.names += 1;
            let Some(flushing) = self.index.start_flush(1) else { return };
            let bytes = flushing.write(Vec::new(), self.names).unwrap();
            self.index.install_flush(Arc::new(Segment::from_bytes(bytes).unwrap())).unwrap();
        }

        fn merge(&mut self) {
            self.names += 1;
            let Some(merge) = self.index.plan_full_merge() else { return };
            let bytes = merge.write(Vec::new(), self.names).unwrap();
            self.index.install_merge(&merge, Arc::new(Segment::from_bytes(bytes).unwrap())).unwrap();
        }

        fn top(&self, query: &[f32], k: usize, allowed: Option<&Allowed>) -> Vec<(Seq, f32)> {
            let mut nearest = Nearest::new(query, k);
            for seq in self.index.near(query, k, allowed, None).unwrap() {
                nearest.push(seq, &self.kept[&seq]);
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
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
            all.truncate(k);
            all
        }
    }

    #[test]
    fn finds_the_nearest_and_forgets_the_removed() {
        let mut both = Both::of(&[&[1.0, 0.0], &[1.0, 1.0], &[0.0, -3.0]]);
        let found = both.top(&[2.0, 0.0], 2, None);
        assert_eq!(found.iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 2]);
        assert!((found[0].1 - 1.0).abs() < 1e-6 && (found[1].1 - 0.5f32.sqrt()).abs() < 1e-6);
        both.remove(0..=1);
        assert_eq!(both.top(&[2.0, 0.0], 9, None)[0].0, 2);
        assert_eq!(both.top(&[2.0, 0.0], 9, Some(&Allowed::except(vec![2])))[0].0, 3);
        assert!(both.top(&[1.0], 9, None).is_empty());
    }

    #[test]
    fn extreme_components_keep_their_direction() {
        let both = Both::of(&[&[f32::MAX, f32::MAX], &[f32::MIN_POSITIVE, 0.0], &[0.0, 0.0]]);
        let found = both.top(&[1.0, 1.0], 3, None);
        assert!((found[0].1 - 1.0).abs() < 1e-6 && found[0].0 == 1);
        assert!((found[1].1 - 0.5f32.sqrt()).abs() < 1e-6);
        assert_eq!(found[2], (3, 0.0));
    }

    #[test]
    fn another_dimension_begins_when_all_of_the_old_one_are_gone() {
        let mut both = Both::of(&[&[1.0, 0.0], &[0.0, 1.0]]);
        both.start_flush();
        both.add(3, Some(&[1.0, 1.0]));
        both.remove(1..=3);
        both.add(4, Some(&[1.0, 1.0, 1.0]));
        for step in [Both::start_flush, Both::merge] {
            assert_eq!(both.top(&[1.0, 0.0, 0.0], 9, None).len(), 1);
            assert!(both.top(&[1.0, 0.0], 9, None).is_empty());
            assert_eq!(both.index.with_vector().unwrap(), [4]);
            step(&mut both);
        }
        assert_eq!(both.top(&[1.0, 0.0, 0.0], 9, None).len(), 1);
    }

    fn vector() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(prop_oneof![9 => -1f32..1.0, 1 => Just(0.0)], 12)
    }

    proptest! {
        #[test]
        fn finds_what_comparing_all_finds(
            vectors in prop::collection::vec(prop::option::weighted(0.8, vector()), 1..400),
            ends in prop::collection::btree_set(0usize..400, 0..4),
            merges in any::<bool>(),
            late in any::<u64>(),
            removed in prop::collection::vec((0i64..400, 0i64..40), 0..8),
            query in vector(),
            k in 0usize..20,
            stride in 1usize..4,
        ) {
            let mut both = Both::default();
            let is_late = |seq: Seq| late >> (seq % 64) & 1 == 1 && late % 3 == 0;
            for (number, (vector, seq)) in vectors.iter().zip(1..).enumerate() {
                both.add(seq, vector.as_deref().filter(|_| !is_late(seq)));
                if ends.contains(&number) {
                    both.start_flush();
                }
            }
            for (at, vector) in vectors.iter().enumerate().rev() {
                vector.iter().for_each(|vector| both.add_late(at as Seq + 1, vector));
            }
            removed.into_iter().for_each(|(first, more)| both.remove(first..=first + more));
            if merges {
                both.merge();
            }
            prop_assert!(both.index.with_vector().unwrap().into_iter().eq(both.kept.keys().copied()));
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
    fn many_are_shared_among_threads() {
        const DIMENSION: usize = 1024;
        let mut state = 42u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let mut both = Both::default();
        for seq in 1..=(3 * COMPONENTS_PER_THREAD / DIMENSION) as Seq {
            both.add(seq, Some(&std::array::from_fn::<f32, DIMENSION, _>(|_| random())));
        }
        for _ in 0..3 {
            let query: [f32; DIMENSION] = std::array::from_fn(|_| random());
            let seqs = |found: Vec<(Seq, f32)>| found.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>();
            assert_eq!(seqs(both.top(&query, 10, None)), seqs(both.truth(&query, 10, None)));
        }
    }
}

//! Vectors quantized to a byte for each component, and exact cosines.
//!
//! Rounding to bytes changes a cosine by about a thousandth. So quantized vectors find more candidates than are wanted
//! ([`super::scan`]), whose exact vectors are then read and compared.

use pulp::Arch;

use crate::rank::top_k::{FloatScore, TopK};
use crate::record::Seq;

/// Vectors of the memtable, in the layout of a segment.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    dimension: usize,
    docs: Vec<[u8; 4]>,
    scales: Vec<[u8; 4]>,
    quantized: Vec<i8>,
}

impl Vectors {
    /// Takes in a document's vector. `doc` must be higher than any before. All vectors have one dimension; the database
    /// holds others only when all before them are gone, so those are dropped.
    pub fn push(&mut self, doc: u32, vector: &[f32]) {
        if vector.len() != self.dimension {
            *self = Self { dimension: vector.len(), ..Self::default() };
        }
        let (quantized, scale) = quantize(vector);
        self.quantized.extend(quantized);
        self.docs.push(doc.to_le_bytes());
        self.scales.push(scale.to_le_bytes());
    }

    /// All of them.
    pub fn rows(&self) -> Rows<'_> {
        Rows { dimension: self.dimension, docs: &self.docs, scales: &self.scales, quantized: &self.quantized }
    }

    /// Bytes on the heap.
    pub fn bytes(&self) -> usize {
        self.quantized.capacity() + (self.docs.capacity() + self.scales.capacity()) * 4
    }
}

/// Encoded vectors of documents, one a row, in place: in the memtable or in a segment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rows<'a> {
    dimension: usize,
    docs: &'a [[u8; 4]],
    scales: &'a [[u8; 4]],
    quantized: &'a [i8],
}

impl<'a> Rows<'a> {
    /// Of bytes in a segment; `None` if they do not fit together.
    pub fn new(
        dimension: usize,
        docs: &'a [[u8; 4]],
        scales: &'a [[u8; 4]],
        quantized: &'a [u8],
    ) -> Option<Self> {
        let whole = docs.len() == scales.len() && Some(quantized.len()) == docs.len().checked_mul(dimension);
        whole.then(|| Self { dimension, docs, scales, quantized: bytemuck::cast_slice(quantized) })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.docs.len()
    }

    /// Components of each vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The document of a row, in ascending order.
    #[inline]
    pub fn doc(&self, row: usize) -> u32 {
        u32::from_le_bytes(self.docs[row])
    }

    /// The row of a document, if it has a vector.
    pub fn row_of(&self, doc: u32) -> Option<usize> {
        self.docs.binary_search_by_key(&doc, |bytes| u32::from_le_bytes(*bytes)).ok()
    }

    /// The quantized components of a row.
    #[inline]
    pub fn quantized(&self, row: usize) -> &'a [i8] {
        &self.quantized[row * self.dimension..][..self.dimension]
    }

    /// The quantized components of a row times this are about its normalised vector.
    #[inline]
    pub fn scale(&self, row: usize) -> f32 {
        f32::from_le_bytes(self.scales[row])
    }

    /// An approximation of the cosine of a row and a query. Meant for [`QuantizedQuery::vectorized`].
    #[inline(always)]
    pub fn approximate_cosine(&self, row: usize, query: &QuantizedQuery) -> f32 {
        query.dot(self.quantized(row)) as f32 * self.scale(row) * query.scale
    }
}

/// The quantized vector of a query.
#[derive(Debug)]
pub(super) struct QuantizedQuery {
    components: Vec<i8>,
    scale: f32,
    /// The vector instructions of this processor.
    arch: Arch,
}

impl QuantizedQuery {
    pub fn new(query: &[f32]) -> Self {
        let (components, scale) = quantize(query);
        Self { components: components.collect(), scale, arch: Arch::new() }
    }

    /// Number of components.
    pub fn dimension(&self) -> usize {
        self.components.len()
    }

    /// Does work, into which everything must be inlined, with the vector instructions of this processor.
    pub fn vectorized<T>(&self, work: impl FnOnce() -> T) -> T {
        self.arch.dispatch(work)
    }

    /// The dot product with another quantized vector.
    #[inline(always)]
    fn dot(&self, other: &[i8]) -> i32 {
        let products = self.components.iter().zip(other).map(|(&a, &b)| i32::from(a) * i32::from(b));
        // A damaged file may name so many components that the sum overflows.
        products.fold(0, i32::wrapping_add)
    }
}

/// The exact vector of a query.
#[derive(Debug)]
pub struct ExactQuery(Vec<f32>);

impl ExactQuery {
    /// Of a vector of any length that is not 0.
    pub fn new(query: &[f32]) -> Self {
        Self(normalised(query).collect())
    }

    /// The cosine with another vector; `None` if that has another dimension.
    pub fn cosine(&self, vector: &[f32]) -> Option<f32> {
        let normalised = || normalised(vector).collect::<Vec<f32>>();
        (vector.len() == self.0.len()).then(|| dot(&self.0, &normalised()))
    }
}

/// The best `k` of the pushed vectors, by exact cosine.
#[derive(Debug)]
pub struct Nearest {
    query: ExactQuery,
    best: TopK<FloatScore>,
}

impl Nearest {
    /// To this query.
    pub fn new(query: &[f32], k: usize) -> Self {
        Self { query: ExactQuery::new(query), best: TopK::new(k) }
    }

    /// Adds a candidate, and returns its cosine. One of another dimension is ignored.
    pub fn push(&mut self, seq: Seq, vector: &[f32]) -> Option<f32> {
        let cosine = self.query.cosine(vector)?;
        self.best.push(FloatScore(cosine), seq);
        Some(cosine)
    }

    /// The best with their cosines, best first, newer before older at equal ones.
    pub fn into_sorted(self) -> Vec<(Seq, f32)> {
        self.best.into_sorted().into_iter().map(|(seq, cosine)| (seq, cosine.0)).collect()
    }
}

/// The quantized components of a vector and their scale: components times scale are about the normalised vector.
pub(super) fn quantize(vector: &[f32]) -> (impl Iterator<Item = i8> + '_, f32) {
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

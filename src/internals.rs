//! What the benchmarks and the fuzz targets use beyond the public interface.

pub use crate::index::vector::Nearest;
pub use crate::index::{Damaged, Index, Position, Scoring, Segment};
pub use crate::rank::bm25::Bm25Query;
pub use crate::rank::cosine::CosineQuery;
pub use crate::rank::hybrid::{Candidate, HybridQuery};
pub use crate::rank::top_k::TopK;
pub use crate::rank::tuning::CANDIDATES;
pub use crate::rank::{Statistics, Texts, WeightedTerm};
pub use crate::text::cut::MAX_TERM_BYTES;
pub use crate::text::{Analyzer, Bag, is_question, sentences, words};

//! A segment: an immutable inverted index over a range of sequence numbers, readable in place from a
//! memory-mapped file or from the heap.
//!
//! Layout, all integers little-endian:
//!
//! ```text
//! posting data | quantized vectors i8 | block metas | term texts | term entries | hash slots
//!     | seqs u32 | lengths u16 | norms u8 | vector documents u32 | vector steps f32 | footer
//! ```
//!
//! Terms are sorted. A hash slot holds a term's position plus one, probed linearly. The footer carries a checksum
//! over everything behind the quantized vectors, checked at opening; each term entry carries its postings' checksum, checked
//! when the term is first read, and the footer that of the quantized vectors, checked likewise, so that opening need not read the
//! whole file.

mod bytes;
mod docs;
mod footer;
mod little_endian;
mod merge;
#[allow(clippy::module_inception, reason = "it holds the type Segment")]
mod segment;
mod term_table;
mod verified;
mod view;
mod writer;

pub(super) use docs::Docs;
pub(super) use merge::merge;
pub use segment::Segment;
pub(super) use term_table::TermId;
pub(super) use view::SegmentView;
pub(super) use writer::SegmentWriter;

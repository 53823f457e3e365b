//! Sets of sentences of one query.

use crate::rank::tuning;

/// A set of sentences, one bit for each.
pub type SentenceSet = u32;

const _: () = assert!(tuning::MAX_SENTENCES <= SentenceSet::BITS as usize);

/// The numbers of the sentences in a set.
#[inline]
pub fn numbers(mut sentences: SentenceSet) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = sentences.trailing_zeros();
        sentences &= sentences.wrapping_sub(1);
        (number < SentenceSet::BITS).then_some(number as usize)
    })
}

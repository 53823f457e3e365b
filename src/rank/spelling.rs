//! The spelling of words, for texts that are equal otherwise: terms have no accents, case and endings.

use super::Texts;
use super::hash_ids::HashIds;
use super::tuning::spelling as tuning;
use crate::record::Seq;
use crate::text::{each_chunk, spelling};

/// Raises the sum of each text that spells words as the query does. Accents that the query has count a little. Other letters decide
/// between equal sums only. Returns false if no sum can have changed. `order` has the numbers of the texts, the highest sum first.
pub(super) fn prefer(query: &str, texts: &Texts, seqs: &[Seq], order: &[usize], sums: &mut [f64]) -> bool {
    let ties = has_ties(order, sums);
    if query.is_ascii() && !ties {
        return false;
    }
    let mut chunk_ids = HashIds::default();
    // For each of these chunks the word and what it is worth.
    let mut worths: Vec<(usize, f64)> = Vec::new();
    let mut words = 0;
    each_chunk(query, |word| {
        let number = words;
        words += 1;
        let worth = if spelling(word) != word { tuning::ACCENTS } else { tuning::TIE };
        if worth == tuning::TIE && !ties {
            return;
        }
        for chunk in cases(word).iter().filter_map(|word| texts.interner().chunk_number(word)) {
            if chunk_ids.insert(chunk.into()) as usize == worths.len() {
                worths.push((number, worth));
            }
        }
    });
    // For each word the last text that has it.
    let mut counted = vec![usize::MAX; words];
    for (i, (sum, seq)) in sums.iter_mut().zip(seqs).enumerate() {
        for &chunk in texts.get(*seq).map_or(&[][..], |text| text.chunks) {
            let Some(id) = chunk_ids.find(chunk.into()) else { continue };
            let (word, worth) = worths[id as usize];
            if std::mem::replace(&mut counted[word], i) != i {
                *sum += worth / words as f64;
            }
        }
    }
    true
}

/// Whether two sums are equal but for rounding.
fn has_ties(order: &[usize], sums: &[f64]) -> bool {
    let neighbours = order.windows(2).map(|pair| (sums[pair[0]], sums[pair[1]]));
    neighbours.take_while(|(_, lower)| *lower > 0.0).any(|(higher, lower)| higher - lower <= tuning::ROUNDING)
}

/// A word as it is written, in lower case, capitalized, and in capitals.
fn cases(word: &str) -> [String; 4] {
    let lower = word.to_lowercase();
    let mut letters = lower.chars();
    let capitalized = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    [word.to_owned(), capitalized, word.to_uppercase(), lower]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::scaled_signal::order;

    fn preferred(query: &str, texts: &[&str], mut sums: Vec<f64>) -> Vec<f64> {
        let seqs: Vec<Seq> = (0..texts.len() as Seq).collect();
        let order = order(&sums);
        prefer(query, &Texts::of(texts), &seqs, &order, &mut sums);
        sums
    }

    #[test]
    fn accents_that_the_query_has_count() {
        let sums = preferred("año nuevo", &["El ANO viejo", "El Año viejo"], vec![1.0, 1.0]);
        assert_eq!(sums, [1.0, 1.0 + tuning::ACCENTS / 2.0]);
    }

    #[test]
    fn other_letters_decide_between_equals_alone() {
        let texts = ["5,000", "5000", "5000"];
        assert_eq!(preferred("5000", &texts, vec![1.0, 0.9, 0.8]), [1.0, 0.9, 0.8]);
        assert_eq!(
            preferred("5000", &texts, vec![1.0, 1.0, 0.8]),
            [1.0, 1.0 + tuning::TIE, 0.8 + tuning::TIE]
        );
    }
}

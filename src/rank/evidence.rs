//! Evidence: how much of the query a text contains.

use super::calibration::Wording;
use super::collection::Collection;
use super::passage::{Occurrence, Passage, Passages};
use super::query::{Identifier, ParsedQuery, QueryTerm, Sentence, SentenceSet, numbers};
use super::tuning::{forms, score};
use crate::text::is_stop_term;

/// What a text contains of a query.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Proof {
    /// See [`evidence`].
    pub evidence: f64,
    /// The greatest product of a sentence's prior and the share of it that the text covers, with terms weighted as in the evidence.
    pub coverage: f64,
    pub wording: Wording,
}

/// The evidence in each passage: the greatest value of any sentence. The value of a sentence is the product of its prior, the
/// share of it that the passage covers, and the square root of the number of matched terms. The share is computed with terms
/// weighted by idf, names more. It stays below 1 for a sentence that has only common words.
///
/// An identifier counts as one term, however many parts it has. Without the whole of it, its parts prove little.
///
/// Terms that no record holds count as not covered, with their full weight. A form of such a term covers a part of it and is
/// no match. `frequencies` are the document frequencies of the query's terms.
pub(super) fn evidence(
    query: &ParsedQuery,
    collection: Collection,
    frequencies: &[u64],
    passages: &Passages,
) -> Vec<Proof> {
    let context = EvidenceContext::new(query, collection, frequencies);
    let mut sums = vec![(0.0, 0); query.sentences.len()];
    passages.iter().map(|passage| context.proof(passage, &mut sums)).collect()
}

struct EvidenceContext<'a> {
    query: &'a ParsedQuery,
    /// For each term its idf in a store with [`score::MORE_RECORDS`] more records.
    idfs: Vec<f64>,
    /// Sentences that have only particles.
    bare: SentenceSet,
    /// For each sentence the sum of its terms' weights.
    wholes: Vec<f64>,
    /// For each sentence the number of terms that can match; 0 if it has only stop words.
    needed: Vec<u32>,
}

impl<'a> EvidenceContext<'a> {
    fn new(query: &'a ParsedQuery, collection: Collection, frequencies: &[u64]) -> Self {
        let larger = Collection { records: collection.records + score::MORE_RECORDS, ..collection };
        // A term that only its forms stand for counts as one that no record holds.
        let known = |(term, &df): (&QueryTerm, &u64)| if term.guessed { 0 } else { df };
        let known = query.terms.iter().zip(frequencies).map(known);
        let idfs = known.map(|df| f64::from(larger.idf(df))).collect();
        let mut context = Self { query, idfs, bare: 0, wholes: Vec::new(), needed: Vec::new() };
        for (number, sentence) in query.sentences.iter().enumerate() {
            if sentence.counts.iter().all(|&(term, _)| query.terms[term as usize].particle) {
                context.bare |= 1 << number;
            }
            let asked = || sentence.counts.iter().map(|&(term, _)| term);
            let weights =
                || asked().filter(|&term| !context.is_part(term)).map(|term| context.weight(term, number));
            let (whole, needed) = (weights().sum(), weights().filter(|&weight| weight > 0.0).count() as u32);
            let stopped = asked().all(|term| is_stop_term(&query.terms[term as usize].text));
            context.wholes.push(whole);
            context.needed.push(if stopped { 0 } else { needed });
        }
        context
    }

    /// The weight of a match of `term` for a sentence.
    #[inline]
    fn weight(&self, term: u32, sentence: usize) -> f64 {
        let (idf, term) = (self.idfs[term as usize], &self.query.terms[term as usize]);
        if self.bare >> sentence & 1 == 1 {
            idf
        } else if term.particle {
            0.0
        } else if term.names >> sentence & 1 == 1 {
            idf * score::NAME
        } else {
            idf
        }
    }

    /// Whether a term occurs only in identifiers.
    fn is_part(&self, term: u32) -> bool {
        self.query.terms[term as usize].share < 1.0
    }

    /// Whether a passage has the words of a sentence in order, each at most [`score::APART`] terms after the one before. The terms of
    /// scripts without spaces overlap, so that having them all is enough.
    fn in_order(&self, sentence: &Sentence, passage: Passage<'_>) -> bool {
        let asked: Vec<u32> = sentence.words.iter().flat_map(|word| &word.terms).copied().collect();
        // For each word the last place where the words up to it end in order.
        let mut ends: Vec<Option<u32>> = vec![None; asked.len()];
        for hit in passage.hits {
            for term in self.parts_of(&hit.term) {
                for i in (0..asked.len()).filter(|&i| asked[i] == *term).rev() {
                    let before = if i == 0 { Some(hit.position) } else { ends[i - 1] };
                    if before.is_some_and(|before| hit.position - before <= score::APART) {
                        ends[i] = Some(hit.position);
                    }
                }
            }
        }
        ends.last().is_none_or(Option::is_some)
    }

    /// The parts of an identifier, which a text may write as one word; the term itself if it is none.
    fn parts_of<'t>(&'t self, term: &'t u32) -> &'t [u32] {
        let identifier = self.query.identifiers.iter().find(|one| !one.is_word && one.whole == *term);
        identifier.map_or(std::slice::from_ref(term), |one| &one.parts)
    }

    /// Whether a passage has an identifier as a whole: as a term, or its parts in a row.
    fn has_whole(&self, identifier: &Identifier, passage: Passage<'_>) -> bool {
        let Identifier { whole, parts, .. } = identifier;
        let in_a_row = |run: &[Occurrence]| {
            run.iter().zip(parts).all(|(hit, part)| hit.term == *part)
                && run.windows(2).all(|pair| pair[0].position + 1 == pair[1].position)
        };
        let known = !self.query.terms[*whole as usize].guessed;
        known && passage.terms.iter().any(|found| found.number == *whole)
            || parts.len() > 1 && passage.hits.windows(parts.len()).any(in_a_row)
    }

    /// How much the parts of an identifier prove, as a share of it.
    fn share_of_parts(&self, identifier: &Identifier, passage: Passage<'_>) -> f64 {
        let holds = |term: u32| passage.terms.iter().any(|found| found.number == term);
        let idf = |term: &u32| self.idfs[*term as usize];
        let found: f64 = identifier.parts.iter().filter(|&&part| holds(part)).map(idf).sum();
        score::PARTS * found / identifier.parts.iter().map(idf).sum::<f64>().max(f64::MIN_POSITIVE)
    }

    fn proof(&self, passage: Passage<'_>, sums: &mut [(f64, u32)]) -> Proof {
        sums.fill((0.0, 0));
        let lacking = self.add_identifiers(passage, sums);
        self.add_words(passage, sums);
        let mut proof = Proof::default();
        for (number, sentence) in self.query.sentences.iter().enumerate() {
            let (sum, matches) = sums[number];
            let covered = sentence.prior * sum;
            let breadth = f64::from(matches.clamp(1, score::MATCHES)).sqrt();
            proof.evidence = proof.evidence.max(covered / self.wholes[number].max(score::WHOLE) * breadth);
            proof.coverage = proof.coverage.max(covered / self.wholes[number]);
            if sum > 0.0 && sentence.prior >= score::ASKED {
                let complete = matches == self.needed[number] && matches > 0;
                let lacks = lacking >> number & 1 == 1;
                let whole = complete && self.in_order(sentence, passage);
                proof.wording = proof.wording.max(wording(whole, lacks));
            }
        }
        proof
    }

    /// Adds the identifiers of the query that the passage has, as a whole or in part, to the sums and matches of sentences.
    /// Returns the sentences of which it lacks one.
    fn add_identifiers(&self, passage: Passage<'_>, sums: &mut [(f64, u32)]) -> SentenceSet {
        let mut lacking: SentenceSet = 0;
        for identifier in &self.query.identifiers {
            let is_there = self.has_whole(identifier, passage);
            let share = if is_there { 1.0 } else { self.share_of_parts(identifier, passage) };
            let whole = identifier.whole;
            let asking = self.query.terms[whole as usize].sentences;
            for sentence in numbers(asking) {
                sums[sentence].0 += self.weight(whole, sentence) * share;
                sums[sentence].1 += u32::from(is_there);
            }
            // "RTX4090" is a word: a text without it lacks a word, and names no other thing.
            if !is_there && !identifier.is_word {
                lacking |= asking;
            }
        }
        lacking
    }

    /// Adds the other terms of the query that the passage has.
    fn add_words(&self, passage: Passage<'_>, sums: &mut [(f64, u32)]) {
        let is_word = |number| !self.is_part(number) && !self.query.is_identifier(number);
        for found in passage.terms.iter().filter(|found| is_word(found.number)) {
            let term = &self.query.terms[found.number as usize];
            for sentence in numbers(term.sentences) {
                let weight = self.weight(found.number, sentence);
                let (sum, matches) = &mut sums[sentence];
                if term.guessed {
                    *sum += weight * forms::PROOF;
                } else {
                    *sum += weight;
                    *matches += u32::from(weight > 0.0);
                }
            }
        }
    }
}

/// `whole` says whether the passage has all words of the sentence in order, `lacks` whether it lacks one of its identifiers.
fn wording(whole: bool, lacks: bool) -> Wording {
    if whole {
        Wording::Whole
    } else if lacks {
        Wording::OtherIdentifier
    } else {
        Wording::Words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence_of(query: &str, texts: &[&str]) -> Vec<f64> {
        let query = ParsedQuery::new(query);
        let passages = Passages::of(&query, texts, 5.0);
        let collection = Collection { records: 1000, terms: 5000 };
        let proofs = evidence(&query, collection, &vec![10; query.terms.len()], &passages);
        proofs.into_iter().map(|proof| proof.evidence).collect()
    }

    #[test]
    fn more_of_the_query_is_better_evidence() {
        let found = evidence_of("red car shop", &["red car shop", "red car", "shop", "blue"]);
        assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{found:?}");
        assert!((found[0] - 3f64.sqrt()).abs() < 1e-9 && found[3] == 0.0);
    }

    #[test]
    fn names_prove_more_than_other_words() {
        let found = evidence_of("where does Alice cook", &["Alice", "cook"]);
        assert!((found[0] - 0.6).abs() < 1e-9 && (found[1] - 0.4).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_term_that_nearly_all_records_hold_is_weak_evidence() {
        let (query, collection) = (ParsedQuery::new("user"), Collection { records: 1000, terms: 5000 });
        let passages = Passages::of(&query, &["the user"], 5.0);
        let common = evidence(&query, collection, &[900], &passages)[0].evidence;
        let rare = evidence(&query, collection, &[20], &passages)[0].evidence;
        assert!(common < 0.1 && rare == 1.0, "{common} {rare}");
    }

    #[test]
    fn particles_prove_nothing_beside_words() {
        assert_eq!(evidence_of("手机的", &["的"]), [0.0]);
        assert!(evidence_of("的", &["的"])[0] > 0.0);
    }

    #[test]
    fn a_wording_is_whole_where_all_words_stand_in_order() {
        let query = ParsedQuery::new("Which invoices were paid by Acme?");
        let wordings = |query: &ParsedQuery, texts: &[&str]| -> Vec<Wording> {
            let passages = Passages::of(query, texts, 5.0);
            let collection = Collection { records: 1000, terms: 5000 };
            let proofs = evidence(query, collection, &vec![10; query.terms.len()], &passages);
            proofs.into_iter().map(|proof| proof.wording).collect()
        };
        let texts = ["Invoice 7 was paid by Acme.", "Acme paid the invoice.", "Invoice of Acme"];
        assert_eq!(wordings(&query, &texts), [Wording::Whole, Wording::Words, Wording::Words]);
        let chinese = ParsedQuery::new("手机屏幕");
        assert_eq!(wordings(&chinese, &["我的手机屏幕坏了", "手机"]), [Wording::Whole, Wording::Words]);
        let named = ParsedQuery::new("is POL-385 open?");
        let texts = ["Ticket POL-385 is open.", "POL-999 is open", "385, open: pol"];
        assert_eq!(
            wordings(&named, &texts),
            [Wording::Whole, Wording::OtherIdentifier, Wording::OtherIdentifier]
        );
        assert_eq!(wordings(&ParsedQuery::new("what is it?"), &["what is it"]), [Wording::Words]);
    }
}

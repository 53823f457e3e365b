//! The parsed query: its sentences with their priors, its terms and its word grams.

use std::collections::BTreeSet;

use super::boilerplate::is_boilerplate;
use super::forms::Form;
use super::hash_ids::HashIds;
use super::identifiers::identifiers;
use super::tuning;
use crate::text::{
    both_ends, is_particle, is_question, is_stopword, sentences, term_hash, word_grams, words,
};

/// A set of sentences, one bit for each.
pub(super) type SentenceSet = u32;

const _: () = assert!(tuning::MAX_SENTENCES <= SentenceSet::BITS as usize);

/// A parsed query, independent of any store. Terms and grams have numbers.
#[derive(Debug, Default)]
pub(super) struct ParsedQuery {
    pub terms: Vec<QueryTerm>,
    pub sentences: Vec<Sentence>,
    pub terms_by_hash: HashIds,
    pub grams_by_hash: HashIds,
    /// Terms of the store that are forms of a query term. They have numbers of their own.
    pub forms_by_hash: HashIds,
    /// For each form the number of the query's term.
    pub forms: Vec<u32>,
}

/// A term of a query.
#[derive(Debug)]
pub(super) struct QueryTerm {
    pub text: String,
    /// Sentences that hold it.
    pub sentences: SentenceSet,
    /// Sentences that hold it in a capitalized word that is not their first word.
    pub names: SentenceSet,
    /// True if no record holds the term itself, only its forms.
    pub guessed: bool,
    /// True if a match proves nothing, see [`is_particle`].
    pub particle: bool,
}

impl QueryTerm {
    /// The factor for its idf.
    pub fn worth(&self) -> f64 {
        if self.guessed { tuning::forms::WORTH } else { 1.0 }
    }
}

/// All sentences if they are few enough. Otherwise the last questions, the first sentences and the last ones, in order.
fn most_important(sentences: Vec<&str>) -> Vec<&str> {
    let (all, most) = (sentences.len(), tuning::MAX_SENTENCES);
    if all <= most {
        return sentences;
    }
    let questions = (0..all).rev().filter(|&i| is_question(sentences[i])).take(most / 2);
    let mut kept: BTreeSet<usize> = questions.collect();
    for i in 0..all {
        for end in [all - 1 - i, i] {
            if kept.len() < most {
                kept.insert(end);
            }
        }
    }
    kept.into_iter().map(|i| sentences[i]).collect()
}

/// The numbers of the sentences in a set.
#[inline]
pub(super) fn numbers(mut sentences: SentenceSet) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = sentences.trailing_zeros();
        sentences &= sentences.wrapping_sub(1);
        (number < SentenceSet::BITS).then_some(number as usize)
    })
}

/// A sentence without its stop words. If the query has no other words, it is one sentence with its stop words.
#[derive(Debug, Default)]
pub(super) struct Sentence {
    /// Its terms in order, repeats included.
    pub sequence: Vec<u32>,
    /// Its distinct terms with their counts.
    pub counts: Vec<(u32, u32)>,
    pub words: Vec<QueryWord>,
    /// The terms of each of its identifiers.
    pub identifiers: Vec<Vec<u32>>,
    /// Its weight before the search, in `0..=1`.
    pub prior: f64,
    /// It is a question, and not about the task.
    pub asks: bool,
}

/// A word of a script with spaces between words.
#[derive(Debug, Default)]
pub(super) struct QueryWord {
    /// Its terms without stop words.
    pub terms: Vec<u32>,
    /// The number of its terms, stop words included.
    pub size: usize,
    /// Its grams, repeats included.
    pub grams: Vec<u32>,
}

/// What a query asks: its questions, without the sentences around them; the whole query if nothing in it is a question.
/// A question about the task ("Is the output valid JSON?") counts as none.
pub fn asked(text: &str) -> String {
    let kept = both_ends(text, tuning::MAX_QUERY_BYTES);
    let (query, texts) = ParsedQuery::with_texts(&kept);
    let questions = query.sentences.iter().zip(texts).filter(|(sentence, _)| sentence.asks);
    let questions: Vec<&str> = questions.map(|(_, text)| text).collect();
    if questions.is_empty() { text.to_owned() } else { questions.join(" ") }
}

impl ParsedQuery {
    pub fn new(text: &str) -> Self {
        Self::with_texts(&both_ends(text, tuning::MAX_QUERY_BYTES)).0
    }

    /// The query, and the texts of its sentences.
    fn with_texts(text: &str) -> (Self, Vec<&str>) {
        let mut query = Self::default();
        let mut texts = most_important(sentences(text).collect());
        texts.retain(|sentence| query.add_sentence(sentence, is_stopword));
        let mut questions: Vec<bool> = texts.iter().map(|sentence| is_question(sentence)).collect();
        if query.sentences.is_empty() && query.add_sentence(text, |_| false) {
            texts.push(text);
            questions.push(false);
        }
        query.set_priors(&questions);
        (query, texts)
    }

    /// Adds a sentence. Returns false if it has no terms but stop words.
    fn add_sentence(&mut self, text: &str, stopped: impl Fn(&str) -> bool) -> bool {
        let bit: SentenceSet = 1 << self.sentences.len();
        let mut sentence = Sentence::default();
        let mut first = true;
        // In a sentence in capitals, capitals mean nothing.
        let mixed = text.contains(char::is_lowercase);
        words(text, |word| {
            let leads = std::mem::take(&mut first);
            let name = word.is_capitalized() && !leads;
            let never_stopped = mixed && word.is_never_stopped(leads);
            let folded = word.folded();
            if !never_stopped && stopped(&folded) {
                return;
            }
            let mut parts = QueryWord::default();
            word.terms(|surface, term| {
                parts.size += 1;
                if never_stopped || !stopped(surface) {
                    let number = self.number(term);
                    let term = &mut self.terms[number as usize];
                    term.sentences |= bit;
                    term.names |= if name { bit } else { 0 };
                    parts.terms.push(number);
                }
            });
            sentence.sequence.extend_from_slice(&parts.terms);
            if word.is_spaced() {
                word_grams(&folded, |gram| parts.grams.push(self.grams_by_hash.insert(gram.into())));
                sentence.words.push(parts);
            }
        });
        if sentence.sequence.is_empty() {
            return false;
        }
        sentence.identifiers = identifiers(text).map(|text| self.known_terms(text)).collect();
        let mut sorted = sentence.sequence.clone();
        sorted.sort_unstable();
        sentence.counts = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect();
        self.sentences.push(sentence);
        true
    }

    /// The numbers of those terms of a text that are in the query.
    fn known_terms(&self, text: &str) -> Vec<u32> {
        let mut numbers = Vec::new();
        words(text, |word| {
            word.terms(|_, term| numbers.extend(self.terms_by_hash.find(term_hash(term))));
        });
        numbers
    }

    /// Adds a form of a term. Returns false if it is a term of the query, or a form of one, already.
    pub fn add_form(&mut self, form: &Form) -> bool {
        let hash = term_hash(&form.text);
        let new = self.terms_by_hash.find(hash).or(self.forms_by_hash.find(hash)).is_none();
        if new {
            self.forms_by_hash.insert(hash);
            self.forms.push(form.term);
        }
        new
    }

    fn number(&mut self, term: &str) -> u32 {
        let number = self.terms_by_hash.insert(term_hash(term));
        if number as usize == self.terms.len() {
            self.terms.push(QueryTerm {
                text: term.to_owned(),
                sentences: 0,
                names: 0,
                guessed: false,
                particle: is_particle(term),
            });
        }
        number
    }

    /// A question has the highest prior. Sentences of boilerplate, and very short ones, have low priors.
    fn set_priors(&mut self, questions: &[bool]) {
        let several = self.sentences.len() > 1;
        let worth_of: Vec<f64> = self
            .sentences
            .iter()
            .map(|sentence| if several { worth(&self.terms, &sentence.sequence) } else { 1.0 })
            .collect();
        let asks = |i: usize| questions[i] && worth_of[i] >= tuning::QUESTION_WORTH;
        let beside = if (0..worth_of.len()).any(asks) { tuning::BESIDE_QUESTION } else { 1.0 };
        let size = |sentence: &Sentence| sentence.counts.len().min(tuning::SENTENCE_TERMS) as f64;
        for (i, sentence) in self.sentences.iter_mut().enumerate() {
            sentence.asks = asks(i);
            sentence.prior = if asks(i) { 1.0 } else { worth_of[i] * beside };
        }
        // The largest of the sentences with the highest prior.
        let best = self.sentences.iter().map(|sentence| (sentence.prior, size(sentence)));
        let (_, largest) = best.fold((0.0, 1.0), |best, one| if one > best { one } else { best });
        for sentence in &mut self.sentences {
            sentence.prior *= (size(sentence) / largest).min(1.0).sqrt();
        }
    }
}

/// The mean worth of the terms of a sentence.
fn worth(terms: &[QueryTerm], sequence: &[u32]) -> f64 {
    let boilerplate = sequence.iter().filter(|&&number| is_boilerplate(&terms[number as usize].text)).count();
    // Computed from the share of boilerplate: a sum over the terms would depend on their order because of rounding.
    let share = boilerplate as f64 / sequence.len() as f64;
    share * tuning::BOILERPLATE_WORD + (1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, f64)> {
        let query = ParsedQuery::new(text);
        let text = |sentence: &Sentence| {
            let terms: Vec<&str> =
                sentence.sequence.iter().map(|&term| &*query.terms[term as usize].text).collect();
            terms.join(" ")
        };
        query.sentences.iter().map(|sentence| (text(sentence), sentence.prior)).collect()
    }

    #[test]
    fn the_question_counts_wherever_it_stands_in_a_long_query() {
        let lines: Vec<String> = (0..100).map(|n| format!("Job w{n} ran.")).collect();
        for at in [0, 20, 50, 99, 100] {
            let mut lines = lines.clone();
            lines.insert(at, "Why is the gateway closed?".into());
            let query = ParsedQuery::new(&lines.join("\n"));
            assert!(query.terms.iter().any(|term| term.text == "gateway"), "{at}");
            assert!(["w0", "w99"].iter().all(|end| query.terms.iter().any(|term| term.text == *end)));
            assert!(query.sentences.len() <= tuning::MAX_SENTENCES);
        }
        let text = format!("alpha {} omega", "word ".repeat(10_000));
        let query = ParsedQuery::new(&text);
        assert!(["alpha", "omega"].iter().all(|end| query.terms.iter().any(|term| term.text == *end)));
    }

    #[test]
    fn a_query_asks_its_questions() {
        assert_eq!(asked("Be brief. Who called, Ann? Was it today?"), "Who called, Ann? Was it today?");
        for whole in ["Who called?", "Find the calls. Sort them.", "Sort them. Is the output valid JSON?", ""]
        {
            assert_eq!(asked(whole), whole);
        }
    }

    #[test]
    fn one_sentence_is_worth_all() {
        assert_eq!(parsed("Summarize the output"), [("summar output".to_owned(), 1.0)]);
    }

    #[test]
    fn a_question_outweighs_what_stands_beside_it() {
        let expected = [
            ("alic like".to_owned(), 1.0),
            ("bob cook".to_owned(), 0.3),
            ("write report".to_owned(), 0.3 * 0.2),
        ];
        assert_eq!(parsed("What does Alice like? Bob cooks. Write a report."), expected);
    }

    #[test]
    fn a_question_about_the_task_is_none() {
        let priors: Vec<f64> =
            parsed("Is the output valid JSON? Bob cooks.").into_iter().map(|(_, prior)| prior).collect();
        assert!((priors[0] - (0.2 + 1.0 + 0.2) / 3.0).abs() < 1e-12 && priors[1] == 1.0, "{priors:?}");
    }

    #[test]
    fn the_order_of_words_does_not_change_what_a_sentence_is_worth() {
        let priors = |text: &str| -> Vec<f64> { parsed(text).into_iter().map(|(_, prior)| prior).collect() };
        let (short, long) = ("write Alice Alice research.", "Bob research summarize quartz.");
        let [first, second] = [priors(&format!("{short} {long}")), priors(&format!("{long} {short}"))];
        assert_eq!((first[0], first[1]), (second[1], second[0]));
        assert_eq!(first[0], first[1] * (3f64 / 4.0).sqrt());
    }

    #[test]
    fn what_frames_a_request_counts_less_than_the_request() {
        let priors = |text: &str| -> Vec<f64> { parsed(text).into_iter().map(|(_, prior)| prior).collect() };
        let polite = priors("Hello! The invoice module crashes. Please let me know. Thanks!");
        assert_eq!(polite[1], 1.0);
        assert!(polite.iter().filter(|prior| **prior < 0.3).count() == 3, "{polite:?}");
        assert_eq!(priors("Boom: the invoice module crashes daily"), [0.5, 1.0]);
        assert_eq!(priors("Left or right? It hurts when the long leash is pulled"), [1.0, 0.3]);
    }

    #[test]
    fn stop_words_alone_are_looked_for() {
        assert_eq!(parsed("Who are you? Who?"), [("who are you who".to_owned(), 1.0)]);
        assert!(parsed("?! ...").is_empty());
    }

    #[test]
    fn names_are_capitalized_within_a_sentence() {
        let query = ParsedQuery::new("Does Alice cook? Bob and alice eat.");
        let names: Vec<(&str, SentenceSet)> =
            query.terms.iter().map(|term| (&*term.text, term.names)).collect();
        assert_eq!(names, [("alic", 1), ("cook", 0), ("bob", 0), ("eat", 0)]);
    }

    #[test]
    fn stop_words_that_are_names_are_looked_for() {
        let table = [
            ("What are the plans in May?", "plan may"),
            ("May I call IT about this?", "call it"),
            ("US visa for Will", "us visa will"),
            ("Should I take vitamin D", "take vitamin d"),
            ("A trip in a car", "trip car"),
            ("WHO IS IT FOR", "who is it for"),
            ("WHERE IS THE CAR", "car"),
            ("What TO cook? You MUST NOT use salt", "cook"),
            ("В каком году", "году"),
        ];
        for (query, terms) in table {
            assert_eq!(parsed(query)[0].0, terms, "{query}");
        }
    }

    #[test]
    fn any_length_is_bounded_work() {
        let query = ParsedQuery::new(&"Wörter sind lang. ".repeat(20_000));
        assert_eq!(query.sentences.len(), tuning::MAX_SENTENCES);
        assert!(
            ParsedQuery::new(&"上".repeat(100_000)).sentences[0].sequence.len() <= tuning::MAX_QUERY_BYTES
        );
    }
}

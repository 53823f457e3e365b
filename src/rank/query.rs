//! The parsed query: its sentences with their priors, its terms and its word grams.

use std::collections::BTreeSet;

use super::boilerplate::is_boilerplate;
use super::forms::Form;
use super::hash_ids::HashIds;
use super::writings::writings;
use super::{Statistics, tuning};
use crate::text::{
    Analyzer, Word, both_ends, is_particle, is_question, is_stopword, joined, sentences, term_hash,
    word_grams, words,
};

/// A set of sentences, one bit for each.
pub(super) type SentenceSet = u32;

const _: () = assert!(tuning::MAX_SENTENCES <= SentenceSet::BITS as usize);

/// What a query is parsed for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Detail {
    /// Its terms, for the first stage.
    Terms,
    /// Its words and their grams too.
    Words,
}

/// A parsed query, independent of any store. Terms and grams have numbers.
#[derive(Debug, Default)]
pub(super) struct ParsedQuery {
    pub terms: Vec<QueryTerm>,
    pub sentences: Vec<Sentence>,
    pub terms_by_hash: HashIds,
    pub grams_by_hash: HashIds,
    /// Terms of the store that are forms of a query term. They have numbers of their own.
    pub forms_by_hash: HashIds,
    /// For each form the numbers of the query's terms.
    pub forms: Vec<Vec<u32>>,
    pub identifiers: Vec<Identifier>,
    /// Other writings of its words: neighbouring words and the parts of compounds as one word, and umlauts spelled out. Each with the
    /// terms that it stands for.
    pub joined: Vec<(String, Vec<u32>)>,
}

/// A word of the query that names one thing as a whole, see [`Word::is_identifier`].
#[derive(Debug)]
pub(super) struct Identifier {
    pub whole: u32,
    pub parts: Vec<u32>,
    /// Whether the query has it as one word, as "RTX4090".
    pub is_word: bool,
}

/// A term of a query.
#[derive(Debug)]
pub(super) struct QueryTerm {
    pub text: String,
    /// Sentences that hold it.
    pub sentences: SentenceSet,
    /// Sentences that hold it in a capitalized word that is not their first word.
    pub names: SentenceSet,
    /// 1; for a term that occurs only in identifiers of `n` parts, `1 / n`.
    pub share: f64,
    /// True if no record holds the term itself, only its forms.
    pub guessed: bool,
    /// True if a match proves nothing, see [`is_particle`].
    pub particle: bool,
}

impl QueryTerm {
    /// The factor for its idf.
    pub fn worth(&self) -> f64 {
        self.share * if self.guessed { tuning::forms::WORTH } else { 1.0 }
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

/// Whether a word that is no stop word begins in lower case. Otherwise, as in a headline, capitals mean nothing.
fn has_lower_case_subject(text: &str) -> bool {
    let mut found = false;
    words(text, |word| {
        found |= !found && word.parts() == 0 && word.is_lower_case() && !is_stopword(&word.folded());
    });
    found
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

/// Words that are no stop words, but mean nothing without others: a query of them and of stop words is searched for as it is.
const DENIALS: [&str; 2] = ["not", "no"];

/// A sentence without its stop words. If the query has no other words, it is one sentence with its stop words.
#[derive(Debug, Default)]
pub(super) struct Sentence {
    /// Its terms in order, repeats included.
    pub sequence: Vec<u32>,
    /// Its distinct terms with their counts.
    pub counts: Vec<(u32, u32)>,
    pub words: Vec<QueryWord>,
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
    let (query, texts) = ParsedQuery::with_texts(&kept, Detail::Terms);
    let questions = query.sentences.iter().zip(texts).filter(|(sentence, _)| sentence.asks);
    let questions: Vec<&str> = questions.map(|(_, text)| text).collect();
    if questions.is_empty() { text.to_owned() } else { questions.join(" ") }
}

impl ParsedQuery {
    /// The whole query.
    pub fn new(text: &str) -> Self {
        Self::with_texts(&both_ends(text, tuning::MAX_QUERY_BYTES), Detail::Words).0
    }

    /// The query without its words and their grams.
    pub fn of_terms(text: &str) -> Self {
        Self::with_texts(&both_ends(text, tuning::MAX_QUERY_BYTES), Detail::Terms).0
    }

    /// The query, and the texts of its sentences.
    fn with_texts(text: &str, detail: Detail) -> (Self, Vec<&str>) {
        let mut query = Self::default();
        let mut texts = most_important(sentences(text).collect());
        texts.retain(|sentence| query.add_sentence(sentence, detail, is_stopword));
        let mut questions: Vec<bool> = texts.iter().map(|sentence| is_question(sentence)).collect();
        if query.terms.iter().all(|term| DENIALS.contains(&&*term.text)) {
            query = Self::default();
            (texts, questions) = (vec![text], vec![false]);
            texts.retain(|text| query.add_sentence(text, detail, |_| false));
        }
        query.set_priors(&questions);
        query.spell_out_umlauts(text);
        (query, texts)
    }

    /// "Übergabe" may be written "Uebergabe". Its terms have no umlauts, so its own text tells.
    fn spell_out_umlauts(&mut self, text: &str) {
        const SPELLED: [(char, &str); 7] =
            [('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('Ä', "Ae"), ('Ö', "Oe"), ('Ü', "Ue"), ('å', "aa")];
        for word in text.split_whitespace().filter(|word| word.contains(SPELLED.map(|(umlaut, _)| umlaut))) {
            let spelled =
                SPELLED.iter().fold(word.to_owned(), |word, (umlaut, pair)| word.replace(*umlaut, pair));
            let [own, other] = [word, &spelled].map(|word| Analyzer::new().term_list(word));
            for (own, other) in own.iter().zip(other).filter(|(own, other)| *own != other) {
                if let Some(number) = self.terms_by_hash.find(term_hash(own)) {
                    self.joined.push((other, vec![number]));
                }
            }
        }
    }

    /// Adds a sentence. Returns false if it has no terms but stop words.
    fn add_sentence(&mut self, text: &str, detail: Detail, stopped: impl Fn(&str) -> bool) -> bool {
        let mut parser = SentenceParser::new(self, text, detail, stopped);
        words(text, |word| parser.add(word));
        let mut sentence = parser.sentence;
        if sentence.sequence.is_empty() {
            return false;
        }
        let mut sorted = sentence.sequence.clone();
        sorted.sort_unstable();
        sentence.counts = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect();
        self.sentences.push(sentence);
        true
    }

    /// Adds a form of a term. Returns false if it is a term of the query, or a form of one, already.
    pub fn add_form(&mut self, form: &Form) -> bool {
        let hash = term_hash(&form.text);
        let new = self.terms_by_hash.find(hash).or(self.forms_by_hash.find(hash)).is_none();
        if new {
            self.forms_by_hash.insert(hash);
            self.forms.push(form.terms.clone());
        }
        new
    }

    fn add_identifier(&mut self, identifier: Identifier) {
        if !self.is_identifier(identifier.whole) {
            self.identifiers.push(identifier);
        }
    }

    /// Whether a term is an identifier as a whole.
    pub fn is_identifier(&self, term: u32) -> bool {
        self.identifiers.iter().any(|identifier| identifier.whole == term)
    }

    /// How often it asks for each term.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.terms.len()];
        let asked = self.sentences.iter().flat_map(|sentence| &sentence.counts);
        asked.for_each(|&(term, count)| counts[term as usize] += count);
        counts
    }

    /// Adds the other writings of its terms that the store has. They count as the terms, also in `frequencies`. Where the store has
    /// "RTX4090", "RTX 4090" counts little.
    pub fn add_writings<S: Statistics>(
        &mut self,
        frequencies: &mut [u64],
        statistics: &S,
    ) -> Result<Vec<Form>, S::Error> {
        let words = self.identifiers.iter().filter(|one| one.is_word && frequencies[one.whole as usize] > 0);
        for &part in words.flat_map(|one| &one.parts) {
            let term = &mut self.terms[part as usize];
            if term.share < 1.0 {
                term.share = tuning::writings::APART;
            }
        }
        let mut found = writings(self, frequencies, statistics)?;
        found.retain(|form| self.add_form(form));
        for form in &found {
            form.terms.iter().for_each(|&term| frequencies[term as usize] += form.frequency);
        }
        Ok(found)
    }

    fn number(&mut self, term: &str) -> u32 {
        let number = self.terms_by_hash.insert(term_hash(term));
        if number as usize == self.terms.len() {
            self.terms.push(QueryTerm {
                text: term.to_owned(),
                sentences: 0,
                names: 0,
                share: 0.0,
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

/// Takes a sentence apart, one word after another.
struct SentenceParser<'a, F> {
    query: &'a mut ParsedQuery,
    text: &'a str,
    detail: Detail,
    stopped: F,
    sentence: Sentence,
    bit: SentenceSet,
    first: bool,
    /// Whether capitals have a meaning, once it is known.
    mixed: Option<bool>,
    compound: Option<OpenCompound>,
    /// The word before, folded, and its terms.
    before: Option<(String, Vec<u32>)>,
}

/// A compound some of whose parts are still to come.
struct OpenCompound {
    /// Its term.
    text: String,
    /// Its number if it is an identifier.
    identifier: Option<u32>,
    missing: usize,
    size: usize,
    parts: Vec<u32>,
}

impl<'a, F: Fn(&str) -> bool> SentenceParser<'a, F> {
    fn new(query: &'a mut ParsedQuery, text: &'a str, detail: Detail, stopped: F) -> Self {
        let bit = 1 << query.sentences.len();
        Self {
            query,
            text,
            detail,
            stopped,
            sentence: Sentence::default(),
            bit,
            first: true,
            mixed: None,
            compound: None,
            before: None,
        }
    }

    fn add(&mut self, word: Word<'_>) {
        if word.parts() > 0 {
            return self.open(word);
        }
        let leads = std::mem::take(&mut self.first);
        let name = word.is_capitalized() && !leads;
        let never_stopped = word.is_never_stopped(leads) && self.is_mixed();
        let folded = word.folded();
        let (mut terms, mut size) = (Vec::new(), 0);
        if never_stopped || !(self.stopped)(&folded) {
            let share = self
                .compound
                .as_ref()
                .filter(|one| one.identifier.is_some())
                .map_or(1.0, |one| 1.0 / one.size as f64);
            word.terms(|surface, term| {
                size += 1;
                if never_stopped || !(self.stopped)(surface) {
                    terms.push(self.ask(term, name, share));
                }
            });
        }
        if self.detail == Detail::Words && size > 0 && word.has_grams() {
            let (mut grams, ids) = (Vec::new(), &mut self.query.grams_by_hash);
            word_grams(&folded, |gram| grams.push(ids.insert(gram.into())));
            self.sentence.words.push(QueryWord { terms: terms.clone(), size, grams });
        }
        if self.compound.is_some() {
            self.continue_compound(&terms);
            return;
        }
        if let (Some((letters, digits)), Some(&whole)) = (word.letters_and_digits(), terms.first()) {
            let parts =
                [letters, digits].map(|part| self.ask(&part.to_ascii_lowercase(), name, 0.5)).to_vec();
            self.query.add_identifier(Identifier { whole, parts, is_word: true });
        }
        self.join(folded, terms, word.has_grams());
    }

    /// Adds a term of the sentence.
    fn ask(&mut self, term: &str, name: bool, share: f64) -> u32 {
        let number = self.query.number(term);
        let term = &mut self.query.terms[number as usize];
        term.sentences |= self.bit;
        term.names |= if name { self.bit } else { 0 };
        term.share = term.share.max(share);
        self.sentence.sequence.push(number);
        number
    }

    fn is_mixed(&mut self) -> bool {
        *self.mixed.get_or_insert_with(|| has_lower_case_subject(self.text))
    }

    /// Begins a compound. An identifier is a term; another compound is found by its parts or written as one word.
    fn open(&mut self, word: Word<'_>) {
        let name = word.is_capitalized() && !self.first;
        let mut text = String::new();
        word.terms(|_, term| term.clone_into(&mut text));
        let identifier = word.is_identifier().then(|| self.ask(&text, name, 1.0));
        let missing = word.parts();
        self.compound = Some(OpenCompound { text, identifier, missing, size: missing, parts: Vec::new() });
        self.before = None;
    }

    fn continue_compound(&mut self, terms: &[u32]) {
        let Some(open) = &mut self.compound else { return };
        open.parts.extend_from_slice(terms);
        open.missing -= 1;
        if open.missing > 0 {
            return;
        }
        let Some(open) = self.compound.take() else { return };
        match open.identifier {
            Some(whole) => self.query.add_identifier(Identifier { whole, parts: open.parts, is_word: false }),
            None if open.parts.is_empty() => _ = self.ask(&open.text, false, 1.0),
            None => self.query.joined.push((open.text, open.parts)),
        }
    }

    /// Remembers that this word and the one before may be written as one. Only the second may be a stop word: "log in".
    fn join(&mut self, folded: String, terms: Vec<u32>, is_word: bool) {
        let before = self.before.take().filter(|(_, before)| is_word && !before.is_empty());
        if let Some((before, mut parts)) = before
            && self.query.joined.len() < tuning::writings::JOINED
            && let Some(joined) = joined(&before, &folded)
        {
            parts.extend_from_slice(&terms);
            self.query.joined.push((joined, parts));
        }
        self.before = is_word.then_some((folded, terms));
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
        assert_eq!(parsed("To be or not to be"), [("to be or not to be".to_owned(), 1.0)]);
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

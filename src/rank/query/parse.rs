//! Parses a query: chooses its sentences, and has them taken apart and weighed.

use std::collections::BTreeSet;

use super::parsed_query::ParsedQuery;
use super::sentence_parser::Detail;
use crate::rank::tuning;
use crate::text::{both_ends, is_question, is_stopword, sentences};

/// Words that are no stop words, but mean nothing without others: a query of them and of stop words is searched for as it is.
const DENIALS: [&str; 2] = ["not", "no"];

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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn stop_words_alone_are_looked_for() {
        let texts = |query| ParsedQuery::new(query).texts();
        assert_eq!(texts("Who are you? Who?"), ["who are you who"]);
        assert_eq!(texts("To be or not to be"), ["to be or not to be"]);
        assert!(texts("?! ...").is_empty());
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

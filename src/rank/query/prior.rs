//! The weights of a query's sentences before the search.

use super::parsed_query::ParsedQuery;
use super::sentence::Sentence;
use super::term::QueryTerm;
use crate::rank::boilerplate::is_boilerplate;
use crate::rank::tuning;

impl ParsedQuery {
    /// A question has the highest prior. Sentences of boilerplate, and very short ones, have low priors.
    pub fn set_priors(&mut self, questions: &[bool]) {
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
        query.texts().into_iter().zip(query.sentences.iter().map(|sentence| sentence.prior)).collect()
    }

    fn priors(text: &str) -> Vec<f64> {
        parsed(text).into_iter().map(|(_, prior)| prior).collect()
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
        let priors = priors("Is the output valid JSON? Bob cooks.");
        assert!((priors[0] - (0.2 + 1.0 + 0.2) / 3.0).abs() < 1e-12 && priors[1] == 1.0, "{priors:?}");
    }

    #[test]
    fn the_order_of_words_does_not_change_what_a_sentence_is_worth() {
        let (short, long) = ("write Alice Alice research.", "Bob research summarize quartz.");
        let [first, second] = [priors(&format!("{short} {long}")), priors(&format!("{long} {short}"))];
        assert_eq!((first[0], first[1]), (second[1], second[0]));
        assert_eq!(first[0], first[1] * (3f64 / 4.0).sqrt());
    }

    #[test]
    fn what_frames_a_request_counts_less_than_the_request() {
        let polite = priors("Hello! The invoice module crashes. Please let me know. Thanks!");
        assert_eq!(polite[1], 1.0);
        assert!(polite.iter().filter(|prior| **prior < 0.3).count() == 3, "{polite:?}");
        assert_eq!(priors("Boom: the invoice module crashes daily"), [0.5, 1.0]);
        assert_eq!(priors("Left or right? It hurts when the long leash is pulled"), [1.0, 0.3]);
    }
}

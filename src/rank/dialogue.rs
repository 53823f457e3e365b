//! A conversation's records speak for each other: a turn that answers often shares no word with the question, but the
//! turn before it does.

use std::collections::HashMap;

use super::evidence;
use super::hybrid::Plan;
use super::passage::label_end;
use super::recipe::dialogue as recipe;
use crate::record::Seq;
use crate::text::{Analyzer, term_hash};

/// A record of a conversation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn<'a> {
    /// Which record it is.
    pub seq: Seq,
    /// Its content.
    pub text: &'a str,
    /// The records before and after it in its scope.
    pub neighbours: [Option<Seq>; 2],
    /// What [`Plan::rank`] ordered it by; 0 for one that was no candidate.
    pub order: f64,
    /// The evidence that it found; 0 for one that was no candidate.
    pub evidence: f64,
}

/// A turn in its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Which of the turns it is.
    pub turn: usize,
    /// Relevance, as of [`Plan::rank`].
    pub score: f64,
    /// What its neighbours and its speaker added to its order.
    pub gained: f64,
}

/// Ranks turns anew: each gets a part of its neighbours' order and evidence, and more if the query names its speaker
/// and not everybody. Equals keep the order in which they were given.
pub fn rank(plan: &Plan, turns: &[Turn<'_>]) -> Vec<Heard> {
    let greatest = turns.iter().map(|turn| turn.order).fold(f64::MIN_POSITIVE, f64::max);
    let places: HashMap<Seq, usize> = turns.iter().enumerate().map(|(i, turn)| (turn.seq, i)).collect();
    let named: Vec<bool> = turns.iter().map(|turn| plan.names_speaker(turn.text)).collect();
    let candidates = || turns.iter().zip(&named).filter(|(turn, _)| turn.order > 0.0);
    let telling = candidates().any(|(_, named)| *named) && !candidates().all(|(_, named)| *named);
    let heard = |(i, turn): (usize, &Turn<'_>)| {
        let around = turn.neighbours.map(|seq| seq.and_then(|seq| places.get(&seq)).map(|&at| &turns[at]));
        let [before, after] = around.map(|other| other.map_or(0.0, |other| other.order / greatest));
        let own = turn.order / greatest;
        let mut order = own + recipe::BEFORE * before + recipe::AFTER * after;
        if telling && named[i] {
            order *= recipe::SPEAKER;
        }
        let near = around.into_iter().flatten().map(|other| other.evidence).fold(0.0, f64::max);
        (i, order, order - own, turn.evidence.max(recipe::EVIDENCE * near))
    };
    let mut heard: Vec<(usize, f64, f64, f64)> = turns.iter().enumerate().map(heard).collect();
    heard.sort_by(|a, b| b.1.total_cmp(&a.1));
    let scores = evidence::scores(heard.iter().map(|&(.., evidence)| evidence));
    heard.iter().zip(scores).map(|(&(turn, _, gained, _), score)| Heard { turn, score, gained }).collect()
}

impl Plan {
    /// Does the text begin with a label ("Alice: ...") that the query names in full?
    pub fn names_speaker(&self, text: &str) -> bool {
        let label = Analyzer::new().term_list(&text[..label_end(text)]);
        !label.is_empty() && label.iter().all(|term| self.asks_for(term_hash(term)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(seq: Seq, text: &str, order: f64) -> Turn<'_> {
        Turn { seq, text, neighbours: [Some(seq - 1), Some(seq + 1)], order, evidence: order }
    }

    fn order(query: &str, turns: &[Turn<'_>]) -> Vec<Seq> {
        rank(&Plan::new(query), turns).into_iter().map(|heard| turns[heard.turn].seq).collect()
    }

    #[test]
    fn the_turn_after_a_good_one_beats_a_stranger() {
        let turns = [turn(1, "Where do you live?", 1.0), turn(9, "live", 0.2), turn(2, "In Rome.", 0.0)];
        assert_eq!(order("where does she live", &turns), [1, 2, 9]);
    }

    #[test]
    fn the_speaker_that_the_query_names_comes_first_among_equals() {
        let turns = [turn(1, "Bob: tea, please", 1.0), turn(5, "Alice: tea, please", 1.0)];
        assert_eq!(order("what did Alice order", &turns), [5, 1]);
        assert_eq!(order("what did Alice and Bob order", &turns), [1, 5]);
    }

    #[test]
    fn scores_never_rise() {
        let turns: Vec<Turn<'_>> = (0..20).map(|i| turn(i, "Al: x", (i * 7 % 11) as f64)).collect();
        let heard = rank(&Plan::new("x"), &turns);
        assert!(heard.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(heard.iter().all(|heard| (0.0..=1.0).contains(&heard.score)));
    }
}

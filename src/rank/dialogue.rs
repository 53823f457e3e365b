//! A conversation's records speak for each other: a turn that answers often shares no word with the question, but the
//! turn before it does.

use std::collections::HashMap;

use super::Texts;
use super::evidence;
use super::hybrid::HybridQuery;
use super::tuning::dialogue as tuning;
use crate::record::Seq;

/// A record of a conversation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// Which record it is.
    pub seq: Seq,
    /// The records before and after it in its scope.
    pub neighbours: [Option<Seq>; 2],
    /// What [`HybridQuery::rank`] ordered it by; 0 for one that was no candidate.
    pub order: f64,
    /// The evidence that it found; 0 for one that was no candidate.
    pub evidence: f64,
}

/// A turn in its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedTurn {
    /// Which of the turns it is.
    pub turn: usize,
    /// Relevance, as of [`HybridQuery::rank`].
    pub score: f64,
    /// What its neighbours and its speaker added to its order.
    pub boost: f64,
}

/// Ranks turns anew, some of `texts`: each gets a part of its neighbours' order and evidence, and more if the query names its speaker
/// and not everybody. Equals keep the order in which they were given.
pub fn rank(plan: &HybridQuery, texts: &Texts, turns: &[Turn]) -> Vec<RankedTurn> {
    let greatest = turns.iter().map(|turn| turn.order).fold(f64::MIN_POSITIVE, f64::max);
    let places: HashMap<Seq, usize> = turns.iter().enumerate().map(|(i, turn)| (turn.seq, i)).collect();
    let named: Vec<bool> = turns.iter().map(|turn| plan.names_speaker(texts, turn.seq)).collect();
    let candidates = || turns.iter().zip(&named).filter(|(turn, _)| turn.order > 0.0);
    let telling = candidates().any(|(_, named)| *named) && !candidates().all(|(_, named)| *named);
    let heard = |(i, turn): (usize, &Turn)| {
        let around = turn.neighbours.map(|seq| seq.and_then(|seq| places.get(&seq)).map(|&at| &turns[at]));
        let [before, after] = around.map(|other| other.map_or(0.0, |other| other.order / greatest));
        let own = turn.order / greatest;
        let mut order = own + tuning::BEFORE * before + tuning::AFTER * after;
        if telling && named[i] {
            order *= tuning::SPEAKER;
        }
        let near = around.into_iter().flatten().map(|other| other.evidence).fold(0.0, f64::max);
        (i, order, order - own, turn.evidence.max(tuning::EVIDENCE * near))
    };
    let mut heard: Vec<(usize, f64, f64, f64)> = turns.iter().enumerate().map(heard).collect();
    heard.sort_by(|a, b| b.1.total_cmp(&a.1));
    let scores = evidence::scores(heard.iter().map(|&(.., evidence)| evidence));
    heard.iter().zip(scores).map(|(&(turn, _, boost, _), score)| RankedTurn { turn, score, boost }).collect()
}

impl HybridQuery {
    /// Does the text begin with a label ("Alice: ...") that the query names in full?
    fn names_speaker(&self, texts: &Texts, seq: Seq) -> bool {
        let mut label = texts.label(seq).map(|term| self.asks_for(term)).peekable();
        label.peek().is_some() && label.all(|asked| asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::fake_statistics::FakeStatistics;

    /// Turns by number, text, and order.
    fn heard(query: &str, turns: &[(Seq, &str, f64)]) -> Vec<(Seq, RankedTurn)> {
        let mut texts = Texts::default();
        turns.iter().for_each(|&(seq, text, _)| texts.read(seq, text));
        let turn = |&(seq, _, order): &(Seq, &str, f64)| Turn {
            seq,
            neighbours: [Some(seq - 1), Some(seq + 1)],
            order,
            evidence: order,
        };
        let turns: Vec<Turn> = turns.iter().map(turn).collect();
        let Ok(plan) = HybridQuery::new(query, &FakeStatistics::default());
        let heard = rank(&plan, &texts, &turns);
        heard.into_iter().map(|heard| (turns[heard.turn].seq, heard)).collect()
    }

    fn order(query: &str, turns: &[(Seq, &str, f64)]) -> Vec<Seq> {
        heard(query, turns).into_iter().map(|(seq, _)| seq).collect()
    }

    #[test]
    fn the_turn_after_a_good_one_beats_a_stranger() {
        let turns = [(1, "Where do you live?", 1.0), (9, "live", 0.2), (2, "In Rome.", 0.0)];
        assert_eq!(order("where does she live", &turns), [1, 2, 9]);
    }

    #[test]
    fn the_speaker_that_the_query_names_comes_first_among_equals() {
        let turns = [(1, "Bob: tea, please", 1.0), (5, "Alice: tea, please", 1.0)];
        assert_eq!(order("what did Alice order", &turns), [5, 1]);
        assert_eq!(order("what did Alice and Bob order", &turns), [1, 5]);
    }

    #[test]
    fn scores_never_rise() {
        let turns: Vec<(Seq, &str, f64)> = (0..20).map(|i| (i, "Al: x", (i * 7 % 11) as f64)).collect();
        let heard = heard("x", &turns);
        assert!(heard.windows(2).all(|pair| pair[0].1.score >= pair[1].1.score));
        assert!(heard.iter().all(|(_, heard)| (0.0..=1.0).contains(&heard.score)));
    }
}

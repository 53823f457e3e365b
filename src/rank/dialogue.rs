//! Ranking of conversations: a turn gains from its neighbours. An answer often shares no word with the query, but the turn
//! before it does.

use std::collections::HashMap;

use super::Texts;
use super::calibration::{self, Signs};
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
    /// The value that [`HybridQuery::rank`] sorts by; 0 for a turn that is no candidate.
    pub order: f64,
    /// What its score is computed from; nothing for a turn that is no candidate.
    pub signs: Signs,
}

/// A turn with its rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedTurn {
    /// Its index among the given turns.
    pub turn: usize,
    /// Relevance in `0..=1`, as of [`HybridQuery::rank`].
    pub score: f64,
    /// What the score is computed from, with the value that turns are sorted by.
    pub signs: Signs,
    /// What its neighbours and its speaker add to its order.
    pub boost: f64,
}

/// Sorts turns, best first. Each gains a share of the order, the evidence and the support of its neighbours. A turn whose
/// speaker the query names gains more, unless the query names the speakers of all candidates. Equal turns keep their order.
/// `texts` holds the texts of the turns.
pub fn rank(query: &HybridQuery, texts: &Texts, turns: &[Turn]) -> Vec<RankedTurn> {
    let greatest = turns.iter().map(|turn| turn.order).fold(f64::MIN_POSITIVE, f64::max);
    let indexes: HashMap<Seq, usize> = turns.iter().enumerate().map(|(i, turn)| (turn.seq, i)).collect();
    let named: Vec<bool> = turns.iter().map(|turn| query.names_speaker(texts, turn.seq)).collect();
    let candidates = || turns.iter().zip(&named).filter(|(turn, _)| turn.order > 0.0);
    let names_tell = candidates().any(|(_, named)| *named) && !candidates().all(|(_, named)| *named);
    let boosted = |(i, turn): (usize, &Turn)| {
        let around = turn.neighbours.map(|seq| seq.and_then(|seq| indexes.get(&seq)).map(|&i| &turns[i]));
        let [before, after] = around.map(|other| other.map_or(0.0, |other| other.order / greatest));
        let own = turn.order / greatest;
        let mut order = own + tuning::BEFORE * before + tuning::AFTER * after;
        if names_tell && named[i] {
            order *= tuning::SPEAKER;
        }
        let near = around.into_iter().flatten().map(|other| other.signs);
        (i, order - own, near.fold(Signs { order, ..turn.signs }, gain))
    };
    let mut boosted: Vec<(usize, f64, Signs)> = turns.iter().enumerate().map(boosted).collect();
    boosted.sort_by(|a, b| b.2.order.total_cmp(&a.2.order));
    let signs: Vec<Signs> = boosted.iter().map(|&(.., signs)| signs).collect();
    boosted
        .iter()
        .zip(calibration::scores(&signs))
        .map(|(&(turn, boost, signs), score)| RankedTurn { turn, score, signs, boost })
        .collect()
}

/// What a neighbour's signs make of a turn's own.
fn gain(own: Signs, near: Signs) -> Signs {
    Signs {
        evidence: own.evidence.max(tuning::EVIDENCE * near.evidence),
        support: own.support.max(tuning::EVIDENCE * near.support),
        ..own
    }
}

impl HybridQuery {
    /// Whether the text begins with a label ("Alice: ...") whose terms are all in the query.
    fn names_speaker(&self, texts: &Texts, seq: Seq) -> bool {
        let mut label = texts.label(seq).map(|term| self.asks_for(term)).peekable();
        label.peek().is_some() && label.all(|asked| asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::fake_statistics::FakeStatistics;

    /// The ranked turns. A turn is given as its seq, its text, and its order, which is its evidence too.
    fn ranked(query: &str, turns: &[(Seq, &str, f64)]) -> Vec<(Seq, RankedTurn)> {
        let mut texts = Texts::default();
        turns.iter().for_each(|&(seq, text, _)| texts.read(seq, text));
        let turn = |&(seq, _, order): &(Seq, &str, f64)| Turn {
            seq,
            neighbours: [Some(seq - 1), Some(seq + 1)],
            order,
            signs: Signs { order, evidence: order, ..Signs::default() },
        };
        let turns: Vec<Turn> = turns.iter().map(turn).collect();
        let Ok(query) = HybridQuery::new(query, &FakeStatistics::default());
        let ranked = rank(&query, &texts, &turns);
        ranked.into_iter().map(|ranked| (turns[ranked.turn].seq, ranked)).collect()
    }

    fn order(query: &str, turns: &[(Seq, &str, f64)]) -> Vec<Seq> {
        ranked(query, turns).into_iter().map(|(seq, _)| seq).collect()
    }

    #[test]
    fn the_turn_after_a_match_comes_before_an_unrelated_record() {
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
        let ranked = ranked("x", &turns);
        assert!(ranked.windows(2).all(|pair| pair[0].1.score >= pair[1].1.score));
        assert!(ranked.iter().all(|(_, turn)| (0.0..=1.0).contains(&turn.score)));
    }
}

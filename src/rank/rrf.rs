//! Reciprocal rank fusion of two lists (Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and
//! individual rank learning methods", 2009).

use std::collections::HashMap;

use super::Scored;
use crate::record::Seq;

/// The constant of the formula `1 / (K + rank)`.
const K: f64 = 60.0;

/// Fuses two lists, each best first. Records are sorted by the sum of `1 / (K + rank)`; of equal sums the newer record comes
/// first. A record's score is the greater of its two scores, or the score of the record before it if that is less: scores
/// never rise in the list.
pub fn fuse(lists: [Vec<Scored>; 2]) -> Vec<Scored> {
    let mut fused: HashMap<Seq, (f64, Scored)> = HashMap::new();
    for list in lists {
        for (rank, found) in list.into_iter().enumerate() {
            let share = 1.0 / (K + 1.0 + rank as f64);
            match fused.get_mut(&found.seq) {
                Some((sum, other)) => {
                    *sum += share;
                    other.score = other.score.max(found.score);
                    other.explain.extend(found.explain);
                    other.passage = other.passage.or(found.passage);
                }
                None => drop(fused.insert(found.seq, (share, found))),
            }
        }
    }
    let mut fused: Vec<(f64, Scored)> = fused.into_values().collect();
    fused.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(y.seq.cmp(&x.seq)));
    let mut ceiling = 1.0f64;
    let lowered = |(sum, mut found): (f64, Scored)| {
        ceiling = ceiling.min(found.score);
        found.score = ceiling;
        found.explain.push(("rrf", sum));
        found
    };
    fused.into_iter().map(lowered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scores: &[(Seq, f64)]) -> Vec<Scored> {
        scores.iter().map(|&(seq, score)| Scored { seq, score, explain: Vec::new(), passage: None }).collect()
    }

    fn fused(lists: [&[(Seq, f64)]; 2]) -> Vec<(Seq, f64)> {
        fuse(lists.map(list)).iter().map(|found| (found.seq, found.score)).collect()
    }

    #[test]
    fn a_record_of_both_lists_comes_first() {
        let found = fuse([list(&[(1, 0.9), (2, 0.8)]), list(&[(3, 0.7), (2, 0.6)])]);
        let seqs: Vec<Seq> = found.iter().map(|found| found.seq).collect();
        assert_eq!(seqs, [2, 3, 1], "of equals the newer comes first");
        assert_eq!(found[0].explain, [("rrf", 2.0 / 62.0)]);
    }

    #[test]
    fn scores_never_rise() {
        assert_eq!(fused([&[(1, 0.2), (2, 0.1)], &[(1, 0.3), (3, 0.9)]]), [(1, 0.3), (3, 0.3), (2, 0.1)]);
    }

    #[test]
    fn an_empty_list_changes_no_order() {
        assert_eq!(fused([&[(1, 0.5), (2, 0.4)], &[]]), [(1, 0.5), (2, 0.4)]);
        assert!(fused([&[], &[]]).is_empty());
    }
}

//! Words that stand for each other: "December" and "Dec", "second" and "2nd".

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::text::{Analyzer, ambiguous_stems};

/// Words that stand for each other, one group a line. The first of a group is found by the others and finds them.
const GROUPS: &str = "\
    january jan
    february feb
    march mar
    april apr
    june jun
    july jul
    august aug
    september sep sept
    october oct
    november nov
    december dec
    monday mon
    tuesday tue tues
    wednesday wed
    thursday thu thur thurs
    friday fri
    saturday sat
    sunday sun
    first 1st
    second 2nd
    third 3rd
    fourth 4th
    fifth 5th
    sixth 6th
    seventh 7th
    eighth 8th
    ninth 9th
    tenth 10th
    eleventh 11th
    twelfth 12th
    thirteenth 13th
    fourteenth 14th
    fifteenth 15th
    sixteenth 16th
    seventeenth 17th
    eighteenth 18th
    nineteenth 19th
    twentieth 20th
    thirtieth 30th
    two 2
    three 3
    four 4
    five 5
    six 6
    seven 7
    eight 8
    nine 9
    ten 10
    eleven 11
    twelve 12";

/// For each term of [`GROUPS`] and each word with ambiguous forms, the terms that stand for it.
static GROUPS_BY_TERM: LazyLock<FxHashMap<String, Vec<String>>> = LazyLock::new(|| {
    let listed = GROUPS.lines().map(|line| Analyzer::new().term_list(line));
    let mut groups: FxHashMap<String, Vec<String>> = FxHashMap::default();
    for group in listed.chain(ambiguous_stems()) {
        let Some((word, others)) = group.split_first() else { continue };
        for other in others.iter().filter(|other| *other != word) {
            groups.entry(word.clone()).or_default().push(other.clone());
            groups.entry(other.clone()).or_default().push(word.clone());
        }
    }
    groups
});

/// The terms that stand for a term.
pub(super) fn others(term: &str) -> &'static [String] {
    GROUPS_BY_TERM.get(term).map_or(&[], |others| others)
}

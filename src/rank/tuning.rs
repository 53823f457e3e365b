//! The numbers of the hybrid ranking, all of them.
//!
//! Unless said otherwise they were chosen together on development halves of nine public sets: dialogue memory (LoCoMo,
//! also wrapped in task descriptions; MemDaily, Chinese), abstracts (Cranfield), web passages (MS MARCO), code (CoSQA)
//! and question answering (XQuAD in three languages); one setting for all.

/// Of a longer query only its two ends are looked at, half of this from each.
pub const MAX_QUERY_BYTES: usize = 16_384;

/// Of a query with more sentences only questions and those near its two ends count.
pub const MAX_SENTENCES: usize = 32;

/// Of a query with more distinct terms only the weightiest are looked up by the first stage.
pub const MAX_TERMS: usize = 256;

/// How many records the first stage hands to the second: more change hardly anything but the time it takes.
pub const CANDIDATES: usize = 64;

/// The second stage reads candidates, best first, as long as they add up to no more than this; at least one.
pub const TEXT_BYTES: usize = 65_536;

/// What a sentence is worth beside a question in the same query.
pub const BESIDE_QUESTION: f64 = 0.3;

/// What a word is worth that speaks of the task rather than of what is looked for ("summarize", "output", "step").
pub const BOILERPLATE_WORD: f64 = 0.2;

/// A question whose words are worth less than this on average is about the task: "Is the output valid JSON?"
pub const QUESTION_WORTH: f64 = 0.5;

/// A sentence with fewer distinct terms than this counts less beside one with more: "Thanks!", "Error:".
pub const SENTENCE_TERMS: usize = 4;

/// Term-frequency saturation of the second stage, which reads prose and dialogue better with less than
/// [`bm25::K1`](super::bm25::K1).
pub const K1: f64 = 0.9;
/// How much a record's length matters to the second stage, and where most candidates have a label, as turns of a
/// conversation do.
pub const B: f64 = 0.5;
/// See [`B`].
pub const LABELLED_B: f64 = 0.4;

/// What each signal adds to the ranking, after division by the greatest of all candidates.
pub mod weight {
    /// BM25 of the query's terms, sentences weighted by how well some candidate covers them.
    pub const TERMS: f64 = 1.0;
    /// BM25 of the character 4-grams of the query's words.
    pub const GRAMS: f64 = 0.6;
    /// The same, rare ones among the candidates counting more.
    pub const RARE_GRAMS: f64 = 0.5;
    /// Query terms at the beginning.
    pub const LEAD: f64 = 0.4;
    /// Neighbours in the query that are neighbours here.
    pub const PAIRS: f64 = 0.3;
    /// Query terms in a label such as "Alice: ...", if all candidates have one; less if fewer have, nothing if half have.
    pub const LABEL: f64 = 0.3;
    /// BM25 of the terms that the best candidates have in common.
    pub const FEEDBACK: f64 = 0.4;
}

/// Neighbouring query terms count as a pair in a text if at most one other term is between them.
pub const PAIR_DISTANCE: u32 = 2;

/// What may stand before the colon of a label, and in brackets after it ("Acme (Customer): ...").
pub mod label {
    /// Words in all.
    pub const WORDS: usize = 3;
    /// Characters before the brackets.
    pub const CHARS: usize = 31;
    /// Characters in the brackets.
    pub const BRACKET_CHARS: usize = 20;
}

/// Which terms of the store stand for terms of the query, see [`super::forms`].
pub mod forms {
    /// Of a query no more terms are looked for in other forms.
    pub const WORDS: usize = 16;
    /// Forms of a term.
    pub const FORMS: usize = 8;
    /// They are chosen from so many of the most like terms.
    pub const LIKE: usize = 64;
    /// Shorter words have none, shorter parts are no words.
    pub const LETTERS: usize = 4;
    /// Letters that all forms begin with.
    pub const START: usize = 2;
    /// Part of the longer of two forms that they begin with.
    pub const PREFIX: f64 = 0.55;
    /// Letters that may follow it.
    pub const ENDING: usize = 4;
    /// How much less like than the best a form may be.
    pub const NEAR: f64 = 0.2;
    /// In stores of no more terms, repeats included, compounds are found by their ends: all terms are looked at.
    pub const SCANNED: u64 = 100_000;
    /// What it is worth to the ranking to find a form of a term that no record holds.
    pub const WORTH: f64 = 0.7;
    /// And what to the score.
    pub const PROOF: f64 = 0.3;
}

/// Rocchio feedback (Rocchio, "Relevance feedback in information retrieval", 1971) from candidates alone.
pub mod feedback {
    /// How many of the best candidates are believed.
    pub const TEXTS: usize = 10;
    /// How many of their terms are looked for.
    pub const TERMS: usize = 30;
    /// Shares of [`GRAMS`](super::weight::GRAMS) and [`LEAD`](super::weight::LEAD) in finding the best candidates.
    pub const GRAMS: f64 = 0.4;
    /// See [`GRAMS`].
    pub const LEAD: f64 = 0.3;
}

/// From the evidence for a hit to its score; chosen so that evidence known to be relevant scores 0.6 and more, and
/// questions about something else find nothing that does.
pub mod score {
    /// Records that a store is taken to have besides its own when idf is computed: in a store of ten records no word
    /// is known to be rare.
    pub const MORE_RECORDS: u64 = 20;
    /// Weight of the terms of a sentence that is not too common to prove something.
    pub const WHOLE: f64 = 2.5;
    /// Weight of a capitalized word that does not begin its sentence: most likely a name.
    pub const NAME: f64 = 1.5;
    /// Matched terms that make evidence better; more do not.
    pub const MATCHES: u32 = 4;
    /// The evidence of the best of this many hits stands in for what the store knows.
    pub const TOP: usize = 10;
    /// Share of that best evidence, as against the hit's own.
    pub const TOP_SHARE: f64 = 0.5;
    /// `score = 1 - exp(-STEEPNESS * evidence)`.
    pub const STEEPNESS: f64 = 2.2;
}

/// What turns of a conversation give each other, see [`super::dialogue`].
pub mod dialogue {
    /// Part of the order of the record before.
    pub const BEFORE: f64 = 0.25;
    /// Part of the order of the record after.
    pub const AFTER: f64 = 0.15;
    /// Factor for a record whose speaker the query names.
    pub const SPEAKER: f64 = 1.3;
    /// Part of a neighbour's evidence that counts as one's own.
    pub const EVIDENCE: f64 = 0.5;
}

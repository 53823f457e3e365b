//! All constants of the hybrid ranking.
//!
//! Unless stated otherwise they were tuned together, one value for all sets, on the development halves of nine public sets:
//! dialogue memory (LoCoMo, also wrapped in task descriptions; MemDaily, Chinese), abstracts (Cranfield), web passages
//! (MS MARCO), code (CoSQA) and question answering (XQuAD in three languages).

/// The longest query that is read in full. Of a longer one, half of this from each end is read.
pub const MAX_QUERY_BYTES: usize = 16_384;

/// The most sentences of a query. Of a longer query, questions and the sentences near its two ends count.
pub const MAX_SENTENCES: usize = 32;

/// The most terms in the first stage. Of a query with more distinct terms the heaviest are looked up.
pub const MAX_TERMS: usize = 256;

/// How many candidates the first stage gives to the second. More of them take more time and hardly change the result.
pub const CANDIDATES: usize = 56;

/// The second stage reads candidates, best first, up to this total size.
pub const TEXT_BYTES: usize = 2_097_152;
/// No text counts more in this sum, however long it is: so at least the best eight are always read, as a whole.
pub const COUNTED_BYTES: usize = 262_144;

/// In a collection of so many records, half of what a common word weighs less in a very small one is left.
pub const BACKGROUND: f32 = 100.0;

/// Factor for the priors of the other sentences if a query has a question.
pub const BESIDE_QUESTION: f64 = 0.3;

/// Worth of a boilerplate word, which describes the task instead of the subject ("summarize", "output", "step"). Other words
/// have a worth of 1.
pub const BOILERPLATE_WORD: f64 = 0.2;

/// A question whose words have a lower mean worth than this is about the task: "Is the output valid JSON?"
pub const QUESTION_WORTH: f64 = 0.5;

/// A sentence with fewer distinct terms than this counts less if another one has more: "Thanks!", "Error:".
pub const SENTENCE_TERMS: usize = 4;

/// Term-frequency saturation in the second stage. Prose and dialogue rank better with less than
/// [`bm25::K1`](super::bm25::K1).
pub const K1: f64 = 0.9;
/// How much a record's length matters in the second stage.
pub const B: f64 = 0.5;
/// The same where most candidates have a label, as the turns of a conversation do.
pub const LABELLED_B: f64 = 0.4;

/// In both stages a record counts as at most so many times as long as the mean record: a long one is not worth less for what
/// stands beside its best passage.
pub const LONGEST: f64 = 4.0;

/// Passages of long texts, see [`super::window`].
pub mod passage {
    /// Texts of at most so many bytes are one passage.
    pub const BYTES: usize = 2_500;
    /// Sentences with more bytes are cut.
    pub const PIECE_BYTES: usize = 500;
    /// The most terms of a passage.
    pub const TERMS: u32 = 150;
}

/// The weight of each signal. Before it is weighted, a signal is divided by its greatest value among the candidates.
pub mod weight {
    /// BM25 of the query's terms. A sentence weighs more the better some candidate covers it.
    pub const TERMS: f64 = 1.0;
    /// BM25 of the character 4-grams of the query's words.
    pub const GRAMS: f64 = 0.6;
    /// The same, but grams that few candidates hold count more.
    pub const RARE_GRAMS: f64 = 0.5;
    /// Query terms at the beginning of the text.
    pub const LEAD: f64 = 0.4;
    /// Neighbouring terms of the query that are neighbours in the text.
    pub const PAIRS: f64 = 0.3;
    /// Query terms in a label such as "Alice: ...". This is the weight if all candidates have a label. It falls linearly to 0
    /// if half of them have one.
    pub const LABEL: f64 = 0.3;
    /// BM25 of the terms that the best candidates have in common.
    pub const FEEDBACK: f64 = 0.4;
}

/// Neighbouring query terms count as a pair in a text if at most one other term is between them.
pub const PAIR_DISTANCE: u32 = 2;

/// Limits of a label and of the brackets that it may end with ("Acme (Customer): ...").
pub mod label {
    /// Words in the label and the brackets.
    pub const WORDS: usize = 3;
    /// Characters before the brackets.
    pub const CHARS: usize = 31;
    /// Characters in the brackets.
    pub const BRACKET_CHARS: usize = 20;
}

/// Forms: terms of the store that stand for terms of the query, see [`super::forms`].
pub mod forms {
    /// Most terms of a query whose forms are searched for.
    pub const WORDS: usize = 16;
    /// Most forms of a term.
    pub const FORMS: usize = 8;
    /// Least letters of a word that has forms, and of a part of a compound.
    pub const LETTERS: usize = 4;
    /// Letters that a word and its forms have in common at the beginning.
    pub const START: usize = 2;
    /// Least length of the common prefix of two inflected forms, as a share of the longer one.
    pub const PREFIX: f64 = 0.55;
    /// Most letters after the common prefix.
    pub const ENDING: usize = 4;
    /// How much less similar than the best form another form may be.
    pub const NEAR: f64 = 0.2;
    /// In stores with at most this many terms, repeats included, all terms are compared, which also finds compounds by their
    /// last part.
    pub const SCANNED: u64 = 100_000;
    /// Factor for the idf of a term that no record holds, only its forms.
    pub const WORTH: f64 = 0.7;
    /// Factor for the weight of such a term in the evidence.
    pub const PROOF: f64 = 0.4;
}

/// Writings: terms of the store that are another way to write a term of the query, see [`super::writings`].
pub mod writings {
    /// Most pairs of neighbouring words of a query that are looked up as one word.
    pub const JOINED: usize = 16;
    /// Least letters of a word in which "ue" may stand for "ü".
    pub const LETTERS: usize = 5;
    /// Least letters of a word without its prefix.
    pub const STEM: usize = 3;
    /// Least characters of a hash or a number that is found by its beginning.
    pub const CODE: usize = 6;
    /// Most terms with the same beginning: more of them do not tell which is meant.
    pub const FEW: usize = 3;
    /// Most terms with the same beginning that are looked at.
    pub const VISITED: usize = 64;
    /// Factor for the weight of the letters and the digits of a word alone, in a store that has the whole word.
    pub const APART: f64 = 0.04;
    /// Factor for the weight of a writing in the first stage: the query's own writing comes first.
    pub const WEIGHT: f64 = 0.8;
}

/// What the order gains from words that are spelled as in the query, see [`super::spelling`].
pub mod spelling {
    /// If all words of the query have accents, and a text has all of them.
    pub const ACCENTS: f64 = 0.05;
    /// The same for words without accents, where sums are equal.
    pub const TIE: f64 = 1e-10;
    /// Sums that differ by this are equal.
    pub const ROUNDING: f64 = 1e-12;
}

/// Pseudo-relevance feedback by Rocchio ("Relevance feedback in information retrieval", 1971).
pub mod feedback {
    /// How many of the best candidates are assumed to be relevant.
    pub const TEXTS: usize = 10;
    /// How many of their terms are used.
    pub const TERMS: usize = 30;
    /// Weight of the signal of grams in the choice of the best candidates, besides the signal of terms.
    pub const GRAMS: f64 = 0.4;
    /// Weight of the signal of the lead there.
    pub const LEAD: f64 = 0.3;
}

/// The evidence for a hit, see [`super::evidence`], and its score, see [`super::calibration`].
pub mod score {
    /// Records added to the number of records when idf is computed: ten records do not show whether a word is rare.
    pub const MORE_RECORDS: u64 = 20;
    /// Total weight of the terms of a sentence from which on a full match is full evidence. Common words alone weigh less.
    pub const WHOLE: f64 = 2.5;
    /// Factor for a capitalized word that does not begin its sentence, which is probably a name.
    pub const NAME: f64 = 1.5;
    /// Most that the parts of an identifier prove when it is not there as a whole, as a share of it.
    pub const PARTS: f64 = 0.3;
    /// Most matched terms that count. The evidence grows with the square root of their number.
    pub const MATCHES: u32 = 4;
    /// Words of a question that are in a text in order count as one wording if each is at most so many terms after the last.
    pub const APART: u32 = 4;
    /// Least prior of a sentence that asks, so that its wording counts.
    pub const ASKED: f64 = 0.5;

    /// The log-odds of a hit without support and lead. Fitted by `benches/calibrate.py`, as the two below.
    pub const BASE: f64 = -3.74;
    /// Log-odds for full support.
    pub const SUPPORT: f64 = 2.1;
    /// Log-odds for each unit of evidence with the whole lead.
    pub const EVIDENCE_LEAD: f64 = 5.89;
    /// Log-odds for each square of the distance of a record's cosine from the mean of all, in deviations. Chosen with MiniLM, and
    /// with embedders that know words alone or nothing.
    pub const NEAR: f64 = 0.04;
    /// A hit's lead is over the hit so many places behind it. There may be several relevant ones.
    pub const BEHIND: usize = 5;
    /// Least score of a text that holds the whole question.
    pub const WHOLE_QUESTION: f64 = 0.6;
    /// Greatest score of a text that lacks a part of an identifier that the question names.
    pub const OTHER_IDENTIFIER: f64 = 0.4;
    /// The first hits, whose scores tell whether the query is answered.
    pub const ANSWER: usize = 10;
}

/// How texts and vectors are fused, see [`super::fusion`]. Tuned on the sets named above and on paraphrases, with vectors of
/// all-MiniLM-L6-v2, and with random vectors, which must not harm.
pub mod fusion {
    /// `known = 1 - exp(-STEEPNESS * evidence)`.
    pub const STEEPNESS: f64 = 2.2;
    /// The greatest evidence among this many of the first hits counts.
    pub const TOP: usize = 10;
    /// The weight of a vector that is trusted.
    pub const WEIGHT: f64 = 0.04;
    /// How many of the first hits show whether the embedder is to be trusted.
    pub const LEADING: usize = 3;
    /// Their mean distance, in deviations, from which on it is.
    pub const TRUSTED: f64 = 3.0;
    /// How many of the nearest records take part, whatever the limit.
    pub const NEAREST: usize = 100;
}

/// What a turn of a conversation gains from its neighbours, see [`super::dialogue`].
pub mod dialogue {
    /// Share of the order of the record before.
    pub const BEFORE: f64 = 0.25;
    /// Share of the order of the record after.
    pub const AFTER: f64 = 0.15;
    /// Factor for a record whose speaker the query names.
    pub const SPEAKER: f64 = 1.3;
    /// Share of a neighbour's evidence and support that counts as the turn's own.
    pub const EVIDENCE: f64 = 0.5;
}

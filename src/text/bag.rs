//! The terms of a text, counted.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::Analyzer;

/// The distinct terms of a text with their counts, in the order of first occurrence. The full text and the index need nothing
/// else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bag {
    joined: String,
    counts: Vec<TermCount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TermCount {
    bytes: u32,
    times: u32,
}

impl Bag {
    /// The greatest length that is told apart from others.
    pub const LONGEST: u64 = 1000;

    /// The terms of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut filler = Filler::new(text.len());
        Analyzer::new().terms(text, |term| filler.add(term));
        filler.bag
    }

    /// The distinct terms, joined by blanks.
    #[must_use]
    pub fn joined(&self) -> &str {
        &self.joined
    }

    /// The distinct terms with their counts.
    pub fn terms(&self) -> impl Iterator<Item = (&str, u32)> {
        let mut start = 0;
        self.counts.iter().map(move |count| {
            let end = start + count.bytes as usize;
            let term = &self.joined[start..end];
            start = end + 1;
            (term, count.times)
        })
    }

    /// How often each of the distinct terms occurs.
    pub fn counts(&self) -> impl Iterator<Item = u32> {
        self.counts.iter().map(|count| count.times)
    }

    /// Whether the text has no term, as an empty or a blank text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The length of the text in search statistics: the number of its terms, repeats included, but at most
    /// [`Bag::LONGEST`]. So a few long records leave the mean length that of the others.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.counts().map(u64::from).sum::<u64>().min(Self::LONGEST)
    }
}

/// Counts given terms. None may be empty or contain a blank.
impl<'a> FromIterator<&'a str> for Bag {
    fn from_iter<T: IntoIterator<Item = &'a str>>(terms: T) -> Self {
        let mut filler = Filler::new(0);
        terms.into_iter().for_each(|term| filler.add(term));
        filler.bag
    }
}

struct Filler {
    bag: Bag,
    places: HashTable<TermLocation>,
}

/// The start of a term in the joined text, and its index among the counts.
struct TermLocation {
    start: usize,
    number: usize,
}

impl Filler {
    /// For a text of this many bytes.
    fn new(bytes: usize) -> Self {
        /// Longer texts repeat most of their terms.
        const MOST: usize = 512;
        let distinct = (bytes / 6).min(MOST);
        let bag = Bag { joined: String::with_capacity(bytes), counts: Vec::with_capacity(distinct) };
        Self { bag, places: HashTable::with_capacity(distinct) }
    }

    fn add(&mut self, term: &str) {
        let Bag { joined, counts } = &mut self.bag;
        let text =
            |place: &TermLocation| &joined.as_bytes()[place.start..][..counts[place.number].bytes as usize];
        let hash = hash(term.as_bytes());
        if let Some(&TermLocation { number, .. }) =
            self.places.find(hash, |place| text(place) == term.as_bytes())
        {
            counts[number].times += 1;
            return;
        }
        if !joined.is_empty() {
            joined.push(' ');
        }
        let place = TermLocation { start: joined.len(), number: counts.len() };
        joined.push_str(term);
        counts.push(TermCount { bytes: term.len() as u32, times: 1 });
        let text =
            |place: &TermLocation| &joined.as_bytes()[place.start..][..counts[place.number].bytes as usize];
        self.places.insert_unique(hash, place, |place| self::hash(text(place)));
    }
}

fn hash(term: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(term);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Slow and obvious.
    fn counted(terms: &[String]) -> Vec<(&str, u32)> {
        let mut counted: Vec<(&str, u32)> = Vec::new();
        for term in terms {
            match counted.iter_mut().find(|(known, _)| known == term) {
                Some((_, times)) => *times += 1,
                None => counted.push((term, 1)),
            }
        }
        counted
    }

    proptest! {
        #[test]
        fn it_counts_what_the_analyzer_finds(text in "([a-c]{1,2}[ .]|\\PC|한국|parseJson ){0,200}") {
            let terms = Analyzer::new().term_list(&text);
            let expected = counted(&terms);
            let bag = Bag::of(&text);
            prop_assert_eq!(bag.terms().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(bag.length(), (terms.len() as u64).min(Bag::LONGEST));
            let joined = expected.iter().map(|(term, _)| *term).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(bag.joined(), joined);
            prop_assert_eq!(terms.iter().map(String::as_str).collect::<Bag>(), bag);
        }
    }
}

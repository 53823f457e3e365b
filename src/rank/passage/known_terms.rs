//! The terms of a query that the candidates may hold.

use std::borrow::Cow;

use crate::rank::hash_ids::HashIds;
use crate::rank::query::ParsedQuery;
use crate::text::TermInterner;

/// The terms of a query, and their forms, that the interner knows.
pub struct KnownTerms<'a> {
    /// Ids of the interner.
    terms: HashIds,
    /// The numbers of the query's terms, for each of them.
    numbers: Vec<Cow<'a, [u32]>>,
}

impl<'a> KnownTerms<'a> {
    pub fn new(query: &'a ParsedQuery, interner: &TermInterner) -> Self {
        let mut known = Self { terms: HashIds::default(), numbers: Vec::new() };
        let terms =
            (0..).zip(query.terms_by_hash.keys()).map(|(number, hash)| (Cow::Owned(vec![number]), hash));
        let forms = query.forms.iter().map(|terms| Cow::Borrowed(&**terms)).zip(query.forms_by_hash.keys());
        for (numbers, &hash) in terms.chain(forms) {
            if let Some(term) = interner.number_of(hash) {
                known.terms.insert(term.into());
                known.numbers.push(numbers);
            }
        }
        known
    }

    /// The numbers of the query's terms that a term of a text is or stands for.
    #[inline]
    pub fn numbers(&self, term: u32) -> &[u32] {
        self.terms.find(term.into()).map_or(&[], |i| &self.numbers[i as usize])
    }
}

//! Umlauts of a query that are written as two letters.

use super::parsed_query::ParsedQuery;
use crate::text::{Analyzer, term_hash};

impl ParsedQuery {
    /// "Übergabe" may be written "Uebergabe". Its terms have no umlauts, so its own text tells.
    pub fn spell_out_umlauts(&mut self, text: &str) {
        const SPELLED: [(char, &str); 7] =
            [('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('Ä', "Ae"), ('Ö', "Oe"), ('Ü', "Ue"), ('å', "aa")];
        if text.is_ascii() {
            return;
        }
        for word in text.split_whitespace().filter(|word| word.contains(SPELLED.map(|(umlaut, _)| umlaut))) {
            let spelled =
                SPELLED.iter().fold(word.to_owned(), |word, (umlaut, pair)| word.replace(*umlaut, pair));
            let [own, other] = [word, &spelled].map(|word| Analyzer::new().term_list(word));
            for (own, other) in own.iter().zip(other).filter(|(own, other)| *own != other) {
                if let Some(number) = self.terms_by_hash.find(term_hash(own)) {
                    self.joined.push((other, vec![number]));
                }
            }
        }
    }
}

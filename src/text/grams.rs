//! Character n-grams: the terms of scripts without spaces between words, and the grams by which words of other scripts are
//! compared.

/// Characters in a gram of [`word_grams`].
const LENGTH: usize = 4;

/// Calls `emit` with every sequence of `n` neighbouring characters. A run of fewer characters has none.
pub(super) fn grams(run: &str, n: usize, emit: &mut dyn FnMut(&str)) {
    let ends = run.char_indices().map(|(start, c)| start + c.len_utf8()).skip(n.saturating_sub(1));
    for ((start, _), end) in run.char_indices().zip(ends) {
        emit(&run[start..end]);
    }
}

/// Calls `emit` with a hash of every four neighbouring characters of a folded word that has a blank on each side. A word of one
/// character has one gram of three. A word shares most of its grams with its inflected forms and its parts.
pub fn word_grams(folded: &str, mut emit: impl FnMut(u32)) {
    let mut window = [0u32; LENGTH];
    let mut seen = 0;
    for c in [' '].into_iter().chain(folded.chars()).chain([' ']) {
        window = [window[1], window[2], window[3], c as u32];
        seen += 1;
        if seen >= LENGTH {
            emit(hash(window));
        }
    }
    if seen == LENGTH - 1 {
        emit(hash(window));
    }
}

/// Three characters of 21 bits fit into one word; the fourth is mixed in. The result is the high half, which is well mixed.
#[inline]
fn hash([a, b, c, d]: [u32; LENGTH]) -> u32 {
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    let three = u64::from(a) << 42 | u64::from(b) << 21 | u64::from(c);
    let mixed = (three ^ u64::from(d).wrapping_mul(MIX)).wrapping_mul(MIX);
    ((mixed ^ mixed >> 29).wrapping_mul(MIX) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn list(run: &str, n: usize) -> Vec<String> {
        let mut list = Vec::new();
        grams(run, n, &mut |gram| list.push(gram.to_owned()));
        list
    }

    fn of_word(word: &str) -> Vec<u32> {
        let mut hashes = Vec::new();
        word_grams(word, |hash| hashes.push(hash));
        hashes
    }

    #[test]
    fn neighbouring_grams_share_all_but_one_character() {
        assert_eq!(list("日本語", 2), ["日本", "本語"]);
        assert_eq!(list("日本語", 1), ["日", "本", "語"]);
    }

    #[test]
    fn a_run_that_is_too_short_has_no_grams() {
        assert!(list("日本", 3).is_empty());
        assert!(list("", 1).is_empty());
    }

    #[test]
    fn words_have_a_gram_for_each_position() {
        let table = [("", 0), ("a", 1), ("ab", 1), ("abc", 2), ("запрос", 5)];
        for (word, grams) in table {
            assert_eq!(of_word(word).len(), grams, "{word}");
        }
    }

    #[test]
    fn similar_words_share_grams_and_others_do_not() {
        let of = |word: &str| of_word(word).into_iter().collect::<HashSet<_>>();
        assert_eq!(of("parsers").intersection(&of("parsing")).count(), 2);
        assert_eq!(of("versicherung").intersection(&of("krankenversicherung")).count(), 10);
        assert!(of("parsers").is_disjoint(&of("outlook")));
    }
}

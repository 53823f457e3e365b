//! Character n-grams: the words of scripts that write none, and likeness between the words of the others.

/// Characters in a gram of [`word_grams`].
const LENGTH: usize = 4;

/// Emits every sequence of `n` neighbouring characters; nothing if there are fewer.
pub(super) fn grams(run: &str, n: usize, emit: &mut dyn FnMut(&str)) {
    let ends = run.char_indices().map(|(start, c)| start + c.len_utf8()).skip(n.saturating_sub(1));
    for ((start, _), end) in run.char_indices().zip(ends) {
        emit(&run[start..end]);
    }
}

/// Emits a hash of every four neighbouring characters of a folded word with a blank on each side; of all three if it
/// is a single character. Forms and parts of a word share most of theirs.
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

/// Three characters of 21 bits fit into one word, the fourth is mixed in; the high half is well mixed.
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
    fn overlap_by_all_but_one_character() {
        assert_eq!(list("日本語", 2), ["日本", "本語"]);
        assert_eq!(list("日本語", 1), ["日", "本", "語"]);
    }

    #[test]
    fn too_short_a_run_has_none() {
        assert!(list("日本", 3).is_empty());
        assert!(list("", 1).is_empty());
    }

    #[test]
    fn words_have_as_many_grams_as_places_for_them() {
        let table = [("", 0), ("a", 1), ("ab", 1), ("abc", 2), ("запрос", 5)];
        for (word, grams) in table {
            assert_eq!(of_word(word).len(), grams, "{word}");
        }
    }

    #[test]
    fn like_words_share_grams_and_others_do_not() {
        let of = |word: &str| of_word(word).into_iter().collect::<HashSet<_>>();
        assert_eq!(of("parsers").intersection(&of("parsing")).count(), 2);
        assert_eq!(of("versicherung").intersection(&of("krankenversicherung")).count(), 10);
        assert!(of("parsers").is_disjoint(&of("outlook")));
    }
}

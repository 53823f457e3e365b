//! Stop words: words of queries that say nothing about the subject. Queries are searched without them; records keep all their
//! terms.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::fold;
use super::stem::stem;

/// English function words and question words, and what the tokenizer leaves of them. "Not" and "no" are none: who asks for what is
/// not so wants nothing else.
const ENGLISH: &str = "\
    a an and are as at be but by for if in into is it of on or such that the their then there these they \
    this to was will with what when where who whom whose which why how did does do doing done has have had \
    having he she his her him hers i me my mine we us our you your yours its them theirs been being am were \
    would could should can may might must shall about from so than too very just also any some \
    s t d ll m re ve";

/// The most frequent stop words of German, French, Spanish, Italian, Portuguese, Dutch, Russian, Arabic, Turkish, Greek and
/// Hindi, without those that are names or have a meaning in English.
const OTHERS: &str = "\
    der das ist sind wer wo wann wie warum wieso welche welcher welches welchen welchem wieviel wieviele viele und \
    oder ein eine einer eines einem einen dem des von zu zum zur auf sich im bei nach aus als auch wird wurde \
    wurden werden haben hatte ich sie wir ihr mein meine sein seine \
    les une du sont qui que quoi ou quand pourquoi quel quelle quels quelles dans avec et elle ils elles nous vous \
    je ce cette ces au ne \
    las unos unas quien quienes cuando donde como cual cuales cuanto cuantos es por para sus \
    gli dei della delle cosa quando perche quale quali di da nel nella \
    um quem onde qual quais na \
    het een wat waar wanneer waarom welke zijn voor \
    кто что где когда как какой какая какие какое каком почему сколько в во на и с со по из у к о об это был \
    была было были он она они мы вы я для от до ли \
    من ما ماذا متى اين كيف لماذا هل هو هي في على الى عن \
    ve bir bu nerede nasil neden hangi ile icin \
    ο η το οι τα του της των τι ποιος ποια ποιο που ποτε πως και με σε για απο ειναι \
    का के की में है हैं को से ने पर और क्या कौन कब कहाँ कैसे क्यों कितने";

/// English stop words that are names when they are capitalized within a sentence: The Who, Will, May, the band Them, the film Her.
const NAMES: &str = "\
    he her him how it may me might she them then there they this us we what when where who why will you";

/// Chinese particles. A pair of characters with a particle in it is no word.
const PARTICLES: [char; 8] = ['的', '了', '吗', '呢', '呀', '啊', '吧', '么'];
/// Chinese question words, and other frequent words.
const CHINESE: [&str; 11] =
    ["什么", "多少", "哪里", "哪个", "哪些", "谁", "怎么", "是", "来着", "哪", "是什"];

static SURFACES: LazyLock<FxHashSet<String>> = LazyLock::new(|| {
    let words = ENGLISH.split_ascii_whitespace().chain(OTHERS.split_ascii_whitespace());
    words
        .map(|word| {
            let mut folded = String::new();
            fold::case(&fold::spelling(word), &mut folded);
            folded
        })
        .collect()
});

static STEMS: LazyLock<FxHashSet<String>> =
    LazyLock::new(|| ENGLISH.split_ascii_whitespace().map(|word| stem(word).into_owned()).collect());

/// Whether a case-folded word is a stop word that is often a name.
pub(super) fn may_be_name(folded: &str) -> bool {
    NAMES.split_ascii_whitespace().any(|name| name == folded)
}

/// Whether a case-folded word is a stop word. The word is not stemmed: "does" is a stop word, "doe" is not.
pub fn is_stopword(folded: &str) -> bool {
    SURFACES.contains(folded)
}

/// Whether `term`, as the analyzer emits it, is the stem of an English stop word.
pub fn is_stop_term(term: &str) -> bool {
    STEMS.contains(term)
}

/// Whether `term` is a Chinese particle or question word, or a pair of characters with a particle in it.
pub fn is_particle(term: &str) -> bool {
    term.starts_with(|c: char| !c.is_ascii())
        && term.chars().nth(2).is_none()
        && (term.contains(PARTICLES) || CHINESE.contains(&term))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Analyzer, words};

    #[test]
    fn a_question_keeps_what_it_is_about() {
        let table = [
            ("Why doesn't Alice's brother do any of these very long runs?", "not alic brother long run"),
            ("Wann ist die Besprechung, und für wen?", "die besprechung fur wen"),
            ("Где находится офис?", "находится офис"),
            ("متى الاجتماع؟", "الاجتماع"),
            ("Πότε είναι της συνάντησης;", "συναντησησ"),
        ];
        for (question, kept) in table {
            let mut terms = Vec::new();
            words(question, |word| {
                word.terms(|surface, term| {
                    if !is_stopword(surface) {
                        terms.push(term.to_owned());
                    }
                });
            });
            assert_eq!(terms.join(" "), kept);
        }
    }

    #[test]
    fn stop_terms_are_stems() {
        assert!(
            is_stop_term("veri") && is_stop_term("ani") && !is_stop_term("very") && !is_stop_term("long")
        );
    }

    #[test]
    fn pairs_with_a_particle_are_particles() {
        let terms = Analyzer::new().term_list("谁的手机");
        let kept: Vec<&String> = terms.iter().filter(|term| !is_particle(term)).collect();
        assert_eq!(kept, ["手", "机", "手机"]);
    }
}

//! Boilerplate: the words of task descriptions and of polite messages.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use crate::text::Analyzer;

/// Words that occur in tasks, prompts, expected outputs and polite messages on any subject.
const WORDS: &str = "\
    accurate additional agent analyse analysis analyze answer appropriate assess assist assistant \
    available brief briefing bullet careful carefully check cite clear clearly collect comma compare \
    compile complete completely comprehensive concise conclusion consider content context correct create \
    current data dear describe detail detailed determine document draft ensure error evaluate examine \
    example execute expect expected expert explain explore extract fact final find finding focus follow \
    following form format gather generate goal guess guideline heading hello help hey hi highlight hope \
    identify important include information input insight instruction invent invention investigate item \
    json key kindly know knowledge language length let limit list look main make markdown material \
    memory mention message necessary note objective outline output paragraph perform please point \
    prepare present previous process produce professional prompt provide quality question read reader \
    recommendation reference regards relevant remain report request require requirement research resolve \
    respond response result return review role search section sentence share short show sincerely source \
    specific state step structure structured study style submit successful successfully suggest \
    summarise summarize summary support table task team tell text thank thorough title tone tool topic \
    uncertain understand use useful user verify well word work working write";

static TERMS: LazyLock<FxHashSet<String>> =
    LazyLock::new(|| Analyzer::new().term_list(WORDS).into_iter().collect());

/// Whether `term`, as the analyzer emits it, is boilerplate: it describes the task instead of the subject.
pub(super) fn is_boilerplate(term: &str) -> bool {
    TERMS.contains(term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_word_are_boilerplate_and_subjects_are_not() {
        for word in ["summarize", "Summarizing", "outputs", "JSON", "step"] {
            assert!(Analyzer::new().term_list(word).iter().all(|term| is_boilerplate(term)), "{word}");
        }
        assert!(!is_boilerplate("database") && !is_boilerplate("alic"));
    }
}

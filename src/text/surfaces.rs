//! The terms of a run before they are stemmed.

use super::cut::MAX_TERM_BYTES;
use super::script::{Script, is_kana_modifier};
use super::{grams, identifier};

/// Calls `emit` with the terms of a run before they are stemmed.
pub(super) fn surfaces(script: Script, run: &str, emit: &mut dyn FnMut(&str)) {
    match script {
        Script::Word => identifier::surfaces(run, emit),
        Script::Ideographic => {
            grams::grams(run, 1, &mut |gram| {
                if !is_kana_modifier(gram) {
                    emit(gram);
                }
            });
            grams::grams(run, 2, emit);
        }
        Script::Hangul => {
            let whole = run.len() <= MAX_TERM_BYTES;
            if whole {
                emit(run);
            }
            if !whole || run.chars().nth(2).is_some() {
                grams::grams(run, 2, emit);
            }
        }
        Script::SoutheastAsian if run.chars().nth(3).is_some() => grams::grams(run, 3, emit),
        Script::SoutheastAsian | Script::Emoji => emit(run),
    }
}

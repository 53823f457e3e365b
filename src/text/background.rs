//! The background: how common words are in texts of any kind. A small collection does not tell which of its words are rare.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::Analyzer;

/// The rarities of very common and of common words. All others have 1.
const VERY_COMMON: f32 = 0.5;
const COMMON: f32 = 0.75;

/// English words of notes and messages on any subject, chosen by hand. Stop words are not among them: queries lack those.
const WORDS_VERY_COMMON: &str = "\
    ask back become begin big call change come day different end even ever every feel first get give go good great happen \
    know last late let life like little live long look lot love make many may mean more most much need never new next \
    now old one only other out over own part people place plan put really right run same say see seem set show small \
    start still stop take talk tell thing think time today together try turn two up use user want way week well while \
    without work world year yes yesterday";

/// The same, less frequent.
const WORDS_COMMON: &str = "\
    able account add address age agree allow always amount answer area arrive away bad base best better book both bring build \
    business buy care case cause check child city class close company consider contain control cost could country couple \
    course create customer cut date deal decide decision detail develop difference difficult discuss done down drive during \
    early easy eat either email enjoy enough event everyone everything example expect experience explain face fact fall family \
    far fast favorite few final find fine follow food form free friend front full fun future game general group grow guy half \
    hand hard head hear help high hold home hope hour house however idea important include increase information inside \
    interest issue item job join just keep kind large learn least leave left less level line list local lose low main man \
    manage manager market matter maybe meet meeting member message mind minute miss mom moment money month morning mother \
    move name near nice night note nothing number offer office often once open option order person phone pick play please \
    point possible practice prefer present price problem process product program project provide question quick read ready \
    real reason receive recent recently remember report request require rest result return review room rule safe sale \
    save school second send serve service several share short sign similar simple since single sit situation size skill sleep \
    someone something sometimes soon sort sound space special spend stand state stay step story street strong student study \
    such support sure system table task teach team term test thank though thought three through ticket total tomorrow top \
    toward town travel trip type under understand until update usual usually value various version view visit wait walk watch \
    weekend welcome went whole wife win woman wonder word worry write wrong yet young";

static RARITIES: LazyLock<FxHashMap<String, f32>> = LazyLock::new(|| {
    let tiers = [(WORDS_COMMON, COMMON), (WORDS_VERY_COMMON, VERY_COMMON)];
    let terms =
        |(words, rarity)| Analyzer::new().term_list(words).into_iter().map(move |term| (term, rarity));
    tiers.into_iter().flat_map(terms).collect()
});

/// How rare `term`, as the analyzer emits it, is in texts of any kind, in `0..=1`: the factor for its idf in a collection that is
/// too small to tell.
pub fn rarity(term: &str) -> f32 {
    RARITIES.get(term).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_known_in_all_their_forms() {
        for word in ["people", "Worked", "days"] {
            assert!(Analyzer::new().term_list(word).iter().all(|term| rarity(term) == VERY_COMMON), "{word}");
        }
        assert_eq!([rarity("messag"), rarity("手机"), rarity("zeppelin")], [COMMON, 1.0, 1.0]);
    }
}

//! The terms of sample texts, and properties that hold for any text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::Xxh3;

use super::cut::MAX_TERM_BYTES;
use super::{Analyzer, TERMS_FINGERPRINT};

fn terms(text: &str) -> Vec<String> {
    Analyzer::new().term_list(text)
}

/// Texts and their terms, separated by blanks.
#[track_caller]
fn assert_terms(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(terms(text).join(" "), *expected, "{text}");
    }
}

/// Pairs of texts with the same terms.
#[track_caller]
fn assert_same(table: &[(&str, &str)]) {
    for (one, other) in table {
        assert_eq!(terms(one), terms(other), "{one} / {other}");
    }
}

#[test]
fn english() {
    assert_terms(&[
        ("Alice prefers email over phone.", "alic prefer email over phone"),
        ("the runners' running shoes", "the runner run shoe"),
        ("I don't think we’ll need O'Brien's car", "i not think we need o brien car"),
        ("at 1:56 pm on 8 May, 2023: $1,000.50", "at 1_56 1 56 pm on 8 may 2023 1000_50 1000 50"),
        ("e-mail me@example.org!", "email e mail me_exampleorg me exampl org"),
        ("They paid two men; he broke a tooth.", "they pay two man he break a tooth"),
        ("naïve café résumé", "naiv cafe resum"),
    ]);
}

#[test]
fn european_languages() {
    assert_same(&[
        ("Straße Größe Übung", "STRASSE grosse ubung"),
        ("garçon où élève Œuvre", "garcon ou eleve oeuvre"),
        ("niño corazón ¿qué?", "nino corazon que"),
        ("Ångström smørbrød", "angstrom smorbrod"),
        ("Łódź żółć", "lodz zolc"),
        ("İstanbul'da ISPARTA ılık", "istanbul da isparta ilik"),
        ("Οδυσσεύς ΟΔΥΣΣΕΥΣ", "οδυσσεύς οδυσσευς"),
        ("Ещё Алёна", "еще АЛЕНА"),
    ]);
    assert_terms(&[("l'homme d'État", "l homm d etat"), ("Май, йод", "май йод"), ("п’ять", "п ять")]);
}

#[test]
fn arabic_and_hebrew() {
    assert_terms(&[("السَّلَامُ عَلَيْكُمْ", "السلام عليكم"), ("שָׁלוֹם עולם", "שלום עולם")]);
    assert_same(&[("أحمد إلى مكتبـــة", "احمد الي مكتبه"), ("می\u{200C}خواهم ۱۲", "ميخواهم 12")]);
}

#[test]
fn hindi_and_other_indic_scripts_keep_their_signs() {
    assert_terms(&[("हिन्दी में लिखो।", "हिन्दी में लिखो"), ("தமிழ் மொழி", "தமிழ் மொழி"), ("२०२४", "2024")]);
}

#[test]
fn thai_has_trigrams() {
    assert_terms(&[("สวัสดี", "สวั วัส ัสด สดี"), ("ไป 2 ปี", "ไป 2 ปี"), ("ກິນ", "ກິນ")]);
}

#[test]
fn chinese_and_japanese_have_characters_and_pairs() {
    assert_terms(&[
        ("我喜欢茶。", "我 喜 欢 茶 我喜 喜欢 欢茶"),
        ("iPhone手机", "iphon i phone 手 机 手机"),
        ("東京タワー", "東 京 タ ワ 東京 京タ タワ ワー"),
        ("人々は", "人 々 は 人々 々は"),
    ]);
    assert_same(&[("ｶﾞｲﾄﾞ", "ガイド"), ("２０２４年", "2024年")]);
}

#[test]
fn korean_has_words_and_pairs() {
    assert_terms(&[
        ("서울에서 만나요", "서울에서 서울 울에 에서 만나요 만나 나요"),
        ("한글 나", "한글 나"),
        ("삼성SDS", "삼성 sds"),
    ]);
}

#[test]
fn vietnamese() {
    assert_same(&[("Tiếng Việt ở Đà Nẵng", "tieng viet o da nang")]);
}

#[test]
fn identifiers_are_found_whole_and_by_their_parts() {
    assert_terms(&[
        ("max_retry_count", "max_retry_count max retri count"),
        ("parseJsonFile()", "parsejsonfil pars json file"),
        ("HTTPServer2", "httpserver2 http server2"),
        ("__init__ _private", "init privat"),
        ("std::vec::Vec<u8>", "std vec vec u8"),
        ("MAX_LEN=64", "max_len max len 64"),
        ("___", ""),
    ]);
}

#[test]
fn joined_words_are_found_whole_and_by_their_parts() {
    assert_terms(&[
        ("POL-358 wi-fi", "pol358 pol 358 wifi wi fi"),
        ("v1.2.3 or 12.3", "v1_2_3 v1 2 3 or 12_3 12 3"),
        ("U.S.A., e.g. Node.js", "usa u s a eg e g nodej node js"),
        ("1,000,000 but 3-1", "1000000 but 3_1 3 1"),
        ("555-867-5309 on 2024-05-17", "5558675309 555 867 5309 on 20240517 2024 05 17"),
        ("C, C++ or C#; .NET, Notepad++, A+", "c cpp or csharp dotnet net notepadpp notepad aplus"),
        ("AT&T: well\u{2010}known", "att at t wellknown well know"),
        ("POL-358's onboarding", "pol358 pol 358 onboard"),
        ("手机-x", "手 机 手机 x"),
    ]);
    assert_same(&[("Ｃ＋＋ ５，０００", "C++ 5,000"), ("can't won't isn’t", "not not not")]);
}

#[test]
fn emoji_are_terms_and_other_symbols_are_none() {
    assert_terms(&[
        ("I ❤️ it 👍🏽🚀", "i ❤ it 👍 🚀"),
        ("👩‍💻 🇩🇪🇫🇷", "👩 💻 🇩🇪 🇫🇷"),
        ("→ • © € … «»", ""),
        ("a\0b\u{FFFD}c\u{200B}d", "a b c d"),
    ]);
}

#[test]
fn texts_of_any_length_are_analyzed() {
    for unit in ["x", "xY", "_x", "手", "한", "ไ", "😀", "e\u{301}", "'s", "\u{FDFA}", "\u{301}", "_"] {
        let text = unit.repeat(100_000);
        let chars = text.nfkd().count();
        let mut count = 0;
        Analyzer::new().terms(&text, |term| {
            assert!(term.len() <= MAX_TERM_BYTES);
            count += 1;
        });
        assert!(count <= 2 * chars, "{unit:?}: {count} terms");
    }
    assert_eq!(terms(&"x".repeat(100)), terms(&"x".repeat(64)));
}

#[test]
fn a_callback_can_analyze_texts() {
    Analyzer::new().terms("one two", |term| assert_eq!(terms(term), [term]));
}

/// Texts of any characters. Characters with special rules are frequent.
pub fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        "'’_aAzZ09 #+-.,@&=ßẞİÅ\u{212A}\u{37E}\u{1FEF}≠ıﬁǅéйёΣς\u{301}\u{306}\u{308}\u{327}\u{345}ـأةَשּׁहि्न\u{200C}\u{200D}\u{AD}ไำ\u{0E33}手々ー゛か\u{3099}ｶﾞ한ㅎ\u{1112}\u{1161}😀🏽🇩\u{FE0F}①½㍿ﷺ"
            .chars()
            .collect::<Vec<_>>(),
    );
    prop::collection::vec(
        prop_oneof![3 => special, 1 => any::<char>(), 1 => prop::char::range(' ', '~')],
        0..60,
    )
    .prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn terms_are_well_formed(text in text()) {
        let terms = terms(&text);
        for term in &terms {
            prop_assert!(!term.is_empty() && term.len() <= MAX_TERM_BYTES);
            prop_assert!(
                term.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_') || !c.is_ascii() && !c.is_whitespace()),
                "{term:?}"
            );
            prop_assert_eq!(&term.nfc().collect::<String>(), term);
        }
        prop_assert!(terms.len() <= 2 * text.nfkd().count());
    }

    #[test]
    fn the_unicode_normal_form_does_not_matter(text in text()) {
        let expected = terms(&text);
        prop_assert_eq!(terms(&text.nfc().collect::<String>()), &expected[..]);
        prop_assert_eq!(terms(&text.nfd().collect::<String>()), &expected[..]);
    }

    #[test]
    fn cached_chunks_have_the_same_terms(text in text()) {
        let first = terms(&text);
        prop_assert_eq!(terms(&text), &first[..]);
        prop_assert_eq!(std::thread::spawn(move || terms(&text)).join().unwrap(), first);
    }

    #[test]
    fn case_does_not_matter_to_plain_words(text in "([a-z]{1,9}[0-9]{0,3}[ .,'-]){0,20}") {
        prop_assert_eq!(terms(&text), terms(&text.to_ascii_uppercase()));
    }

    #[test]
    fn a_plain_word_is_one_term(word in "[A-Za-z]?[a-z0-9]{1,70}|[A-Z]{1,70}|[а-яё]{1,40}") {
        prop_assert_eq!(terms(&word).len(), 1);
    }

    #[test]
    fn terms_without_stems_do_not_change_when_they_are_analyzed_again(text in "[а-я0-9 א-ת]{0,60}") {
        let once = terms(&text);
        prop_assert_eq!(terms(&once.join(" ")), once);
    }

    #[test]
    fn the_terms_of_joined_texts_are_the_joined_terms(one in text(), other in text()) {
        let both = terms(&format!("{one} {other}"));
        prop_assert_eq!(both, [terms(&one), terms(&other)].concat());
    }
}

/// Every rule of the analyzer applies to some of these texts.
fn fingerprint_samples() -> impl Iterator<Item = String> {
    let characters = ('\0'..='\u{3FFFF}').map(|c| format!("{c} a{c}b {c}{c}{c}{c}"));
    let texts = [
        "Zoë's parsers don't parseJson HTTPServer2 max_retry_count",
        "我喜欢茶。iPhone手机",
        "서울에서 만나요",
        "สวัสดี",
        "POL-358 wi-fi v1.2.3 1,000,000 3-1 me@x.org 1:56 C++ C# A+ .NET isn't サーバー ッ",
        super::irregular::WORDS,
    ];
    let stems = ["", "a", "by", "ab", "baby", "gener", "commun", "hop", "rat", "skis", "news", "succeed"];
    let endings = super::snowball::endings();
    let words = stems.into_iter().flat_map(move |stem| {
        let endings = endings.clone();
        let pairs = endings.clone().into_iter().flat_map(move |first| {
            endings.clone().into_iter().map(move |second| format!("{stem}{first}{second}"))
        });
        pairs.collect::<Vec<_>>()
    });
    characters.chain(texts.map(str::to_owned)).chain(words)
}

#[test]
fn the_analyzer_version_stands_for_the_terms() {
    let mut hash = Xxh3::new();
    for text in fingerprint_samples() {
        Analyzer::new().terms(&text, |term| {
            hash.update(term.as_bytes());
            hash.update(b" ");
        });
        hash.update(b"\n");
    }
    let found = hash.digest();
    assert_eq!(
        found, TERMS_FINGERPRINT,
        "texts have other terms than before: raise ANALYZER_VERSION, so that stores are indexed again, and set \
         TERMS_FINGERPRINT to {found:#018x}"
    );
}

/// `cargo test --release --no-default-features text::tests::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, reason = "its result is for people")]
fn speed() {
    // Texts of 35 words with 2 to 9 letters. As in language, few words are very frequent.
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let words: Vec<String> =
        (0..30_000).map(|_| (0..2 + next(8)).map(|_| char::from(b'a' + next(26) as u8)).collect()).collect();
    let mut word = || {
        let range = 1 + next(words.len() as u64);
        words[next(range) as usize].as_str()
    };
    let records: Vec<String> =
        (0..100_000).map(|_| (0..35).map(|_| word()).collect::<Vec<_>>().join(" ") + ".").collect();

    let start = std::time::Instant::now();
    let mut count = 0;
    for record in &records {
        Analyzer::new().terms(record, |_| count += 1);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} terms, {:.0} records/s", records.len() as f64 / seconds);
}

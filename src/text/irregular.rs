//! Irregular forms of English words: verbs, plurals, and plurals from Latin and Greek.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::snowball::regular_stem;

/// A word and its irregular forms, one word a line. Forms that are usually another word are left out: see `ambiguous.rs`.
pub(super) const WORDS: &str = "\
    arise arose arisen
    awake awoke awoken
    beat beaten
    become became
    befall befell befallen
    begin began begun
    behold beheld
    bend bent
    beseech besought
    bind bound
    bite bitten
    bleed bled
    blow blew blown
    break broke broken
    breed bred
    bring brought
    build built
    burn burnt
    buy bought
    catch caught
    choose chose chosen
    cling clung
    come came
    creep crept
    deal dealt
    dig dug
    draw drew drawn
    dream dreamt
    drink drank drunk
    drive drove driven
    dwell dwelt
    eat ate eaten
    fall fell fallen
    feed fed
    feel felt
    fight fought
    find found
    flee fled
    fling flung
    fly flew flown
    forbid forbade forbidden
    foresee foresaw foreseen
    forget forgot forgotten
    forgive forgave forgiven
    forsake forsook forsaken
    freeze froze frozen
    get got gotten
    give gave given
    go went gone
    grow grew grown
    hang hung
    hear heard
    hide hid hidden
    hold held
    keep kept
    kneel knelt
    know knew known
    lay laid
    lead led
    lean leant
    leap leapt
    learn learnt
    leave left
    lend lent
    light lit
    lose lost
    make made
    mean meant
    meet met
    mislead misled
    mistake mistook mistaken
    misunderstand misunderstood
    mow mown
    outgrow outgrew outgrown
    overcome overcame
    overdo overdid overdone
    overhear overheard
    oversee oversaw overseen
    oversleep overslept
    overtake overtook overtaken
    overthrow overthrew overthrown
    pay paid
    prove proven
    rebuild rebuilt
    redo redid redone
    repay repaid
    resell resold
    retell retold
    rethink rethought
    rewind rewound
    rewrite rewrote rewritten
    ride rode ridden
    ring rang rung
    rise risen
    run ran
    say said
    see saw seen
    seek sought
    sell sold
    send sent
    sew sewn
    shake shook shaken
    shine shone
    shoot shot
    show shown
    shrink shrank shrunk
    sing sang sung
    sink sank sunk
    sit sat
    slay slew slain
    sleep slept
    slide slid
    sling slung
    slink slunk
    smell smelt
    sow sown
    speak spoke spoken
    speed sped
    spell spelt
    spend spent
    spill spilt
    spin spun
    spit spat
    spoil spoilt
    spring sprang sprung
    stand stood
    steal stole stolen
    stick stuck
    sting stung
    stink stank stunk
    stride strode stridden
    strike struck stricken
    string strung
    strive strove striven
    swear swore sworn
    sweep swept
    swell swollen
    swim swam swum
    swing swung
    take took taken
    teach taught
    tear tore torn
    tell told
    think thought
    throw threw thrown
    tread trod trodden
    undergo underwent undergone
    understand understood
    undertake undertook undertaken
    undo undid undone
    uphold upheld
    wake woke woken
    wear wore worn
    weave wove woven
    weep wept
    win won
    withdraw withdrew withdrawn
    withhold withheld
    withstand withstood
    wring wrung
    write wrote written
    child children
    foot feet
    goose geese
    louse lice
    man men
    mouse mice
    ox oxen
    penny pence
    person people
    tooth teeth
    woman women
    businessman businessmen
    businesswoman businesswomen
    chairman chairmen
    craftsman craftsmen
    fireman firemen
    fisherman fishermen
    foreman foremen
    freshman freshmen
    gentleman gentlemen
    grandchild grandchildren
    policeman policemen
    postman postmen
    salesman salesmen
    spokesman spokesmen
    stepchild stepchildren
    calf calves
    dwarf dwarves
    elf elves
    half halves
    hoof hooves
    knife knives
    loaf loaves
    scarf scarves
    shelf shelves
    thief thieves
    wife wives
    housewife housewives
    midwife midwives
    wolf wolves
    werewolf werewolves
    yourself yourselves
    addendum addenda
    aquarium aquaria
    bacterium bacteria
    curriculum curricula
    datum data
    erratum errata
    memorandum memoranda
    millennium millennia
    moratorium moratoria
    ovum ova
    quantum quanta
    referendum referenda
    spectrum spectra
    stadium stadia
    stratum strata
    symposium symposia
    alga algae
    alumna alumnae
    antenna antennae
    formula formulae
    larva larvae
    nebula nebulae
    vertebra vertebrae
    alumnus alumni
    bacillus bacilli
    cactus cacti
    focus foci
    fungus fungi
    hippopotamus hippopotami
    locus loci
    nucleus nuclei
    octopus octopi
    radius radii
    stimulus stimuli
    syllabus syllabi
    terminus termini
    thesaurus thesauri
    apex apices
    appendix appendices
    codex codices
    cortex cortices
    helix helices
    index indices
    matrix matrices
    vertex vertices
    vortex vortices
    corpus corpora
    genus genera
    analysis analyses
    catharsis catharses
    crisis crises
    diagnosis diagnoses
    ellipsis ellipses
    emphasis emphases
    hypothesis hypotheses
    metamorphosis metamorphoses
    neurosis neuroses
    oasis oases
    paralysis paralyses
    parenthesis parentheses
    prognosis prognoses
    prosthesis prostheses
    psychosis psychoses
    symbiosis symbioses
    synopsis synopses
    synthesis syntheses
    thesis theses
    automaton automata
    criterion criteria
    phenomenon phenomena
    polyhedron polyhedra
    bureau bureaux
    chateau chateaux
    plateau plateaux
    tableau tableaux
    schema schemata
    stigma stigmata
    virtuoso virtuosi
    graffito graffiti
    paparazzo paparazzi";

/// The stems of irregular forms.
static STEMS: LazyLock<FxHashMap<&str, String>> = LazyLock::new(|| {
    let mut stems = FxHashMap::default();
    for line in WORDS.lines() {
        let mut words = line.split_ascii_whitespace();
        let stem = words.next().map(|word| regular_stem(word).into_owned()).unwrap_or_default();
        stems.extend(words.map(|form| (form, stem.clone())));
    }
    stems
});

/// The stem of the word that `form` is an irregular form of.
pub(super) fn irregular_stem(form: &str) -> Option<&'static str> {
    STEMS.get(form).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_belongs_to_one_word() {
        let mut forms: Vec<&str> =
            WORDS.lines().flat_map(|line| line.split_ascii_whitespace().skip(1)).collect();
        let all = forms.len();
        forms.sort_unstable();
        forms.dedup();
        assert_eq!(forms.len(), all);
    }
}

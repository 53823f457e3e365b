//! Words that are irregular forms of one word, and words of their own: "leaves", "rose".

use super::stem::stem;

/// Words and forms of theirs that are usually another word, one word a line. A query for one also finds the others.
const AMBIGUOUS: &str = "\
    axis axes
    basis bases
    bear bore born borne
    bite bit
    die dice
    dive dove
    grind ground
    leaf leaves
    lie lay lain
    life lives
    medium media
    rise rose
    wind wound";

/// The stems of the words on each line of [`AMBIGUOUS`].
pub fn ambiguous_stems() -> impl Iterator<Item = Vec<String>> {
    AMBIGUOUS.lines().map(|line| line.split_ascii_whitespace().map(|word| stem(word).into_owned()).collect())
}

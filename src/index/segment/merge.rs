//! Merges segments without their deleted records.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use super::docs::Docs;
use super::view::SegmentView;
use super::writer::SegmentWriter;
use crate::index::Damaged;
use crate::index::bits::Bits;
use crate::index::vector::Rows;
use crate::record::Seq;

/// Merges segments, oldest first, into one without the documents marked deleted.
///
/// # Errors
/// Those of `out`, or [`io::ErrorKind::InvalidData`] when a source is damaged.
pub fn merge<W: Write>(
    sources: &[(SegmentView<'_>, &Bits)],
    out: W,
    name: u64,
    seqs: RangeInclusive<Seq>,
) -> io::Result<W> {
    let mut docs = Docs::default();
    let renumbered: Vec<Vec<u32>> =
        sources.iter().map(|(view, deleted)| renumber(*view, deleted, &mut docs)).collect();
    let mut writer = SegmentWriter::new(out, docs);
    let mut next = vec![0u32; sources.len()];
    let mut list = Vec::new();
    loop {
        let heads = sources.iter().zip(&next).filter(|((view, _), at)| **at < view.terms.len());
        let Some(text) = heads.map(|((view, _), at)| view.terms.text(*at)).min() else { break };
        list.clear();
        for (((view, _), at), numbers) in sources.iter().zip(&mut next).zip(&renumbered) {
            if *at < view.terms.len() && view.terms.text(*at) == text {
                view.postings(*at)?.for_each(|doc, tf| match numbers.get(doc as usize) {
                    Some(&doc) if doc != DROPPED => list.push((doc, tf)),
                    _ => (),
                });
                *at += 1;
            }
        }
        if !list.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Damaged("order of a posting list").into());
        }
        writer.term(text, &list)?;
    }
    merge_vectors(sources, &renumbered, &mut writer)?;
    writer.finish(name, seqs)
}

/// Writes the vectors of the live documents. Where they are of several dimensions, all but the last are about to be removed.
fn merge_vectors<W: Write>(
    sources: &[(SegmentView<'_>, &Bits)],
    renumbered: &[Vec<u32>],
    writer: &mut SegmentWriter<W>,
) -> io::Result<()> {
    let vectors: Result<Vec<Rows<'_>>, Damaged> = sources.iter().map(|(view, _)| view.vectors()).collect();
    let vectors = vectors?;
    let live = |source: usize| {
        let (rows, numbers) = (vectors[source], &renumbered[source]);
        let number = move |row: usize| numbers.get(rows.doc(row) as usize).copied();
        (0..rows.len()).filter_map(move |row| Some((number(row).filter(|&doc| doc != DROPPED)?, row)))
    };
    let last = (0..vectors.len()).rev().find(|&source| live(source).next().is_some());
    let dimension = last.map(|source| vectors[source].dimension());
    for source in (0..vectors.len()).filter(|&source| Some(vectors[source].dimension()) == dimension) {
        live(source).try_for_each(|(doc, row)| writer.vector(doc, vectors[source], row))?;
    }
    Ok(())
}

const DROPPED: u32 = u32::MAX;

/// Appends the live documents of `view` to `docs`; returns each old document's new number.
fn renumber(view: SegmentView<'_>, deleted: &Bits, docs: &mut Docs) -> Vec<u32> {
    let number = |doc| {
        if deleted.get(doc) {
            return DROPPED;
        }
        docs.push(view.seq(doc), view.length(doc) as u16, view.norm(doc));
        docs.seqs.len() as u32 - 1
    };
    (0..view.records()).map(number).collect()
}

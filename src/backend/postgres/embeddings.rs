//! Vectors that come after their records, and what all vectors of a space have in common.

use std::collections::HashMap;

use super::batch::Batch;
use super::head::numbers_after;
use super::row::{COLUMNS, Encoded, record};
use crate::backend::write_transaction::RemoveRecords;
use crate::backend::{comparable, encoding};
use crate::error::Result;
use crate::record::{Record, Seq};

impl Batch<'_> {
    /// Gives vectors to the records with these numbers that have none, and says how many there were.
    ///
    /// # Errors
    /// [`crate::Error::DimensionMismatch`], [`crate::Error::EmbedderMismatch`], [`crate::Error::Backend`].
    pub fn embed(&mut self, vectors: &[(Seq, Vec<f32>)]) -> Result<u64> {
        let given: HashMap<Seq, &Vec<f32>> = vectors.iter().map(|(seq, vector)| (*seq, vector)).collect();
        let seqs: Vec<Seq> = vectors.iter().map(|(seq, _)| *seq).collect();
        let sql = format!(
            "SELECT {COLUMNS} FROM agentmem_records WHERE space = $1 AND seq = ANY($2) AND vector IS NULL
             AND (expires_at IS NULL OR expires_at > $3) ORDER BY seq"
        );
        let (mut embedded, mut encoded, mut checksums) = (Vec::new(), Vec::new(), Vec::new());
        for row in self.query(&sql, &[&self.space, &seqs, &self.now])? {
            let (seq, old) = record(&row)?;
            let Some(vector) = given.get(&seq) else { continue };
            self.check_vector(vector.len())?;
            self.head.vectors += 1;
            let new = Record { embedding: Some((*vector).clone()), ..old };
            checksums.push(Encoded::new(&new)?.checksum());
            encoded.push(encoding::vector(vector));
            embedded.push(seq);
        }
        if embedded.is_empty() {
            return Ok(0);
        }
        let bytes: Vec<Option<&[u8]>> = encoded.iter().map(|bytes| Some(bytes.as_slice())).collect();
        let late: Vec<i64> = numbers_after(self.head.late, embedded.len())?.collect();
        self.head.late += embedded.len() as i64;
        let space = self.space;
        self.write(
            "UPDATE agentmem_records AS old SET vector = new.vector, checksum = new.checksum
             FROM unnest($2::bigint[], $3::bytea[], $4::integer[]) AS new(seq, vector, checksum)
             WHERE old.space = $1 AND old.seq = new.seq",
            &[&space, &embedded, &bytes, &checksums],
        )?;
        self.write(
            "INSERT INTO agentmem_late_vectors (space, late, seq)
             SELECT $1, * FROM unnest($2::bigint[], $3::bigint[])",
            &[&space, &late, &embedded],
        )?;
        self.rows += embedded.len() as u64;
        Ok(embedded.len() as u64)
    }

    /// Checks that a vector of this length, and of the embedder, fits those in the space, and notes both if it is the first. The
    /// vectors of another length or embedder may be those of expired records, which are swept then.
    pub(super) fn check_vector(&mut self, found: usize) -> Result<()> {
        let fits = self.vector_fits(found);
        let fits = match fits {
            Err(_) if self.sweep(None, usize::MAX)? > 0 => self.vector_fits(found),
            fits => fits,
        };
        fits?;
        self.head.dimension = found as i64;
        if let Some(name) = &self.embedder {
            self.head.embedder = Some(name.clone());
        }
        Ok(())
    }

    fn vector_fits(&self, found: usize) -> Result<()> {
        let known = self.head.dimension();
        comparable::check_dimension(known, found)?;
        match (&self.head.embedder, &self.embedder) {
            (Some(expected), Some(found)) if known.is_some() => {
                comparable::check_embedder(Some(expected), found)
            }
            _ => Ok(()),
        }
    }
}

//! An opened segment.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::bytes::Bytes;
use super::footer::{FOOTER_BYTES, Footer};
use super::verified::Verified;
use super::view::SegmentView;
use crate::index::{Damaged, mapped};

/// An opened segment.
#[derive(Debug)]
pub struct Segment {
    bytes: Bytes,
    footer: Footer,
    verified: Verified,
}

impl Segment {
    /// Over bytes in memory.
    ///
    /// # Errors
    /// [`Damaged`] when they are not what a writer wrote.
    #[cfg(any(test, feature = "internals"))]
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Damaged> {
        Self::new(Bytes::Heap(bytes))
    }

    /// Maps a file, which must never be changed again (it may be deleted).
    ///
    /// # Errors
    /// [`Damaged`] when it cannot be mapped or is not what a writer wrote.
    pub fn open(path: &Path) -> Result<Self, Damaged> {
        Self::new(Bytes::File(mapped::map(path).map_err(|_| Damaged("unreadable file"))?))
    }

    fn new(bytes: Bytes) -> Result<Self, Damaged> {
        let end = bytes.len();
        let start = end.checked_sub(FOOTER_BYTES as u64).ok_or(Damaged("too short"))?;
        let footer = Footer::read(bytes.get(start..end).ok_or(Damaged("too short"))?)?;
        let body = bytes.get(footer.sections[0]..start).ok_or(Damaged("sections"))?;
        if xxh3_64(body) != footer.checksum {
            return Err(Damaged("checksum of the sections"));
        }
        let terms = SegmentView::new(&bytes, &footer, &Verified::new(0))?.terms.len();
        Ok(Self { bytes, footer, verified: Verified::new(terms as usize) })
    }

    /// The footer.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len()
    }

    /// Whether it is a mapped file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.bytes, Bytes::File(_))
    }

    /// Borrows the sections.
    ///
    /// # Errors
    /// [`Damaged`] when they do not fit together.
    pub fn view(&self) -> Result<SegmentView<'_>, Damaged> {
        SegmentView::new(&self.bytes, &self.footer, &self.verified)
    }
}

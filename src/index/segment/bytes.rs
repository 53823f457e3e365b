//! Where the bytes of a segment live.

use std::ops::Range;

use memmap2::Mmap;

/// Where the bytes of a segment live.
#[derive(Debug)]
pub enum Bytes {
    #[cfg(any(test, feature = "internals"))]
    Heap(Vec<u8>),
    File(Mmap),
}

impl Bytes {
    fn all(&self) -> &[u8] {
        match self {
            #[cfg(any(test, feature = "internals"))]
            Self::Heap(bytes) => bytes,
            Self::File(map) => map,
        }
    }

    pub fn get(&self, range: Range<u64>) -> Option<&[u8]> {
        self.all().get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    pub fn len(&self) -> u64 {
        self.all().len() as u64
    }
}

//! Dense ids for sparse ones.

/// Maps sparse ids to dense ids: 0, 1, 2 and so on, in the order of first appearance. A hash table with open addressing.
#[derive(Debug)]
pub(super) struct DenseIds {
    /// A sparse id, and its dense id plus one; 0 in a free slot. At least half of the slots are free.
    slots: Vec<(u32, u32)>,
    /// The sparse ids, by dense id.
    sparse: Vec<u32>,
}

impl DenseIds {
    /// Allocates memory for `distinct` ids.
    pub fn with_capacity(distinct: usize) -> Self {
        Self { slots: vec![(0, 0); slots_for(distinct)], sparse: Vec::with_capacity(distinct) }
    }

    /// The dense id of `sparse`, a new one if `sparse` is new.
    #[inline]
    pub fn of(&mut self, sparse: u32) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = sparse as usize & mask;
        loop {
            match self.slots[slot] {
                (_, 0) => return self.add(sparse, slot),
                (held, id) if held == sparse => return id - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// The sparse ids in the order of their dense ids.
    pub fn sparse(&self) -> &[u32] {
        &self.sparse
    }

    fn add(&mut self, sparse: u32, slot: usize) -> u32 {
        self.sparse.push(sparse);
        let id = self.sparse.len() as u32;
        self.slots[slot] = (sparse, id);
        if self.sparse.len() * 2 > self.slots.len() {
            let mut larger = Self::with_capacity(self.sparse.len() * 2);
            for &sparse in &self.sparse {
                larger.of(sparse);
            }
            *self = larger;
        }
        id - 1
    }
}

fn slots_for(distinct: usize) -> usize {
    (distinct * 2).next_power_of_two().max(2)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::DenseIds;

    proptest! {
        #[test]
        fn works_as_a_map(
            capacity in 0..40usize,
            sparse in prop::collection::vec(prop_oneof![0u32..40, any::<u32>()], 0..200),
        ) {
            let (mut ids, mut map) = (DenseIds::with_capacity(capacity), HashMap::new());
            for &sparse in &sparse {
                let next = map.len() as u32;
                prop_assert_eq!(ids.of(sparse), *map.entry(sparse).or_insert(next));
            }
            prop_assert!(ids.sparse().iter().enumerate().all(|(id, sparse)| map[sparse] == id as u32));
            prop_assert_eq!(ids.sparse().len(), map.len());
        }
    }
}

//! Dense ids for hashes.

/// Maps hashes to dense ids, in the order of insertion. A hash table with open addressing and many free slots: most lookups
/// are for hashes that are not in it, and those end at the first slot.
#[derive(Debug, Default)]
pub(super) struct HashIds {
    /// An id plus one; 0 in a free slot.
    slots: Vec<u32>,
    keys: Vec<u64>,
}

impl HashIds {
    /// The least number of slots for each hash.
    const SPARSITY: usize = 8;
    /// The number of slots at first, enough for a short query.
    const SLOTS: usize = 128;

    /// The id of a hash, a new one if the hash is new.
    pub fn insert(&mut self, key: u64) -> u32 {
        if let Some(number) = self.find(key) {
            return number;
        }
        self.keys.push(key);
        if self.keys.len() * Self::SPARSITY > self.slots.len() {
            self.grow();
        } else {
            self.take_slot(self.keys.len() - 1);
        }
        (self.keys.len() - 1) as u32
    }

    /// The id of a hash, if it was inserted.
    #[inline]
    pub fn find(&self, key: u64) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = key as usize & mask;
        loop {
            let number = self.slots.get(slot)?.checked_sub(1)?;
            if self.keys[number as usize] == key {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The hashes in the order of their ids.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    fn grow(&mut self) {
        let slots = (self.keys.len() * Self::SPARSITY * 2).next_power_of_two().max(Self::SLOTS);
        self.slots.clear();
        self.slots.resize(slots, 0);
        (0..self.keys.len()).for_each(|number| self.take_slot(number));
    }

    fn take_slot(&mut self, number: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = self.keys[number] as usize & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = number as u32 + 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::HashIds;

    proptest! {
        #[test]
        fn works_as_a_map(keys in prop::collection::vec(prop_oneof![0u64..40, any::<u64>()], 0..200)) {
            let (mut lookup, mut map) = (HashIds::default(), HashMap::new());
            for &key in &keys {
                prop_assert_eq!(lookup.find(key), map.get(&key).copied());
                let next = map.len() as u32;
                prop_assert_eq!(lookup.insert(key), *map.entry(key).or_insert(next));
            }
            prop_assert_eq!(lookup.len(), map.len());
            for key in 0..50 {
                prop_assert_eq!(lookup.find(key), map.get(&key).copied());
            }
        }
    }
}

//! Small numbers for those that lie far apart.

/// DenseIds what it is shown from 0, in the order of first appearance.
#[derive(Debug)]
pub(super) struct DenseIds {
    /// Who was shown and the number plus one; 0 for a free slot. At least every other slot is free.
    slots: Vec<(u32, u32)>,
    shown: Vec<u32>,
}

impl DenseIds {
    /// With room for so many.
    pub fn with_room(distinct: usize) -> Self {
        Self { slots: vec![(0, 0); slots_for(distinct)], shown: Vec::with_capacity(distinct) }
    }

    /// The number of `one`, a new one if it was not shown before.
    #[inline]
    pub fn of(&mut self, one: u32) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = one as usize & mask;
        loop {
            match self.slots[slot] {
                (_, 0) => return self.add(one, slot),
                (held, number) if held == one => return number - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// All that were shown, in the order of their numbers.
    pub fn shown(&self) -> &[u32] {
        &self.shown
    }

    fn add(&mut self, one: u32, slot: usize) -> u32 {
        self.shown.push(one);
        let number = self.shown.len() as u32;
        self.slots[slot] = (one, number);
        if self.shown.len() * 2 > self.slots.len() {
            let mut larger = Self::with_room(self.shown.len() * 2);
            for &one in &self.shown {
                larger.of(one);
            }
            *self = larger;
        }
        number - 1
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
            room in 0..40usize,
            shown in prop::collection::vec(prop_oneof![0u32..40, any::<u32>()], 0..200),
        ) {
            let (mut numbers, mut map) = (DenseIds::with_room(room), HashMap::new());
            for &one in &shown {
                let next = map.len() as u32;
                prop_assert_eq!(numbers.of(one), *map.entry(one).or_insert(next));
            }
            prop_assert!(numbers.shown().iter().enumerate().all(|(number, one)| map[one] == number as u32));
            prop_assert_eq!(numbers.shown().len(), map.len());
        }
    }
}

//! What is known by numbers that are given out here.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Hashes numbers that are given out here, and that nobody else can choose.
#[derive(Debug, Default)]
pub(crate) struct Numbers(u64);

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

/// A map from such numbers.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<Numbers>>;

/// Places beyond which the room is given back once nothing is left.
const KEPT: usize = 1024;

/// Entries that stay where they are, however many come and go: they are large.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    places: NumberMap<u64, usize>,
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { places: HashMap::default(), entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Numbered<T> {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Takes one in, under a number that was never used before.
    pub(crate) fn insert(&mut self, number: u64, entry: T) {
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place] = Some(entry);
                place
            }
            None => {
                self.entries.push(Some(entry));
                self.entries.len() - 1
            }
        };
        self.places.insert(number, place);
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        self.entries[*self.places.get(&number)?].as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.entries[*self.places.get(&number)?].as_mut()
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let place = self.places.remove(&number)?;
        self.free.push(place);
        let entry = self.entries[place].take();
        if self.places.is_empty() && self.entries.len() > KEPT {
            *self = Self::default();
        }
        entry
    }

    /// In no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten()
    }

    /// The numbers of those that are wanted, the lowest first.
    pub(crate) fn numbers(&self, wanted: impl Fn(&T) -> bool) -> Vec<u64> {
        let known = |place: &usize| self.entries[*place].as_ref().is_some_and(&wanted);
        let mut numbers: Vec<_> =
            self.places.iter().filter(|(_, place)| known(place)).map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_given_back() {
        let mut numbered = Numbered::default();
        for number in 0..10 * KEPT as u64 {
            numbered.insert(number, number);
            if number >= 100 {
                assert_eq!(numbered.remove(number - 100), Some(number - 100));
            }
        }
        assert_eq!((numbered.len(), numbered.entries.len()), (100, 101));
        assert_eq!(numbered.numbers(|number| number % 50 == 0), [10 * KEPT as u64 - 90, 10 * KEPT as u64 - 40]);
        for number in 0..2 * KEPT as u64 {
            numbered.insert(1 << 32 | number, number);
        }
        for number in numbered.numbers(|_| true) {
            assert!(numbered.remove(number).is_some() && numbered.get(number).is_none());
        }
        assert_eq!(numbered.entries.len(), 0);
    }
}

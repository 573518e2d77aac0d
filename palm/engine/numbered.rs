//! What is known by numbers that are given out here.

use std::collections::{HashMap, HashSet, VecDeque};
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
/// A set of them.
pub(crate) type NumberSet<K> = HashSet<K, BuildHasherDefault<Numbers>>;

/// Places that may be empty before those which stay are put elsewhere.
const MAX_EMPTY: usize = 1024;

/// Places for which the room is kept when nothing is left: what comes and goes all the time would be mapped anew each time.
const KEPT: usize = 16 * 1024;

/// Entries that come in the order of their numbers, and leave nearly in that order: those next to each other lie next to each
/// other. The few that stay for long are put elsewhere, so that they keep no places of others.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    /// From number `first` on.
    recent: VecDeque<Option<T>>,
    first: u64,
    stayed: NumberMap<u64, T>,
    count: usize,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { recent: VecDeque::new(), first: 0, stayed: HashMap::default(), count: 0 }
    }
}

impl<T> Numbered<T> {
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Takes one in, under the number after that of the last one.
    pub(crate) fn insert(&mut self, number: u64, entry: T) {
        if self.recent.is_empty() {
            self.first = number;
        }
        debug_assert_eq!(number, self.first + self.recent.len() as u64, "numbers follow each other");
        self.recent.push_back(Some(entry));
        self.count += 1;
        while self.recent.len() > 2 * self.count + MAX_EMPTY
            && let Some(entry) = self.recent.pop_front()
        {
            self.stayed.extend(entry.map(|entry| (self.first, entry)));
            self.first += 1;
        }
    }

    fn place(&self, number: u64) -> Option<usize> {
        number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok())
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        match self.place(number) {
            Some(place) => self.recent.get(place)?.as_ref(),
            None => self.stayed.get(&number),
        }
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        match self.place(number) {
            Some(place) => self.recent.get_mut(place)?.as_mut(),
            None => self.stayed.get_mut(&number),
        }
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let entry = match self.place(number) {
            Some(place) => self.recent.get_mut(place)?.take()?,
            None => self.stayed.remove(&number)?,
        };
        self.count -= 1;
        while let Some(None) = self.recent.front() {
            self.recent.pop_front();
            self.first += 1;
        }
        if self.count == 0 {
            self.recent.shrink_to(KEPT);
            self.stayed.shrink_to(MAX_EMPTY);
        }
        Some(entry)
    }

    /// In no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.stayed.values().chain(self.recent.iter().flatten())
    }

    /// The numbers of those that are wanted, the lowest first.
    pub(crate) fn numbers(&self, wanted: impl Fn(&T) -> bool) -> Vec<u64> {
        let stayed = self.stayed.iter().filter(|(_, entry)| wanted(entry));
        let mut numbers: Vec<_> = stayed.map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let recent = (self.first..).zip(&self.recent).filter(|(_, entry)| entry.as_ref().is_some_and(&wanted));
        numbers.extend(recent.map(|(number, _)| number));
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_given_back() {
        let mut numbered = Numbered::default();
        for number in 1..=10 * MAX_EMPTY as u64 {
            numbered.insert(number, number);
            if number > 100 {
                assert_eq!(numbered.remove(number - 100), Some(number - 100));
            }
        }
        assert_eq!((numbered.len(), numbered.recent.len()), (100, 100));
        let last = 10 * MAX_EMPTY as u64;
        assert_eq!(numbered.numbers(|number| number % 50 == 0), [last - 90, last - 40]);
        for number in numbered.numbers(|_| true) {
            assert!(numbered.remove(number).is_some() && numbered.get(number).is_none());
        }
        assert_eq!((numbered.len(), numbered.recent.len()), (0, 0));
    }

    #[test]
    fn one_that_stays_is_put_elsewhere() {
        let mut numbered = Numbered::default();
        for number in 7..7 + 10 * MAX_EMPTY as u64 {
            numbered.insert(number, number);
            if number > 8 {
                assert_eq!(numbered.remove(number), Some(number));
            }
        }
        assert!(numbered.recent.len() <= 2 * MAX_EMPTY && numbered.stayed.len() == 2);
        assert_eq!((numbered.len(), numbered.numbers(|_| true)), (2, vec![7, 8]));
        *numbered.get_mut(8).expect("it stays") = 9;
        assert_eq!(numbered.get(8), Some(&9));
        assert_eq!((numbered.remove(8), numbered.remove(8)), (Some(9), None));
        assert_eq!((numbered.values().count(), numbered.get(6), numbered.get(1 << 40)), (1, None, None));
    }
}

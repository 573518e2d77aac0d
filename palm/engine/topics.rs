//! What is known of topics, found fast where the same one is asked for again and again.

use std::collections::HashMap;

use bytes::Bytes;

/// A map from topics. Messages of a stream share the memory of their topic, and come in rows: the last one is known by its
/// place there.
#[derive(Debug)]
pub(crate) struct Topics<T> {
    places: HashMap<Bytes, usize>,
    entries: Vec<Option<T>>,
    free: Vec<usize>,
    /// The topic that was last looked up to be changed; its memory is used for nothing else while it is kept here.
    last: Option<(Bytes, usize)>,
}

impl<T> Default for Topics<T> {
    fn default() -> Self {
        Self { places: HashMap::new(), entries: Vec::new(), free: Vec::new(), last: None }
    }
}

impl<T> Topics<T> {
    fn place(&self, topic: &[u8]) -> Option<usize> {
        match &self.last {
            Some((last, place)) if std::ptr::eq(&raw const **last, &raw const *topic) => Some(*place),
            _ => self.places.get(topic).copied(),
        }
    }

    pub(crate) fn get(&self, topic: &[u8]) -> Option<&T> {
        self.entries.get(self.place(topic)?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, topic: &[u8]) -> Option<&mut T> {
        let place = self.place(topic)?;
        self.entries.get_mut(place)?.as_mut()
    }

    /// What is known of a topic that will be asked for again.
    pub(crate) fn find(&mut self, topic: &Bytes) -> Option<&mut T> {
        let place = self.place(topic)?;
        self.remember(topic, place);
        self.entries[place].as_mut()
    }

    fn remember(&mut self, topic: &Bytes, place: usize) {
        if !matches!(&self.last, Some((last, _)) if std::ptr::eq(&raw const **last, &raw const **topic)) {
            self.last = Some((topic.clone(), place));
        }
    }

    /// What is known of that topic; made if there is nothing.
    pub(crate) fn entry(&mut self, topic: &Bytes, make: impl FnOnce() -> T) -> &mut T {
        let place = match self.place(topic) {
            Some(place) => place,
            None => self.add(topic.clone()),
        };
        self.remember(topic, place);
        self.entries[place].get_or_insert_with(make)
    }

    fn add(&mut self, topic: Bytes) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        self.places.insert(topic, place);
        place
    }

    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        let Self { places, entries, free, last } = self;
        *last = None;
        places.retain(|_, place| {
            let kept = entries[*place].as_ref().is_some_and(&mut wanted);
            if !kept {
                entries[*place] = None;
                free.push(*place);
            }
            kept
        });
    }

    pub(crate) fn remove(&mut self, topic: &[u8]) {
        if let Some(place) = self.places.remove(topic) {
            self.last = None;
            self.entries[place] = None;
            self.free.push(place);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn topics_are_found_by_what_they_say_wherever_they_lie() {
        let mut topics = Topics::default();
        let (one, two) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
        *topics.entry(&one, || 1) += 10;
        *topics.entry(&one, || 1) += 10;
        assert_eq!(topics.get(&one), Some(&21));
        assert_eq!(topics.get(&Bytes::copy_from_slice(b"one")), Some(&21));
        assert_eq!(topics.get(&one[..2]), None);
        topics.entry(&two, || 2);
        topics.retain(|number| *number == 2);
        assert_eq!((topics.get(&one), topics.len()), (None, 1));
        *topics.get_mut(b"two").unwrap() = 3;
        let three = Bytes::from_static(b"three");
        assert_eq!(topics.entry(&three, || 4), &4, "the place is used again");
        assert_eq!((topics.get(&two), topics.entries.len()), (Some(&3), 2));
    }
}

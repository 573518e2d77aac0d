//! Identifiers of requests: 8 random bytes for the client, 4 for the call, 4 for the message within the call.

use crate::wire::{Id, id_of, parts_of};

/// What a request's identifier says to the client that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) call: u32,
    pub(super) sequence: u32,
}

impl Place {
    /// The second half of the identifier.
    pub(super) const fn request(self) -> u64 {
        (self.call as u64) << 32 | self.sequence as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "it is taken apart")]
    pub(super) const fn of_request(request: u64) -> Self {
        Self { call: (request >> 32) as u32, sequence: request as u32 }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    client: u64,
}

impl Ids {
    pub(super) fn new() -> Self {
        // Never 0, which stands for nobody: some bits of a UUID are always set.
        Self { client: uuid::Uuid::new_v4().as_u64_pair().0 }
    }

    /// What all identifiers of this client begin with.
    pub(super) const fn client(self) -> u64 {
        self.client
    }

    pub(super) fn id(self, place: Place) -> Id {
        id_of(self.client, place.request()).unwrap_or_default()
    }

    /// `None` for an identifier that this client did not make.
    pub(super) fn place(self, id: &Id) -> Option<Place> {
        let (client, request) = parts_of(Some(id));
        (client == self.client).then_some(Place::of_request(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_leads_back_to_its_call_and_to_no_other_client() {
        let ids = Ids::new();
        let place = Place { call: u32::MAX - 2, sequence: u32::MAX - 7 };
        assert_eq!(ids.place(&ids.id(place)), Some(place));
        assert_eq!(Ids::new().place(&ids.id(place)), None);
    }
}

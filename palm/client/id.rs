//! Identifiers of requests: 6 random bytes for the client, 6 for the call, 4 for the message within the call.

/// What a request's identifier says to the client that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) call: u64,
    pub(super) sequence: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    client: [u8; 6],
}

impl Ids {
    pub(super) fn new() -> Self {
        let [a, b, c, d, e, f, ..] = *uuid::Uuid::new_v4().as_bytes();
        Self { client: [a, b, c, d, e, f] }
    }

    pub(super) fn id(self, place: Place) -> [u8; 16] {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&self.client);
        id[6..12].copy_from_slice(&place.call.to_be_bytes()[2..]);
        id[12..].copy_from_slice(&place.sequence.to_be_bytes());
        id
    }

    /// `None` for an identifier that this client did not make.
    pub(super) fn place(self, id: &[u8]) -> Option<Place> {
        let id: &[u8; 16] = id.try_into().ok()?;
        let (client, place) = id.split_first_chunk::<6>()?;
        let (call, sequence) = place.split_first_chunk::<6>()?;
        let call = call.iter().fold(0, |call, byte| call << 8 | u64::from(*byte));
        let sequence = u32::from_be_bytes(sequence.try_into().ok()?);
        (*client == self.client).then_some(Place { call, sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_leads_back_to_its_call_and_to_no_other_client() {
        let ids = Ids::new();
        let place = Place { call: (1 << 48) - 2, sequence: u32::MAX - 7 };
        assert_eq!(ids.place(&ids.id(place)), Some(place));
        assert_eq!(Ids::new().place(&ids.id(place)), None);
        assert_eq!(ids.place(b"short"), None);
    }
}

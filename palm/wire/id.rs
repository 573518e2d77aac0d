//! Identifiers of requests: 8 bytes that stand for who asks, and 8 that count its requests.

/// Identifier of one request.
pub(crate) type Id = [u8; 16];

/// Puts an identifier together; none for nobody.
pub(crate) fn id_of(client: u64, request: u64) -> Option<Id> {
    if client == 0 {
        return None;
    }
    let mut id = [0; 16];
    id[..8].copy_from_slice(&client.to_be_bytes());
    id[8..].copy_from_slice(&request.to_be_bytes());
    Some(id)
}

/// Who asks, and the number of the request there; 0 and 0 for a message without an identifier.
pub(crate) fn parts_of(id: Option<&Id>) -> (u64, u64) {
    let Some(id) = id else { return (0, 0) };
    let (client, request) = id.split_at(8);
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (number(client), number(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_its_parts() {
        assert_eq!(id_of(0, 7), None);
        let id = id_of(0x0102_0304_0506_0708, u64::MAX - 3);
        assert_eq!(parts_of(id.as_ref()), (0x0102_0304_0506_0708, u64::MAX - 3));
        assert_eq!(parts_of(None), (0, 0));
    }
}

//! A payload that says which one it is, and whether it is whole: kind, sequence, checksum, filler.

pub(crate) const QUESTION: u8 = b'q';
pub(crate) const ANSWER: u8 = b'a';
const HEAD: usize = 13;

/// The question of that number, `size` bytes long (13 at least).
pub(crate) fn question(sequence: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; HEAD.max(size)];
    bytes[0] = QUESTION;
    bytes[1..9].copy_from_slice(&sequence.to_le_bytes());
    bytes[HEAD..].fill(sequence as u8);
    seal(bytes)
}

/// What a worker makes of a question: the same, marked as an answer. `None` if it is not whole.
pub(crate) fn answer(question: &[u8]) -> Option<Vec<u8>> {
    read(QUESTION, question)?;
    let mut bytes = question.to_vec();
    bytes[0] = ANSWER;
    Some(seal(bytes))
}

/// The sequence of a whole payload of that kind.
pub(crate) fn read(kind: u8, bytes: &[u8]) -> Option<u64> {
    let sum = u32::from_le_bytes(bytes.get(9..HEAD)?.try_into().ok()?);
    if bytes[0] != kind || sum != checksum(bytes) {
        return None;
    }
    Some(u64::from_le_bytes(bytes[1..9].try_into().ok()?))
}

fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&bytes);
    bytes[9..HEAD].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// CRC-32 of all but the checksum itself, as Python's zlib has it; of a long filler, of some 256 bytes of it.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    let filler = &bytes[HEAD..];
    for byte in bytes[..9].iter().chain(filler.iter().step_by(1 + filler.len() / 256)) {
        sum = TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8);
    }
    !sum
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

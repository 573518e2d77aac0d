//! How many messages of a stream a worker is given in a row.

use std::sync::Arc;

use crate::engine::crew::ROW;
use crate::engine::freight::Freight;
use crate::engine::numbered::NumberMap;
use crate::wire::Header;

/// Streams that are remembered.
const MAX_KNOWN: usize = 1024;

/// What is known of streams from their results. A worker sends what it has done within a fraction of a millisecond together
/// (`engine/job.rs`), so results that come together took it no longer: to give each worker one such message in turn would wake
/// all of them for a few microseconds of work. While whole rows come back at once, they grow; where results come one by one,
/// everybody gets one message in turn.
///
/// A row is no more than the results that are looked at together, since more of them prove nothing: what is quick mostly may be
/// slow once, and then those behind it wait.
#[derive(Debug, Default)]
pub(super) struct Strides {
    /// By the addresses of the headers, with the messages of a row, which are more than one.
    known: NumberMap<usize, (Arc<Header>, u32)>,
}

impl Strides {
    /// How much of a row a message is.
    pub(super) fn share(&self, freight: &Freight) -> u32 {
        match freight {
            Freight::Item(way, _) => ROW.div_ceil(self.stride(&way.header)),
            Freight::Whole(_) => ROW,
        }
    }

    fn stride(&self, header: &Arc<Header>) -> u32 {
        self.known.get(&address(header)).map_or(1, |(_, stride)| *stride)
    }

    /// So many results of a stream came together.
    pub(super) fn learn(&mut self, header: &Arc<Header>, together: usize) {
        let stride = self.stride(header);
        let next = match u32::try_from(together).unwrap_or(ROW) {
            0 | 1 => 1,
            together if together >= stride => (2 * stride).min(ROW),
            // A row may be cut in two on its way, by a frame that is full or a worker that has to wait for a processor.
            together if together >= stride / 4 => stride,
            together => together.max(stride / 2),
        };
        if next == stride {
            return;
        }
        if next == 1 {
            self.known.remove(&address(header));
        } else {
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            self.known.insert(address(header), (header.clone(), next));
        }
    }
}

/// Nobody else has it while the header is remembered.
fn address(header: &Arc<Header>) -> usize {
    Arc::as_ptr(header).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Message;

    #[test]
    fn a_row_grows_while_whole_rows_come_back_and_shrinks_at_once_with_slow_results() {
        let (mut strides, header) = (Strides::default(), Message::new("server.foo", "").header().clone());
        let mut after = |results: &[usize]| -> Vec<u32> {
            let learn = |together: &usize| {
                strides.learn(&header, *together);
                strides.stride(&header)
            };
            results.iter().map(learn).collect()
        };
        assert_eq!(after(&[1, 1, 2, 2, 4]), [1, 1, 2, 4, 8]);
        assert_eq!(after(&[5, 2, 8, 16, 32, 64, 128]), [8, 8, 16, 32, 64, 128, 128]);
        assert_eq!(after(&[32, 31, 16, 15, 7, 3, 1]), [128, 64, 64, 32, 16, 8, 1]);
        assert_eq!(strides.stride(Message::new("server.bar", "").header()), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut strides = Strides::default();
        for number in 0..3 * MAX_KNOWN {
            let header = Message::new(&format!("server.foo{number}"), "").header().clone();
            strides.learn(&header, 2);
            assert!(strides.stride(&header) == 2 && strides.known.len() <= MAX_KNOWN);
            strides.learn(&header, number % 2 + 1);
        }
        assert!(strides.known.len() > MAX_KNOWN / 4);
    }
}

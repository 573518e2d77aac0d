//! How many messages of a stream a worker is given in a row.

use std::sync::Arc;

use crate::engine::crew::ROW;
use crate::engine::freight::Freight;
use crate::wire::Header;

/// Streams that are remembered.
const MAX_KNOWN: usize = 16;
/// Results that are looked at together: so many or more are as many as can be.
const PORTION: u32 = 64;

/// What is known of streams from their results. A worker sends what it has done within a fraction of a millisecond together
/// (`engine/job.rs`), so results that come together took it no longer: to give each worker one such message in turn would wake
/// all of them for a few microseconds of work. While whole rows come back at once, they grow; where results come one by one,
/// everybody gets one message in turn.
#[derive(Debug, Default)]
pub(super) struct Strides {
    /// The newest first, with the messages of a row.
    known: Vec<(Arc<Header>, u32)>,
}

impl Strides {
    /// How much of a row a message is.
    pub(super) fn share(&self, freight: &Freight) -> u32 {
        match freight {
            Freight::Item(way, _) => ROW / self.known.iter().find_map(of(&way.header)).unwrap_or(1),
            Freight::Whole(_) => ROW,
        }
    }

    /// So many results of a stream came together.
    pub(super) fn learn(&mut self, header: &Arc<Header>, together: usize) {
        let together = u32::try_from(together).unwrap_or(PORTION);
        let stride = self.known.iter().find_map(of(header)).unwrap_or(1);
        let next = match together {
            0 | 1 => 1,
            _ if together >= stride.min(PORTION) => (2 * stride).min(ROW),
            _ => together.max(stride / 2),
        };
        if next != stride {
            self.known.retain(|(known, _)| !Arc::ptr_eq(known, header));
            self.known.insert(0, (header.clone(), next));
            self.known.truncate(MAX_KNOWN);
        }
    }
}

fn of(header: &Arc<Header>) -> impl Fn(&(Arc<Header>, u32)) -> Option<u32> {
    move |(known, stride)| Arc::ptr_eq(known, header).then_some(*stride)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Message;

    fn stride(strides: &Strides, header: &Arc<Header>) -> u32 {
        strides.known.iter().find_map(of(header)).unwrap_or(1)
    }

    #[test]
    fn a_row_grows_while_whole_rows_come_back_and_shrinks_at_once_with_slow_results() {
        let (mut strides, header) = (Strides::default(), Message::new("server.foo", "").header().clone());
        let strides_after = |strides: &mut Strides, results: &[usize]| -> Vec<u32> {
            let after = results.iter().map(|together| {
                strides.learn(&header, *together);
                stride(strides, &header)
            });
            after.collect()
        };
        assert_eq!(strides_after(&mut strides, &[1, 1, 2, 2, 4]), [1, 1, 2, 4, 8]);
        assert_eq!(strides_after(&mut strides, &[5, 5, 3]), [5, 10, 5]);
        assert_eq!(strides_after(&mut strides, &[64; 8]), [10, 20, 40, 80, 160, 256, 256, 256]);
        assert_eq!(strides_after(&mut strides, &[40, 64, 1]), [128, 256, 1]);
        assert_eq!(stride(&strides, Message::new("server.bar", "").header()), 1);
    }

    #[test]
    fn no_more_streams_are_remembered_than_that() {
        let mut strides = Strides::default();
        let headers: Vec<_> =
            (0..40).map(|number| Message::new(&format!("server.foo{number}"), "").header().clone()).collect();
        for header in &headers {
            strides.learn(header, 1);
            strides.learn(header, 2);
        }
        let known = headers.iter().filter(|header| stride(&strides, header) == 2).count();
        assert_eq!((known, strides.known.len()), (MAX_KNOWN, MAX_KNOWN));
    }
}

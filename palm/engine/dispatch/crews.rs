use crate::engine::crew::Crew;
use crate::engine::envelope::PartId;

/// The crews of a component, by the number of the part that hands out to them.
#[derive(Debug, Default)]
pub(super) struct Crews(Vec<Option<Crew>>);

impl Crews {
    pub(super) fn get(&self, part: PartId) -> Option<&Crew> {
        self.0.get(part.0)?.as_ref()
    }

    /// The crew of that part, without workers if it is new.
    pub(super) fn of(&mut self, part: PartId) -> &mut Crew {
        if part.0 >= self.0.len() {
            self.0.resize_with(part.0 + 1, || None);
        }
        self.0[part.0].get_or_insert_default()
    }

    pub(super) fn parts(&self) -> Vec<PartId> {
        (0..self.0.len()).map(PartId).filter(|part| self.get(*part).is_some()).collect()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Crew> {
        self.0.iter().flatten()
    }
}

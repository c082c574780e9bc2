//! Who speaks, as the model reads it: by name in groups, and two people of one
//! name told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::prompt::Material;
use crate::domain::ids::UserId;
use crate::domain::update::Person;

/// The names of those who speak in a prompt.
#[derive(Debug)]
pub(super) struct Names {
    /// Whether several people speak.
    group: bool,
    /// Names that more than one of them has.
    shared: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(material: &Material<'_>) -> Self {
        let mut bearers: BTreeMap<&str, BTreeSet<UserId>> = BTreeMap::new();
        let past = material.past.iter().flat_map(|past| &past.inputs);
        let said = past
            .chain(material.inputs)
            .map(|message| (message.sender.name.as_str(), message.sender.id));
        let overheard = material.round.talk.iter();
        let talked = overheard.map(|talk| (talk.name.as_str(), talk.sender));
        for (name, id) in said.chain(talked) {
            bearers.entry(name).or_default().insert(id);
        }
        Self {
            group: material.group,
            shared: bearers
                .into_iter()
                .filter(|(_, ids)| ids.len() > 1)
                .map(|(name, _)| name.to_owned())
                .collect(),
        }
    }

    /// Who says something; `None` where only one person speaks.
    pub(super) fn speaker(&self, person: &Person) -> Option<String> {
        self.group.then(|| self.tell(&person.name, person.id))
    }

    /// A name that means this one person: the same in every turn, whoever else
    /// speaks in it.
    pub(super) fn tell(&self, name: &str, id: UserId) -> String {
        if self.shared.contains(name) {
            return format!("{name} (#{:03})", id.0.unsigned_abs() % 1_000);
        }
        name.to_owned()
    }
}

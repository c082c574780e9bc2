//! The list of every key, as code: each section walks its knobs once, and
//! everything else (reading the layers, printing what is in force, comparing
//! two configurations, adopting what may change live) is a walker over that
//! one list. So no key can be readable but missing from `check`, from the
//! shipped file's test or from a reload.

use std::any::Any;
use std::collections::BTreeMap;

use super::kind::Kind;
use super::secret::{SecretSpec, SecretText};

/// The dotted name of a key, e.g. `chat.quiet_period`.
pub type Key = &'static str;

/// When a changed value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    /// With the next turn or message after a SIGHUP.
    Live,
    /// With the next start of the process.
    Restart,
}

/// Visits every key of a configuration.
pub(crate) trait Walk {
    /// A plain value.
    fn knob<T, K>(&mut self, key: Key, apply: Apply, field: &mut T, kind: K)
    where
        T: Clone + PartialEq + 'static,
        K: Kind<T>;

    /// A secret, which has several places to come from and is never shown.
    fn secret<T: SecretText>(&mut self, spec: &'static SecretSpec, field: &mut Option<T>);
}

/// One key of a configuration, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key's dotted name.
    pub key: Key,
    /// When a change takes effect.
    pub apply: Apply,
    /// What is in force.
    pub shown: Shown,
    /// What may stand there, in words.
    pub allowed: String,
}

/// A value in a form that may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The value as TOML writes it.
    Toml(String),
    /// An optional key that is not set.
    Unset,
    /// A secret that is there.
    SecretSet,
    /// A secret that is not there.
    SecretMissing,
}

/// Collects every key with its value.
#[derive(Debug, Default)]
pub(super) struct Show(pub(super) Vec<Setting>);

impl Walk for Show {
    fn knob<T, K>(&mut self, key: Key, apply: Apply, field: &mut T, kind: K)
    where
        T: Clone + PartialEq + 'static,
        K: Kind<T>,
    {
        self.0.push(Setting {
            key,
            apply,
            shown: kind.show(field).map_or(Shown::Unset, Shown::Toml),
            allowed: kind.allowed(),
        });
    }

    fn secret<T: SecretText>(&mut self, spec: &'static SecretSpec, field: &mut Option<T>) {
        self.0.push(Setting {
            key: spec.key,
            apply: Apply::Restart,
            shown: if field.is_some() {
                Shown::SecretSet
            } else {
                Shown::SecretMissing
            },
            allowed: spec.allowed.to_owned(),
        });
    }
}

/// Remembers every value, to be compared with or moved into another
/// configuration by [`Against`].
#[derive(Default)]
pub(super) struct Values(BTreeMap<Key, Box<dyn Any>>);

impl Walk for Values {
    fn knob<T, K>(&mut self, key: Key, _: Apply, field: &mut T, _: K)
    where
        T: Clone + PartialEq + 'static,
        K: Kind<T>,
    {
        self.0.insert(key, Box::new(field.clone()));
    }

    fn secret<T: SecretText>(&mut self, spec: &'static SecretSpec, field: &mut Option<T>) {
        self.0.insert(spec.key, Box::new(field.clone()));
    }
}

/// Compares a configuration with remembered values and takes over those that
/// may change live.
pub(super) struct Against {
    pub(super) new: Values,
    pub(super) live: Vec<Key>,
    pub(super) restart: Vec<Key>,
}

impl Against {
    fn differs<T: Clone + PartialEq + 'static>(&self, key: Key, old: &T) -> Option<T> {
        let new = self.new.0.get(key)?.downcast_ref::<T>()?;
        (new != old).then(|| new.clone())
    }
}

impl Walk for Against {
    fn knob<T, K>(&mut self, key: Key, apply: Apply, field: &mut T, _: K)
    where
        T: Clone + PartialEq + 'static,
        K: Kind<T>,
    {
        if let Some(new) = self.differs(key, field) {
            match apply {
                Apply::Live => {
                    *field = new;
                    self.live.push(key);
                }
                Apply::Restart => self.restart.push(key),
            }
        }
    }

    fn secret<T: SecretText>(&mut self, spec: &'static SecretSpec, field: &mut Option<T>) {
        if self.differs(spec.key, field).is_some() {
            self.restart.push(spec.key);
        }
    }
}

//! Who draws which node or edge: only those are asked again whose part has changed. To ask everybody for each movement of
//! the pointer takes longer than a frame when there are hundreds.

use std::collections::BTreeMap;

use leptos::prelude::*;

#[derive(Clone, Copy)]
pub struct Watch {
    of: StoredValue<BTreeMap<String, ArcTrigger>>,
}

impl Watch {
    pub fn new() -> Self {
        Self { of: StoredValue::new(BTreeMap::new()) }
    }

    /// What a view of that key follows.
    pub fn follow(self, key: &str) -> ArcTrigger {
        self.of.try_update_value(|of| of.entry(key.to_owned()).or_default().clone()).unwrap_or_default()
    }

    pub fn tell(self, keys: impl Iterator<Item = String>) {
        let told: Vec<ArcTrigger> = self.of.with_value(|of| keys.filter_map(|key| of.get(&key).cloned()).collect());
        told.iter().for_each(ArcTrigger::notify);
    }

    /// Forgets those that nobody draws any more.
    pub fn forget(self, is_drawn: impl Fn(&str) -> bool) {
        self.of.update_value(|of| of.retain(|key, _| is_drawn(key)));
    }
}

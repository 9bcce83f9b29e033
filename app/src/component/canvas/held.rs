//! A value that views follow, for values of many types: what follows is one signal of one type, so that each further type
//! costs the bundle next to nothing.

use leptos::prelude::*;

pub struct Held<T: 'static> {
    value: StoredValue<T>,
    version: RwSignal<u64>,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Held<T> {}

impl<T: Send + Sync + 'static> Held<T> {
    pub fn new(value: T) -> Self {
        Self { value: StoredValue::new(value), version: RwSignal::new(0) }
    }

    /// Whoever asks so is asked again when it changes.
    pub fn with<R>(self, look: impl FnOnce(&T) -> R) -> R {
        self.version.track();
        self.value.with_value(look)
    }

    pub fn with_untracked<R>(self, look: impl FnOnce(&T) -> R) -> R {
        self.value.with_value(look)
    }

    pub fn update<R>(self, change: impl FnOnce(&mut T) -> R) -> R {
        let changed = self.update_untracked(change);
        self.version.update(|version| *version += 1);
        changed
    }

    pub fn update_untracked<R>(self, change: impl FnOnce(&mut T) -> R) -> R {
        self.value.try_update_value(change).expect("held for as long as the page")
    }

    /// `None` when the page is gone.
    pub fn try_update<R>(self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let changed = self.value.try_update_value(change)?;
        self.version.try_update(|version| *version += 1);
        Some(changed)
    }

    pub fn try_with_untracked<R>(self, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.value.try_with_value(look)
    }

    pub fn set(self, value: T) {
        self.update(|held| *held = value);
    }
}

impl<T: Clone + Send + Sync + 'static> Held<T> {
    pub fn get(self) -> T {
        self.with(T::clone)
    }

    pub fn get_untracked(self) -> T {
        self.with_untracked(T::clone)
    }
}

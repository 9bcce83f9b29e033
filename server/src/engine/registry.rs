//! Definitions, compiled and kept in memory: a step never parses one.
//!
//! Versions are immutable, so what is known stays true; a reload only adds. Readers take a snapshot and keep it for a
//! whole step.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use baton_domain::{
    definition::{self, Definition, DefinitionKind},
    message::Message,
    process, saga,
};

use crate::store::{Store, StoreError};

#[derive(Default)]
pub struct Registry {
    snapshot: RwLock<Arc<Snapshot>>,
}

/// All published definitions at one moment.
#[derive(Default)]
pub struct Snapshot {
    processes: HashMap<String, HashMap<u32, Arc<process::Definition>>>,
    newest: HashMap<String, u32>,
    /// The newest version of each saga.
    sagas: HashMap<String, (u32, Arc<saga::Definition>)>,
    /// Event types that some version of some process awaits.
    awaited: HashSet<String>,
    /// Event type → sagas that react to it.
    reactions: HashMap<String, Vec<Arc<saga::Definition>>>,
}

impl Registry {
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an event of this type can concern anybody.
    pub fn concerns(&self, event_type: &str) -> bool {
        let snapshot = self.snapshot();
        snapshot.awaited.contains(event_type) || snapshot.reactions.contains_key(event_type)
    }

    /// Reads what was published since. A stored version that no longer compiles is left out and logged: its instances
    /// say so when something reaches them, and everything else works.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), StoreError> {
        let before = self.snapshot();
        let rows = store.read_versions().await?;
        let built = tokio::task::spawn_blocking(move || {
            let mut next = Snapshot::default();
            for row in rows {
                if let Some(known) = before.known(row.kind, &row.name, row.version) {
                    next.add(&row.name, row.version, known);
                    continue;
                }
                match definition::parse(&row.source) {
                    Ok(parsed) => next.add(&row.name, row.version, parsed.definition),
                    Err(diagnostics) => tracing::error!(
                        definition = row.name,
                        version = row.version,
                        ?diagnostics,
                        "a published definition cannot be read"
                    ),
                }
            }
            next.index();
            next
        })
        .await;
        match built {
            Ok(next) => {
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
                Ok(())
            }
            Err(panic) => Err(StoreError::Panicked { message: panic.to_string() }),
        }
    }
}

impl Snapshot {
    /// A version of a process, or its newest one.
    pub fn process(&self, name: &str, version: Option<u32>) -> Option<(u32, Arc<process::Definition>)> {
        let version = version.or_else(|| self.newest.get(name).copied())?;
        Some((version, self.processes.get(name)?.get(&version)?.clone()))
    }

    pub fn saga(&self, name: &str) -> Option<&Arc<saga::Definition>> {
        self.sagas.get(name).map(|(_, saga)| saga)
    }

    pub fn sagas_for(&self, event_type: &str) -> &[Arc<saga::Definition>] {
        self.reactions.get(event_type).map_or(&[], Vec::as_slice)
    }

    pub fn awaited_by_processes(&self, event_type: &str) -> bool {
        self.awaited.contains(event_type)
    }

    /// The values under which instances may wait for this event.
    pub fn wait_values(&self, message: &Message) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for definition in self.processes.values().flat_map(HashMap::values) {
            for value in process::wait_values(definition, message) {
                let wait = (message.message_type.clone(), value);
                if !found.contains(&wait) {
                    found.push(wait);
                }
            }
        }
        found
    }

    fn known(&self, kind: DefinitionKind, name: &str, version: u32) -> Option<Definition> {
        match kind {
            DefinitionKind::Process => {
                let known = self.processes.get(name)?.get(&version)?;
                Some(Definition::Process(process::Definition::clone(known)))
            }
            DefinitionKind::Saga => match self.sagas.get(name)? {
                (number, known) if *number == version => Some(Definition::Saga(saga::Definition::clone(known))),
                _ => None,
            },
        }
    }

    fn add(&mut self, name: &str, version: u32, definition: Definition) {
        match definition {
            Definition::Process(process) => {
                self.processes.entry(name.to_owned()).or_default().insert(version, Arc::new(process));
                let newest = self.newest.entry(name.to_owned()).or_insert(version);
                *newest = version.max(*newest);
            }
            Definition::Saga(saga) => {
                let newer = self.sagas.get(name).is_none_or(|(known, _)| *known < version);
                if newer {
                    self.sagas.insert(name.to_owned(), (version, Arc::new(saga)));
                }
            }
        }
    }

    fn index(&mut self) {
        self.awaited = self
            .processes
            .values()
            .flat_map(HashMap::values)
            .flat_map(|definition| definition.awaited_types())
            .map(str::to_owned)
            .collect();
        for (_, saga) in self.sagas.values() {
            for event_type in saga.on.keys() {
                self.reactions.entry(event_type.clone()).or_default().push(saga.clone());
            }
        }
    }
}

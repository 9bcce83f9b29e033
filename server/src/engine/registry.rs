//! Definitions, compiled and kept in memory: a step never parses one.
//!
//! What a version does never changes, so what is known stays true; a reload only adds, and reads anew where nodes were moved.
//! Readers take a snapshot and keep it for a whole step.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use baton_domain::{
    definition::{self, Definition, DefinitionKind},
    diagram::{self, Diagram},
    ids::InstanceId,
    message::Message,
    process, saga,
};
use chrono::TimeDelta;

use crate::store::{
    Store, StoreError,
    rows::{VersionRow, VersionsMark},
};

#[derive(Default)]
pub struct Registry {
    snapshot: RwLock<Arc<Snapshot>>,
    /// Of what the snapshot was read from, or from before it.
    mark: Mutex<VersionsMark>,
    /// By the fingerprint of the text: those that somebody looked at.
    drawings: Mutex<HashMap<u64, Arc<Diagram>>>,
}

/// How many drawings are kept.
const DRAWINGS_MAX: usize = 100;

/// All published definitions at one moment.
#[derive(Default)]
pub struct Snapshot {
    processes: HashMap<String, Versions<process::Definition>>,
    sagas: HashMap<String, Versions<saga::Definition>>,
    /// Fingerprints of the texts that they were read from.
    texts: HashMap<(DefinitionKind, String, u32), u64>,
    /// Event types that some version of some process or stateful saga awaits.
    awaited: HashSet<String>,
    /// Event type → stateless sagas that react to it, each in its newest version.
    reactions: HashMap<String, Vec<Arc<saga::Definition>>>,
    /// Event type → versions of stateful sagas that it starts (the newest alone does) or goes on with.
    correlated: HashMap<String, Vec<Arc<SagaVersion>>>,
}

struct Versions<T> {
    all: HashMap<u32, Arc<T>>,
    newest: u32,
}

/// A version of a stateful saga.
struct SagaVersion {
    name: String,
    version: u32,
    is_newest: bool,
    process: Arc<process::Definition>,
}

/// The instances of stateful sagas that an event is about.
#[derive(Default)]
pub struct Correlated {
    pub instances: Vec<InstanceId>,
    /// Those of them that it starts when they are not there yet.
    pub starts: Vec<ImplicitStart>,
}

/// A saga that starts by itself.
pub struct ImplicitStart {
    pub instance: InstanceId,
    pub saga: String,
    pub version: u32,
    pub definition: Arc<process::Definition>,
    /// What it is about.
    pub value: String,
}

/// What instances may wait for.
pub struct WaitValue {
    /// (event type, value)
    pub wait: (String, String),
    /// The longest of the definitions' `early`.
    pub early: TimeDelta,
}

impl Registry {
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an event of this type can concern anybody.
    pub fn concerns(&self, event_type: &str) -> bool {
        self.snapshot().concerns(event_type)
    }

    /// How a version is drawn. Laying it out may take a second, and the pages of its instances are read again whenever
    /// something happens, so it is done once.
    pub async fn drawing(&self, kind: DefinitionKind, name: &str, version: u32) -> Option<Arc<Diagram>> {
        let snapshot = self.snapshot();
        let definition = snapshot.runs(kind, name, version)?;
        let text = *snapshot.texts.get(&(kind, name.to_owned(), version))?;
        let known = self.drawings.lock().unwrap_or_else(PoisonError::into_inner).get(&text).cloned();
        if known.is_some() {
            return known;
        }
        let drawn = tokio::task::spawn_blocking(move || Arc::new(diagram::of_process(&definition))).await;
        let drawn = drawn.inspect_err(|panic| tracing::error!(%panic, "laying out a definition panicked")).ok()?;
        let mut drawings = self.drawings.lock().unwrap_or_else(PoisonError::into_inner);
        if drawings.len() >= DRAWINGS_MAX {
            drawings.clear();
        }
        drawings.insert(text, drawn.clone());
        Some(drawn)
    }

    /// As [`Registry::reload`], if anything was published since.
    pub async fn refresh(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mark = store.versions_mark().await?;
        if *self.mark.lock().unwrap_or_else(PoisonError::into_inner) == mark {
            return Ok(());
        }
        self.reload(store).await?;
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
        Ok(())
    }

    /// Reads what was published since. A stored version that no longer compiles is left out and logged: its instances
    /// say so when something reaches them, and everything else works.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), StoreError> {
        let before = self.snapshot();
        let rows = store.read_versions().await?;
        let built = tokio::task::spawn_blocking(move || {
            let mut next = Snapshot::default();
            for row in rows {
                if let Some(known) = before.known(&row) {
                    next.add(&row, known);
                    continue;
                }
                match definition::parse(&row.source) {
                    Ok(parsed) => next.add(&row, parsed.definition),
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
    /// Whether an event of this type can concern anybody.
    pub fn concerns(&self, event_type: &str) -> bool {
        self.awaited.contains(event_type)
            || self.reactions.contains_key(event_type)
            || self.correlated.contains_key(event_type)
    }

    /// A version of a process, or its newest one.
    pub fn process(&self, name: &str, version: Option<u32>) -> Option<(u32, Arc<process::Definition>)> {
        let versions = self.processes.get(name)?;
        let version = version.unwrap_or(versions.newest);
        Some((version, versions.all.get(&version)?.clone()))
    }

    /// What an instance of this version runs: a process, or the steps of a saga.
    pub fn runs(&self, kind: DefinitionKind, name: &str, version: u32) -> Option<Arc<process::Definition>> {
        match kind {
            DefinitionKind::Process => self.process(name, Some(version)).map(|(_, definition)| definition),
            DefinitionKind::Saga => {
                let saga = self.sagas.get(name)?.all.get(&version)?;
                saga.stateful.as_ref().map(|stateful| Arc::new(stateful.process.clone()))
            }
        }
    }

    /// The steps of a stateful saga in their order; none of a process.
    pub fn steps(&self, kind: DefinitionKind, name: &str, version: u32) -> &[String] {
        let saga = || self.sagas.get(name)?.all.get(&version)?.stateful.as_ref();
        match kind {
            DefinitionKind::Process => &[],
            DefinitionKind::Saga => saga().map_or(&[], |stateful| &stateful.steps),
        }
    }

    /// All versions that an instance can run, newest first.
    pub fn versions(&self, kind: DefinitionKind, name: &str) -> Vec<u32> {
        let mut versions: Vec<u32> = match kind {
            DefinitionKind::Process => {
                self.processes.get(name).map_or_else(Vec::new, |it| it.all.keys().copied().collect())
            }
            DefinitionKind::Saga => self.sagas.get(name).map_or_else(Vec::new, |it| {
                it.all.iter().filter(|(_, saga)| saga.stateful.is_some()).map(|(version, _)| *version).collect()
            }),
        };
        versions.sort_unstable_by(|one, other| other.cmp(one));
        versions
    }

    pub fn sagas_for(&self, event_type: &str) -> &[Arc<saga::Definition>] {
        self.reactions.get(event_type).map_or(&[], Vec::as_slice)
    }

    /// Whether some version of some process or stateful saga waits for events of this type.
    pub fn is_awaited(&self, event_type: &str) -> bool {
        self.awaited.contains(event_type)
    }

    /// The instances of stateful sagas that `message` is about.
    ///
    /// # Errors
    ///
    /// It starts a saga, and what it is about cannot be told. An event that a saga only goes on with may be of a form
    /// that is none of its business.
    pub fn correlate(&self, message: &Message) -> Result<Correlated, String> {
        let mut found = Correlated::default();
        for saga in self.correlated.get(&message.message_type).into_iter().flatten() {
            let Some(correlation) = &saga.process.correlation else { continue };
            let starts = saga.is_newest && correlation.is_started_by(message);
            let value = match correlation.value(message) {
                Ok(value) => value,
                Err(failure) if starts => return Err(format!("saga {}: `correlate`: {failure}", saga.name)),
                Err(_) => continue,
            };
            let instance = saga::instance_id(&saga.name, &value);
            if !found.instances.contains(&instance) {
                found.instances.push(instance);
            }
            if starts {
                let (saga, version, definition) = (saga.name.clone(), saga.version, saga.process.clone());
                found.starts.push(ImplicitStart { instance, saga, version, definition, value });
            }
        }
        Ok(found)
    }

    /// The values under which instances may wait for this event, each with how long it is kept for those that do not yet.
    pub fn wait_values(&self, message: &Message) -> Vec<WaitValue> {
        let mut found: Vec<WaitValue> = Vec::new();
        for definition in self.processes.values().flat_map(|versions| versions.all.values()) {
            for value in process::wait_values(definition, message) {
                match found.iter_mut().find(|known| known.wait.1 == value) {
                    Some(known) => known.early = known.early.max(definition.early),
                    None => {
                        let wait = (message.message_type.clone(), value);
                        found.push(WaitValue { wait, early: definition.early });
                    }
                }
            }
        }
        found
    }

    /// What was read from the same text before.
    fn known(&self, row: &VersionRow) -> Option<Definition> {
        let VersionRow { kind, name, version, source, .. } = row;
        if self.texts.get(&(*kind, name.clone(), *version)) != Some(&fingerprint(source)) {
            return None;
        }
        match kind {
            DefinitionKind::Process => {
                let known = self.processes.get(name)?.all.get(version)?;
                Some(Definition::Process(process::Definition::clone(known)))
            }
            DefinitionKind::Saga => {
                let known = self.sagas.get(name)?.all.get(version)?;
                Some(Definition::Saga(saga::Definition::clone(known)))
            }
        }
    }

    fn add(&mut self, row: &VersionRow, definition: Definition) {
        let (name, version) = (row.name.clone(), row.version);
        self.texts.insert((row.kind, name.clone(), version), fingerprint(&row.source));
        match definition {
            Definition::Process(process) => self.processes.entry(name).or_default().add(version, process),
            Definition::Saga(saga) => self.sagas.entry(name).or_default().add(version, saga),
        }
    }

    fn index(&mut self) {
        let processes = self.processes.values().flat_map(|versions| versions.all.values());
        self.awaited = processes.flat_map(|definition| definition.awaited_types()).map(str::to_owned).collect();
        for (name, versions) in &self.sagas {
            for (&version, saga) in &versions.all {
                let is_newest = version == versions.newest;
                if is_newest {
                    for event_type in saga.on.keys() {
                        self.reactions.entry(event_type.clone()).or_default().push(saga.clone());
                    }
                }
                let Some(stateful) = &saga.stateful else { continue };
                let process = Arc::new(stateful.process.clone());
                let awaited = process.awaited_types().into_iter().map(str::to_owned);
                self.awaited.extend(awaited.clone());
                let starts = stateful.starts.iter().filter(|_| is_newest).cloned();
                let types: HashSet<String> = awaited.chain(starts).collect();
                let entry = Arc::new(SagaVersion { name: name.clone(), version, is_newest, process: process.clone() });
                for event_type in types {
                    self.correlated.entry(event_type).or_default().push(entry.clone());
                }
            }
        }
    }
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl<T> Versions<T> {
    fn add(&mut self, version: u32, definition: T) {
        self.all.insert(version, Arc::new(definition));
        self.newest = self.newest.max(version);
    }
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self { all: HashMap::new(), newest: 0 }
    }
}

//! The port `Store` over the tables in memory, as one node sees it: a gate before and after every write.
//!
//! A step is claimed and loaded at one moment and written at a later one. Databases lock in between; here whoever comes
//! second meets a conflict, as the stores' checks of sequences and inbox demand, and decides again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use baton_domain::{
    definition::DefinitionKind,
    ids::{InstanceId, MessageId, TaskId, TimerId},
    message::{Key, Message},
};
use baton_server::{
    broken::{self, Fault},
    store::{
        Bell, Decide, Store, StoreError,
        rows::{
            Appended, AttemptOutcome, AuditRow, BatchRow, BatchState, Changes, Claim, CleanKind, Cleaned, Counts,
            CredentialKind, CredentialRow, Decided, DeliveryRow, DestinationCounts, DestinationMinuteRow,
            DestinationRow, DraftRow, DraftSeen, DueDelivery, EarlyEvent, Expired, FailureGroupRow, Fence, HistoryRow,
            InstanceCount, InstanceFilter, InstanceRow, Instant, Loaded, Looked, MessageFilter, MessageRow, MinuteRow,
            NodeRow, Outbound, Page, Parked, PublishSeen, Recorded, Repair, RepairFilter, RouteRow, Settlement,
            SourceProgress, SourceRow, Swept, TableSize, TaskFilter, TaskRow, TaskState, TypeRow, VersionRow,
            VersionsMark,
        },
    },
};
use uuid::Uuid;

use super::{
    stage::{Node, Stage, Topic},
    tables::Tables,
};

/// What everybody outside would notice.
#[derive(Default)]
pub struct Witness {
    /// (consumer, message) in the order in which they were taken in.
    pub taken_in: Vec<(String, MessageId)>,
    /// Terminal states that changed afterwards.
    pub revived: Vec<String>,
    /// Events that were kept although somebody waited for them.
    pub missed: Vec<String>,
    /// In the order in which it was told of them.
    pub unclaimed: Vec<MessageId>,
}

#[derive(Clone)]
pub struct MemoryStore {
    pub stage: Arc<Stage>,
    pub node: Node,
    pub tables: Arc<Mutex<Tables>>,
    pub witness: Arc<Mutex<Witness>>,
    pub set_up: Arc<SetUp>,
}

/// What is configured and never changes in a run.
#[derive(Default)]
pub struct SetUp {
    pub versions: Vec<VersionRow>,
    pub destinations: Vec<DestinationRow>,
    pub routes: Vec<RouteRow>,
}

/// What was kept for a value, beside what was taken already.
struct LookedUp {
    value: (String, String),
    found: Option<MessageId>,
    except: Vec<MessageId>,
}

/// What a step looked at, to know at its end whether it is still so.
struct Seen {
    fresh: HashSet<MessageId>,
    instances: BTreeMap<InstanceId, i64>,
    timers: Vec<TimerId>,
    tasks: BTreeMap<TaskId, (TaskState, Option<String>)>,
    early: Vec<LookedUp>,
    /// Who waited for a value.
    waits: Vec<((String, String), Vec<InstanceId>)>,
}

impl MemoryStore {
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    fn load(&self, claim: &Claim) -> (Loaded, Seen) {
        let tables = self.tables();
        let is_fresh = |id: &&MessageId| !tables.inbox.contains(&(claim.consumer.clone(), **id));
        let fresh: HashSet<MessageId> = claim.messages.iter().filter(is_fresh).copied().collect();
        let timers: Vec<_> = claim.timers.iter().filter_map(|id| tables.timers.get(id)).cloned().collect();
        let tasks: HashMap<TaskId, TaskRow> =
            claim.tasks.iter().filter_map(|id| tables.tasks.get(id)).map(|task| (task.id, task.clone())).collect();
        let waits: HashMap<_, _> = claim
            .waits
            .iter()
            .map(|wait| (wait.clone(), tables.instances_waiting(wait)))
            .filter(|(_, found)| !found.is_empty())
            .collect();
        let mut ids: Vec<InstanceId> = claim.instances.clone();
        ids.extend(timers.iter().map(|timer| timer.instance));
        ids.extend(tasks.values().map(|task| task.instance));
        ids.extend(waits.values().flatten());
        let instances: HashMap<InstanceId, InstanceRow> =
            ids.iter().filter_map(|id| tables.instances.get(id)).map(|row| (row.id, row.clone())).collect();
        let started = claim
            .starts
            .iter()
            .filter_map(|start| tables.started.get(start).map(|instance| (start.clone(), *instance)))
            .collect();
        let seen = Seen {
            fresh: fresh.clone(),
            instances: instances.values().map(|row| (row.id, row.sequence)).collect(),
            timers: timers.iter().map(|timer| timer.id).collect(),
            tasks: tasks.values().map(|task| (task.id, (task.state, task.claimed_by.clone()))).collect(),
            early: Vec::new(),
            waits: Vec::new(),
        };
        (Loaded { fresh, instances, waits, timers, tasks, started }, seen)
    }

    /// Completes a decision with what is kept at this moment.
    fn complete(&self, mut decided: Decided, seen: &mut Seen) -> Changes {
        loop {
            let (look, then) = match decided {
                Decided::Done(changes) => return changes,
                Decided::Look(look, then) => (look, then),
            };
            let (tables, now) = (self.tables(), self.stage.calendar());
            let mut looked = Looked::default();
            for wait in look.wanted {
                let found = tables.kept_for(&wait, &look.except, now).cloned();
                let (value, except) = (wait.clone(), look.except.clone());
                seen.early.push(LookedUp { value, found: found.as_ref().map(|it| it.id), except });
                looked.found.extend(found.map(|message| (wait, message)));
            }
            for wait in look.kept {
                seen.waits.push((wait.clone(), tables.instances_waiting(&wait)));
            }
            drop(tables);
            decided = then(looked);
        }
    }

    fn commit(&self, claim: &Claim, seen: &Seen, changes: Changes, seqs: Vec<i64>) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let tables = &mut *tables;
        let checked = !broken::is(Fault::NoFencing);
        let taken = |id: &MessageId| tables.inbox.contains(&(claim.consumer.clone(), *id));
        if seen.fresh.iter().any(taken) {
            return Err(StoreError::Conflict { what: "inbox" });
        }
        let moved =
            |(id, sequence): (&InstanceId, &i64)| tables.instances.get(id).is_none_or(|row| row.sequence != *sequence);
        let gone = |id: &TimerId| !tables.timers.contains_key(id);
        let touched = |(id, state): (&TaskId, &(TaskState, Option<String>))| {
            tables.tasks.get(id).is_none_or(|task| (task.state, &task.claimed_by) != (state.0, &state.1))
        };
        if checked
            && (seen.instances.iter().any(moved) || seen.timers.iter().any(gone) || seen.tasks.iter().any(touched))
        {
            return Err(StoreError::Conflict { what: "instance" });
        }
        let now = self.stage.calendar();
        let has_come = |look: &LookedUp| tables.kept_for(&look.value, &look.except, now).map(|it| it.id) != look.found;
        let has_begun = |(wait, waiting): &(_, Vec<InstanceId>)| tables.instances_waiting(wait) != *waiting;
        if !broken::is(Fault::BlindToEarly) && (seen.early.iter().any(has_come) || seen.waits.iter().any(has_begun)) {
            return Err(StoreError::Conflict { what: "a wait" });
        }
        for change in &changes.instances {
            let start = change.idempotency_key.as_ref().map(|key| (change.row.definition.clone(), key.clone()));
            if start.is_some_and(|start| tables.started.contains_key(&start)) {
                return Err(StoreError::Conflict { what: "start" });
            }
        }
        let created = |id: &InstanceId| tables.instances.contains_key(id);
        let mut new = changes.instances.iter().filter(|change| change.expected_sequence.is_none());
        if new.any(|change| created(&change.row.id)) {
            return Err(StoreError::Conflict { what: "instance" });
        }
        let mut witness = self.witness.lock().unwrap();
        for id in claim.messages.iter().filter(|id| seen.fresh.contains(id)) {
            if !changes.messages_refused.contains(id) {
                tables.inbox.insert((claim.consumer.clone(), *id));
                witness.taken_in.push((claim.consumer.clone(), *id));
            }
        }
        for change in changes.instances {
            let (id, status) = (change.row.id, change.row.status);
            if let Some(key) = change.idempotency_key {
                tables.started.insert((change.row.definition.clone(), key), id);
            }
            let first = change.expected_sequence.unwrap_or(0) + 1;
            tables.history.entry(id).or_default().extend((first..).zip(change.history));
            if let Some(before) = tables.instances.insert(id, change.row)
                && before.status.is_terminal()
                && before.status != status
            {
                witness.revived.push(format!("{id} was {:?} and became {status:?}", before.status));
            }
        }
        for (seq, message) in seqs.into_iter().zip(changes.messages) {
            tables.insert(seq, message);
        }
        tables.timers.extend(changes.timers_set.into_iter().map(|timer| (timer.id, timer)));
        for timer in &changes.timers_gone {
            tables.timers.remove(timer);
        }
        tables.tasks.extend(changes.tasks_opened.into_iter().map(|task| (task.id, task)));
        for it in changes.tasks_reassigned {
            if let Some(task) = tables.tasks.get_mut(&it.id).filter(|task| task.ended_at.is_none()) {
                (task.assignee, task.candidate_group) = (it.assignee, it.candidate_group);
                (task.state, task.claimed_by) = (TaskState::Open, None);
            }
        }
        for closing in changes.tasks_closed {
            let Some(task) = tables.tasks.get_mut(&closing.id).filter(|task| task.ended_at.is_none()) else {
                if checked {
                    return Err(StoreError::Conflict { what: "task" });
                }
                continue;
            };
            (task.state, task.outcome, task.data) = (closing.state, closing.outcome, closing.data);
            (task.completed_by, task.ended_at) = (closing.by, changes.now);
        }
        tables.waits.retain(|wait| !changes.waits_gone.contains(&(wait.instance, wait.token)));
        tables.waits.extend(changes.waits_set);
        tables.early.retain(|event| !changes.early_taken.contains(&event.message.id));
        tables.early.extend(changes.early_kept);
        witness.missed.extend(tables.missed(now));
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn dialect(&self) -> &'static str {
        "memory"
    }
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn append(&self, messages: &[Message], _: Option<AuditRow>) -> Result<Appended, StoreError> {
        let mut appended = Appended::default();
        for message in messages {
            let seq = self.tables().next_seq();
            let new = self.tables().insert(seq, message.clone());
            if new { &mut appended.accepted } else { &mut appended.duplicates }.push(message.id);
        }
        self.stage.changed(Topic::Outbox);
        Ok(appended)
    }

    async fn take_in(&self, consumer: &str, messages: &[Message]) -> Result<Vec<MessageId>, StoreError> {
        let mut fresh = Vec::new();
        for message in messages {
            let seq = self.tables().next_seq();
            let mut tables = self.tables();
            if tables.inbox.insert((consumer.to_owned(), message.id)) && tables.insert(seq, message.clone()) {
                fresh.push(message.id);
            }
        }
        self.stage.changed(Topic::Outbox);
        Ok(fresh)
    }

    async fn read_unpublished(
        &self,
        fence: &Fence,
        now: Instant,
        limit: u32,
        except: &[i64],
    ) -> Result<Vec<Outbound>, StoreError> {
        let mut batch = self.tables().read_unpublished(self.node, fence, now, limit);
        batch.retain(|row| !except.contains(&row.seq));
        if !batch.is_empty() {
            self.stage.gate(self.node, "relay: read, not published").await;
        }
        Ok(batch)
    }

    async fn has_unpublished(&self, _: Instant) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn bell(&self) -> Result<Option<Box<dyn Bell>>, StoreError> {
        Ok(None)
    }

    async fn next_deliver_after(&self, _: Instant) -> Result<Option<Instant>, StoreError> {
        Ok(None)
    }

    async fn foreign_writes(&self) -> Result<Option<i64>, StoreError> {
        Ok(None)
    }

    async fn open_deliveries(&self, pairs: &[(Key, String)]) -> Result<HashSet<(Key, String)>, StoreError> {
        Ok(self.tables().open_deliveries(pairs))
    }

    async fn has_open_deliveries(&self, destination: &str) -> Result<bool, StoreError> {
        Ok(self.tables().has_open_deliveries(destination))
    }

    async fn settle(&self, fence: &Fence, settlement: Settlement) -> Result<Vec<Parked>, StoreError> {
        self.stage.gate(self.node, "relay: published, not marked").await;
        let settled = self.tables().settle(fence, settlement);
        self.stage.changed(Topic::Deliveries);
        self.stage.gate(self.node, "relay: marked").await;
        settled.map(|()| Vec::new())
    }

    async fn read_due_deliveries(
        &self,
        fence: &Fence,
        destination: &str,
        now: Instant,
        limit: u32,
        busy: &[i64],
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let due = self.tables().read_due(fence, destination, now, limit, busy);
        if !due.is_empty() {
            self.stage.gate(self.node, "deliveries: read").await;
        }
        Ok(due)
    }

    async fn next_attempt_at(&self, _: &str) -> Result<Option<Instant>, StoreError> {
        Ok(None)
    }

    async fn record_attempts(&self, outcomes: Vec<AttemptOutcome>) -> Result<Recorded, StoreError> {
        self.stage.gate(self.node, "deliveries: attempted, not recorded").await;
        let answers = self.tables().record(outcomes);
        self.stage.changed(Topic::Deliveries);
        self.stage.changed(Topic::Outbox);
        self.stage.gate(self.node, "deliveries: recorded").await;
        let accepted = answers.into_iter().map(|answer| answer.id).collect();
        Ok(Recorded { answers: Appended { accepted, duplicates: Vec::new() }, parked: Vec::new() })
    }

    async fn reroute(&self, _: &[(i64, String)], _: Instant) -> Result<(), StoreError> {
        unreachable!("routes do not change in a run")
    }

    async fn sweep_parked(&self) -> Result<Swept, StoreError> {
        Ok(Swept { changed: self.tables().sweep(), parked: Vec::new() })
    }

    async fn repair(&self, _: &RepairFilter, repair: &Repair, _: AuditRow) -> Result<u64, StoreError> {
        let touched = self.tables().repair_dead(repair);
        self.stage.changed(Topic::Deliveries);
        Ok(touched)
    }

    async fn renew_leases(&self, node: Uuid, name: &str, ttl_ms: i64, _: bool) -> Result<Fence, StoreError> {
        self.stage.gate(self.node, "leases: about to renew").await;
        let now_ms = self.stage.now_ms();
        let fence = self.tables().renew(node, name, ttl_ms, now_ms);
        self.stage.gate(self.node, "leases: renewed").await;
        Ok(fence)
    }

    async fn release_leases(&self, node: Uuid) -> Result<(), StoreError> {
        self.tables().release(node);
        Ok(())
    }

    async fn transact(&self, claim: Claim, decide: Decide) -> Result<(), StoreError> {
        self.stage.gate(self.node, "engine: about to begin").await;
        let (loaded, mut seen) = self.load(&claim);
        let changes = self.complete(decide(loaded), &mut seen);
        let seqs: Vec<i64> = changes.messages.iter().map(|_| self.tables().next_seq()).collect();
        self.stage.gate(self.node, "engine: decided, not committed").await;
        let (sends, timers) = (!changes.messages.is_empty(), !changes.timers_set.is_empty());
        self.commit(&claim, &seen, changes, seqs)?;
        if sends {
            self.stage.changed(Topic::Outbox);
        }
        if timers {
            self.stage.changed(Topic::Timers);
        }
        self.stage.gate(self.node, "engine: committed, not answered").await;
        Ok(())
    }

    async fn expire_early(&self, now: Instant, _: u64, limit: u32) -> Result<Expired, StoreError> {
        self.stage.gate(self.node, "keeper: about to look").await;
        let mut tables = self.tables();
        let kept = tables.early.len() as u64;
        let over = |event: &EarlyEvent| event.expires_at <= now;
        let unclaimed: Vec<_> =
            tables.early.iter().filter(|it| over(it)).map(|it| it.message.id).take(limit as usize).collect();
        tables.early.retain(|event| !unclaimed.contains(&event.message.id));
        self.witness.lock().unwrap().unclaimed.extend(&unclaimed);
        Ok(Expired { unclaimed, kept })
    }

    async fn keep_again(&self, _: &[(i64, EarlyEvent)], _: Instant) -> Result<(), StoreError> {
        unreachable!("nobody sends again what nobody took")
    }

    async fn read_due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerId>, StoreError> {
        let tables = self.tables();
        let due = tables.timers.values().filter(|timer| timer.due_at <= now);
        Ok(due.take(limit as usize).map(|timer| timer.id).collect())
    }

    async fn next_timer_at(&self) -> Result<Option<Instant>, StoreError> {
        Ok(self.tables().timers.values().map(|timer| timer.due_at).min())
    }

    async fn claim_task(&self, id: TaskId, by: &str, _: AuditRow) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let Some(task) = tables.tasks.get_mut(&id) else { return Ok(false) };
        let free = match task.state {
            TaskState::Open => true,
            TaskState::Claimed => task.claimed_by.as_deref() == Some(by),
            TaskState::Completed | TaskState::Withdrawn => false,
        };
        if free {
            (task.state, task.claimed_by) = (TaskState::Claimed, Some(by.to_owned()));
        }
        Ok(free)
    }

    async fn read_versions(&self) -> Result<Vec<VersionRow>, StoreError> {
        Ok(self.set_up.versions.clone())
    }
    async fn versions_mark(&self) -> Result<VersionsMark, StoreError> {
        Ok(VersionsMark::default())
    }
    async fn list_destinations(&self) -> Result<Vec<DestinationRow>, StoreError> {
        Ok(self.set_up.destinations.clone())
    }
    async fn note_types(&self, _: &[TypeRow]) -> Result<(), StoreError> {
        // Nobody asks for them here.
        Ok(())
    }
    async fn list_types(&self) -> Result<Vec<TypeRow>, StoreError> {
        unreachable!()
    }
    async fn list_routes(&self) -> Result<Vec<RouteRow>, StoreError> {
        Ok(self.set_up.routes.clone())
    }

    // What only people ask for; nobody does here.

    async fn count_repairable(&self, _: &RepairFilter) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn save_draft(&self, _: &DraftRow, _: &DraftSeen) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn discard_draft(&self, _: DefinitionKind, _: &str, _: &str, _: AuditRow) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn read_draft(&self, _: DefinitionKind, _: &str) -> Result<Option<DraftRow>, StoreError> {
        unreachable!()
    }
    async fn publish_version(&self, _: VersionRow, _: &PublishSeen, _: AuditRow) -> Result<u32, StoreError> {
        unreachable!()
    }
    async fn list_drafts(&self) -> Result<Vec<DraftRow>, StoreError> {
        unreachable!()
    }
    async fn count_instances(&self) -> Result<Vec<InstanceCount>, StoreError> {
        unreachable!()
    }
    async fn put_destination(&self, _: &DestinationRow, _: AuditRow) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn delete_destination(&self, _: &str, _: AuditRow) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn put_source(&self, _: &SourceRow, _: bool, _: AuditRow) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn delete_source(&self, _: &str, _: AuditRow) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn list_sources(&self) -> Result<Vec<SourceRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn record_source(&self, _: &SourceProgress) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn put_route(&self, _: &RouteRow, _: AuditRow) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn delete_route(&self, _: &str, _: AuditRow) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn count_deliveries(&self) -> Result<Vec<DestinationCounts>, StoreError> {
        unreachable!()
    }
    async fn destination_minutes(&self, _: Instant) -> Result<Vec<DestinationMinuteRow>, StoreError> {
        unreachable!()
    }
    async fn put_credential(&self, _: &CredentialRow) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn find_credential(
        &self,
        _: CredentialKind,
        _: &[u8],
        _: Instant,
    ) -> Result<Option<CredentialRow>, StoreError> {
        unreachable!()
    }
    async fn take_credential(
        &self,
        _: CredentialKind,
        _: &[u8],
        _: Instant,
    ) -> Result<Option<CredentialRow>, StoreError> {
        unreachable!()
    }
    async fn has_credentials(&self) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn list_messages(&self, _: &MessageFilter) -> Result<Page<MessageRow>, StoreError> {
        unreachable!()
    }
    async fn read_message(&self, _: MessageId) -> Result<Option<(MessageRow, Vec<DeliveryRow>)>, StoreError> {
        unreachable!()
    }
    async fn insert_batch(&self, _: &BatchRow, _: AuditRow) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn list_batches(&self, _: Option<Uuid>, _: u32) -> Result<Vec<BatchRow>, StoreError> {
        unreachable!()
    }
    async fn next_batch(&self) -> Result<Option<BatchRow>, StoreError> {
        unreachable!()
    }
    async fn record_batch(&self, _: &BatchRow, _: Option<&str>) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn set_batch_state(&self, _: Uuid, _: BatchState, _: BatchState, _: AuditRow) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn count_instances_like(&self, _: &InstanceFilter) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn list_nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
        unreachable!()
    }
    async fn list_failures(&self) -> Result<Vec<FailureGroupRow>, StoreError> {
        unreachable!()
    }
    async fn list_instances(&self, _: &InstanceFilter) -> Result<Page<InstanceRow>, StoreError> {
        unreachable!()
    }
    async fn read_instance(&self, _: InstanceId) -> Result<Option<InstanceRow>, StoreError> {
        unreachable!()
    }
    async fn read_history(&self, _: InstanceId, _: i64, _: u32) -> Result<Vec<HistoryRow>, StoreError> {
        unreachable!()
    }
    async fn list_tasks(&self, _: &TaskFilter) -> Result<Page<TaskRow>, StoreError> {
        unreachable!()
    }
    async fn read_task(&self, _: TaskId) -> Result<Option<TaskRow>, StoreError> {
        unreachable!()
    }
    async fn counts(&self, _: Instant) -> Result<Counts, StoreError> {
        unreachable!()
    }
    async fn minutes(&self, _: Instant) -> Result<Vec<MinuteRow>, StoreError> {
        unreachable!()
    }
    async fn list_audit(&self, _: Option<&str>, _: u32) -> Result<Vec<AuditRow>, StoreError> {
        unreachable!()
    }
    async fn clean(&self, _: CleanKind, _: Instant, _: u32) -> Result<Cleaned, StoreError> {
        unreachable!()
    }
    async fn prepare_partitions(&self, _: Instant) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn table_sizes(&self, _: u32) -> Result<Vec<TableSize>, StoreError> {
        unreachable!()
    }
}

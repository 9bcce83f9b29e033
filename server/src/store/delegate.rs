//! The port's methods, handed on to the module of the adapter that is about their subject.

/// Implements [`super::Store`] for an adapter that has the modules and functions named here.
macro_rules! delegate_store {
    ($adapter:ident, $dialect:literal) => {
        #[async_trait::async_trait]
        impl Store for $adapter {
            fn dialect(&self) -> &'static str {
                $dialect
            }
            async fn ping(&self) -> Result<(), StoreError> {
                housekeeping::ping(self).await?;
                self.room.check()
            }

            async fn append(&self, messages: &[Message], audit: Option<AuditRow>) -> Result<Appended, StoreError> {
                self.room.note(outbox::append(self, messages, audit).await)
            }
            async fn take_in(&self, consumer: &str, messages: &[Message]) -> Result<Vec<MessageId>, StoreError> {
                self.room.note(outbox::take_in(self, consumer, messages).await)
            }
            async fn read_unpublished(
                &self,
                fence: &Fence,
                now: Instant,
                limit: u32,
                except: &[i64],
            ) -> Result<Vec<Outbound>, StoreError> {
                outbox::read_unpublished(self, fence, now, limit, except).await
            }
            async fn has_unpublished(&self, now: Instant) -> Result<bool, StoreError> {
                outbox::has_unpublished(self, now).await
            }
            async fn next_deliver_after(&self, now: Instant) -> Result<Option<Instant>, StoreError> {
                outbox::next_deliver_after(self, now).await
            }
            async fn foreign_writes(&self) -> Result<Option<i64>, StoreError> {
                outbox::foreign_writes(self).await
            }
            async fn bell(&self) -> Result<Option<Box<dyn Bell>>, StoreError> {
                bell::bell(self).await
            }
            fn log(&self, slot: Option<&str>) -> Option<Arc<dyn Log>> {
                log::log(self, slot)
            }
            async fn settle(&self, fence: &Fence, settlement: Settlement) -> Result<Vec<Parked>, StoreError> {
                self.room.note(outbox::settle(self, fence, settlement).await)
            }

            async fn open_deliveries(&self, pairs: &[(Key, String)]) -> Result<HashSet<(Key, String)>, StoreError> {
                delivery::open_deliveries(self, pairs).await
            }
            async fn has_open_deliveries(&self, destination: &str) -> Result<bool, StoreError> {
                delivery::has_open_deliveries(self, destination).await
            }
            async fn read_due_deliveries(
                &self,
                fence: &Fence,
                destination: &str,
                now: Instant,
                limit: u32,
                busy: &[i64],
            ) -> Result<Vec<DueDelivery>, StoreError> {
                delivery::read_due(self, fence, destination, now, limit, busy).await
            }
            async fn next_attempt_at(&self, destination: &str) -> Result<Option<Instant>, StoreError> {
                delivery::next_attempt_at(self, destination).await
            }
            async fn record_attempts(&self, outcomes: Vec<AttemptOutcome>) -> Result<Recorded, StoreError> {
                self.room.note(delivery::record_attempts(self, outcomes).await)
            }
            async fn reroute(&self, moves: &[(i64, String)], now: Instant) -> Result<(), StoreError> {
                self.room.note(delivery::reroute(self, moves, now).await)
            }
            async fn sweep_parked(&self) -> Result<Swept, StoreError> {
                self.room.note(repair::sweep_parked(self).await)
            }
            async fn repair(&self, filter: &RepairFilter, repair: &Repair, audit: AuditRow) -> Result<u64, StoreError> {
                self.room.note(repair::repair(self, filter, repair, audit).await)
            }
            async fn count_repairable(&self, filter: &RepairFilter) -> Result<u64, StoreError> {
                repair::count_repairable(self, filter).await
            }

            async fn renew_leases(
                &self,
                node: Uuid,
                name: &str,
                ttl_ms: i64,
                reads_log: bool,
            ) -> Result<Fence, StoreError> {
                self.room.note(lease::renew(self, node, name, ttl_ms, reads_log).await)
            }
            async fn release_leases(&self, node: Uuid) -> Result<(), StoreError> {
                self.room.note(lease::release(self, node).await)
            }
            async fn insert_batch(&self, row: &BatchRow, audit: AuditRow) -> Result<(), StoreError> {
                batch::insert(self, row, audit).await
            }
            async fn list_batches(&self, id: Option<Uuid>, limit: u32) -> Result<Vec<BatchRow>, StoreError> {
                batch::list(self, id, limit).await
            }
            async fn next_batch(&self) -> Result<Option<BatchRow>, StoreError> {
                batch::next(self).await
            }
            async fn record_batch(&self, row: &BatchRow, position: Option<&str>) -> Result<bool, StoreError> {
                batch::record(self, row, position).await
            }
            async fn set_batch_state(
                &self,
                id: Uuid,
                from: BatchState,
                to: BatchState,
                audit: AuditRow,
            ) -> Result<bool, StoreError> {
                batch::set_state(self, id, from, to, audit).await
            }
            async fn count_instances_like(&self, filter: &InstanceFilter) -> Result<u64, StoreError> {
                instance::count_like(self, filter).await
            }
            async fn list_nodes(&self) -> Result<Vec<NodeRow>, StoreError> {
                lease::nodes(self).await
            }

            async fn transact(&self, claim: Claim, decide: Decide) -> Result<(), StoreError> {
                self.room.note(engine::transact(self, claim, decide).await)
            }
            async fn expire_early(&self, now: Instant, kept_max: u64, limit: u32) -> Result<Expired, StoreError> {
                self.room.note(early::expire(self, now, kept_max, limit).await)
            }
            async fn keep_again(&self, events: &[(i64, EarlyEvent)], now: Instant) -> Result<(), StoreError> {
                self.room.note(early::keep_again(self, events, now).await)
            }
            async fn read_due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerId>, StoreError> {
                engine::read_due_timers(self, now, limit).await
            }
            async fn next_timer_at(&self) -> Result<Option<Instant>, StoreError> {
                engine::next_timer_at(self).await
            }
            async fn claim_task(&self, id: TaskId, by: &str, audit: AuditRow) -> Result<bool, StoreError> {
                self.room.note(task::claim(self, id, by, audit).await)
            }

            async fn save_draft(&self, draft: &DraftRow, seen: &DraftSeen) -> Result<(), StoreError> {
                self.room.note(definition::save_draft(self, draft, seen).await)
            }
            async fn discard_draft(
                &self,
                kind: DefinitionKind,
                name: &str,
                mark: &str,
                audit: AuditRow,
            ) -> Result<bool, StoreError> {
                self.room.note(definition::discard_draft(self, kind, name, mark, audit).await)
            }
            async fn read_draft(&self, kind: DefinitionKind, name: &str) -> Result<Option<DraftRow>, StoreError> {
                definition::read_draft(self, kind, name).await
            }
            async fn publish_version(
                &self,
                version: VersionRow,
                seen: &PublishSeen,
                audit: AuditRow,
            ) -> Result<u32, StoreError> {
                self.room.note(definition::publish_version(self, version, seen, audit).await)
            }
            async fn read_versions(&self) -> Result<Vec<VersionRow>, StoreError> {
                definition::read_versions(self).await
            }
            async fn versions_mark(&self) -> Result<VersionsMark, StoreError> {
                definition::versions_mark(self).await
            }
            async fn list_drafts(&self) -> Result<Vec<DraftRow>, StoreError> {
                definition::list_drafts(self).await
            }
            async fn count_instances(&self) -> Result<Vec<InstanceCount>, StoreError> {
                instance::count(self).await
            }

            async fn put_destination(&self, row: &DestinationRow, audit: AuditRow) -> Result<(), StoreError> {
                self.room.note(destination::put(self, row, audit).await)
            }
            async fn delete_destination(&self, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
                self.room.note(destination::delete(self, name, audit).await)
            }
            async fn list_destinations(&self) -> Result<Vec<DestinationRow>, StoreError> {
                destination::list(self).await
            }
            async fn put_route(&self, row: &RouteRow, audit: AuditRow) -> Result<(), StoreError> {
                self.room.note(destination::put_route(self, row, audit).await)
            }
            async fn delete_route(&self, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
                self.room.note(destination::delete_route(self, name, audit).await)
            }
            async fn note_types(&self, rows: &[TypeRow]) -> Result<(), StoreError> {
                destination::note_types(self, rows).await
            }
            async fn list_types(&self) -> Result<Vec<TypeRow>, StoreError> {
                destination::list_types(self).await
            }
            async fn list_routes(&self) -> Result<Vec<RouteRow>, StoreError> {
                destination::list_routes(self).await
            }
            async fn put_source(&self, row: &SourceRow, anew: bool, audit: AuditRow) -> Result<(), StoreError> {
                self.room.note(source::put(self, row, anew, audit).await)
            }
            async fn delete_source(&self, name: &str, audit: AuditRow) -> Result<bool, StoreError> {
                self.room.note(source::delete(self, name, audit).await)
            }
            async fn list_sources(&self) -> Result<Vec<SourceRow>, StoreError> {
                source::list(self).await
            }
            async fn record_source(&self, progress: &SourceProgress) -> Result<bool, StoreError> {
                self.room.note(source::record(self, progress).await)
            }
            async fn count_deliveries(&self) -> Result<Vec<DestinationCounts>, StoreError> {
                destination::count_deliveries(self).await
            }
            async fn destination_minutes(&self, from: Instant) -> Result<Vec<DestinationMinuteRow>, StoreError> {
                destination::minutes(self, from).await
            }

            async fn put_credential(&self, row: &CredentialRow) -> Result<(), StoreError> {
                self.room.note(access::put(self, row).await)
            }
            async fn find_credential(
                &self,
                kind: CredentialKind,
                secret_hash: &[u8],
                now: Instant,
            ) -> Result<Option<CredentialRow>, StoreError> {
                access::find(self, kind, secret_hash, now).await
            }
            async fn take_credential(
                &self,
                kind: CredentialKind,
                secret_hash: &[u8],
                now: Instant,
            ) -> Result<Option<CredentialRow>, StoreError> {
                self.room.note(access::take(self, kind, secret_hash, now).await)
            }
            async fn has_credentials(&self) -> Result<bool, StoreError> {
                access::has_any(self).await
            }

            async fn list_messages(&self, filter: &MessageFilter) -> Result<Page<MessageRow>, StoreError> {
                message::list(self, filter).await
            }
            async fn read_message(&self, id: MessageId) -> Result<Option<(MessageRow, Vec<DeliveryRow>)>, StoreError> {
                message::read(self, id).await
            }
            async fn list_failures(&self) -> Result<Vec<FailureGroupRow>, StoreError> {
                message::list_failures(self).await
            }
            async fn list_instances(&self, filter: &InstanceFilter) -> Result<Page<InstanceRow>, StoreError> {
                instance::list(self, filter).await
            }
            async fn read_instance(&self, id: InstanceId) -> Result<Option<InstanceRow>, StoreError> {
                instance::read(self, id).await
            }
            async fn read_history(
                &self,
                id: InstanceId,
                after: i64,
                limit: u32,
            ) -> Result<Vec<HistoryRow>, StoreError> {
                instance::read_history(self, id, after, limit).await
            }
            async fn list_tasks(&self, filter: &TaskFilter) -> Result<Page<TaskRow>, StoreError> {
                task::list(self, filter).await
            }
            async fn read_task(&self, id: TaskId) -> Result<Option<TaskRow>, StoreError> {
                task::read(self, id).await
            }
            async fn counts(&self, now: Instant) -> Result<Counts, StoreError> {
                overview::counts(self, now).await
            }
            async fn minutes(&self, from: Instant) -> Result<Vec<MinuteRow>, StoreError> {
                overview::minutes(self, from).await
            }
            async fn list_audit(&self, subject: Option<&str>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
                access::list_audit(self, subject, limit).await
            }

            async fn clean(&self, kind: CleanKind, before: Instant, limit: u32) -> Result<Cleaned, StoreError> {
                self.room.note(housekeeping::clean(self, kind, before, limit).await)
            }
            async fn prepare_partitions(&self, now: Instant) -> Result<u64, StoreError> {
                self.room.note(housekeeping::prepare_partitions(self, now).await)
            }
            async fn table_sizes(&self, limit: u32) -> Result<Vec<TableSize>, StoreError> {
                housekeeping::table_sizes(self, limit).await
            }
        }
    };
}

pub(super) use delegate_store;

//! What the engine has to do, one behaviour each.

use baton_app::{
    model::*,
    port::{AppError, Backend as _},
};
use serde_json::{Value, json};

use crate::{
    fixture::{World, actor, event, eventually},
    starts::WAITER,
};

fn quotes() -> Value {
    json!({"quotes": [
        {"code": "AF264", "carrier": "Air France", "price": 940},
        {"code": "KE901", "carrier": "Korean Air", "price": 812},
    ]})
}

pub async fn a_trip_is_booked_when_the_employee_approves(world: World) {
    let trip = world.trip().await;
    world.answer(&world.command("RequestQuotes").await, "QuotesReceived", quotes()).await;

    // The cheapest route was picked by the algorithm, and the employee is asked.
    let task = world.task(trip, "employee").await;
    assert_eq!(task.assignee.as_deref(), Some("mina"));
    assert!(task.title.contains("KE901") && task.title.contains("812"), "{}", task.title);
    world.complete(&task, "approve", Value::Null).await.unwrap();

    let booking = world.command("BookFlight").await;
    assert_eq!(booking.payload["code"], "KE901");
    assert_eq!(booking.correlation_id.as_deref(), Some(trip.to_string().as_str()));
    world.answer(&booking, "FlightBooked", json!({"pnr": "7QK2LM"})).await;
    let hotel = world.command("BookHotel").await;
    assert_eq!((&hotel.payload["check_in"], &hotel.payload["check_out"]), (&json!("2026-12-01"), &json!("2026-12-08")));
    world.answer(&hotel, "HotelBooked", json!({"hotel": "Lumen", "confirmation": "H-1"})).await;

    let done = world.until_state(trip, "completed").await;
    assert_eq!(done.variables["hotel"], "Lumen");
    assert_eq!(done.progress["booked"], Progress::Done);
    assert!(done.walked.contains(&"employee/approve".to_owned()));
    assert!(!done.progress.contains_key("manager"), "the manager was not asked");
    world.stop().await;
}

pub async fn another_route_goes_to_the_manager(world: World) {
    let trip = world.trip().await;
    world.answer(&world.command("RequestQuotes").await, "QuotesReceived", quotes()).await;
    let task = world.task(trip, "employee").await;

    // A form that breaks its schema is refused, and the task stays open.
    let refused = world.complete(&task, "other-route", json!({"why": "window seat"})).await.unwrap_err();
    assert!(matches!(&refused, AppError::Invalid(found) if found[0].message.contains("code")), "{refused:?}");
    world.complete(&task, "other-route", json!({"code": "AF264"})).await.unwrap();

    let task = world.task(trip, "manager").await;
    assert_eq!(task.assignee.as_deref(), Some("sora"));
    world.complete(&task, "approve", json!({})).await.unwrap();
    assert_eq!(world.command("BookFlight").await.payload["code"], "AF264");
    world.stop().await;
}

pub async fn no_hotel_cancels_the_flight(world: World) {
    let trip = world.trip().await;
    world.answer(&world.command("RequestQuotes").await, "QuotesReceived", quotes()).await;
    world.complete(&world.task(trip, "employee").await, "approve", Value::Null).await.unwrap();
    world.answer(&world.command("BookFlight").await, "FlightBooked", json!({"pnr": "7QK2LM"})).await;
    world.answer(&world.command("BookHotel").await, "NoHotelFree", json!({})).await;

    let cancel = world.command("CancelFlight").await;
    assert_eq!(cancel.payload["pnr"], "7QK2LM");
    world.answer(&cancel, "FlightCancelled", json!({})).await;

    let ended = world.until_state(trip, "failed").await;
    assert!(ended.walked.contains(&"book-hotel/NoHotelFree".to_owned()));
    world.stop().await;
}

pub async fn the_saga_answers_each_event_once(world: World) {
    world.publish_shipped("campaign-publishing").await;
    let activated = event("CampaignActivated", "campaign", "c-1", json!({"campaign_id": "c-1", "title": "Spring"}));
    world.append(std::slice::from_ref(&activated)).await;
    let command = world.command("SubmitAdvertisement").await;
    assert_eq!((command.key.aggregate_type.as_str(), command.key.aggregate_id.as_str()), ("ad-publishing", "c-1"));
    assert_eq!(command.causation_id, Some(activated.id.to_string()));

    // The same message again is a duplicate; another activation is another command.
    let again = world.service().append(std::slice::from_ref(&activated)).await.unwrap();
    assert_eq!((again.accepted.len(), again.duplicates.len()), (0, 1));
    let second = event("CampaignActivated", "campaign", "c-1", json!({"campaign_id": "c-1"}));
    world.append(&[second]).await;
    world.answer(&command, "PublishingConfirmed", json!({"campaign_id": "c-1"})).await;
    world.command("TrackPublishingConfirmation").await;
    world.until_quiet().await;
    assert_eq!(world.participant.count("SubmitAdvertisement"), 2);
    assert_eq!(world.participant.count("TrackPublishingConfirmation"), 1);
    world.stop().await;
}

pub async fn of_two_people_who_complete_a_task_one_wins(world: World) {
    world.publish(WAITER).await;
    let instance = world.start_with("waiter", json!({"n": 1}), None).await.unwrap().id;
    let task = world.task(instance, "ask").await;
    let (yes, no) = tokio::join!(world.complete(&task, "yes", Value::Null), world.complete(&task, "no", Value::Null));
    assert_ne!(yes.is_ok(), no.is_ok(), "exactly one of them decides: {yes:?}, {no:?}");
    let refused = if yes.is_err() { yes } else { no }.unwrap_err();
    assert!(matches!(&refused, AppError::Conflict { .. }), "{refused:?}");
    assert_eq!(world.count_events(instance, "task_completed").await, 1);
    assert_eq!(world.count_events(instance, "ended").await, 1);
    world.stop().await;
}

pub async fn an_approval_after_cancellation_is_refused(world: World) {
    world.publish(WAITER).await;
    let instance = world.start_with("waiter", json!({"n": 1}), None).await.unwrap().id;
    let task = world.task(instance, "ask").await;
    world.operate(instance, Operate::Cancel { compensate: false }).await.unwrap();
    let refused = world.complete(&task, "yes", Value::Null).await.unwrap_err();
    assert!(matches!(&refused, AppError::Conflict { .. }), "{refused:?}");
    let detail = world.service().instance(instance).await.unwrap();
    assert_eq!(detail.summary.state, "cancelled");
    assert_eq!(detail.tasks[0].state, "withdrawn");
    let again = world.operate(instance, Operate::Cancel { compensate: false }).await.unwrap_err();
    assert!(matches!(&again, AppError::Conflict { .. }), "{again:?}");
    world.stop().await;
}

const ASKER: &str = "
baton: process/1
name: asker
nodes:
  start: {kind: start, next: ask}
  ask:
    kind: command
    send: Ask
    to: oracle
    on:
      Answered: {set: {answer: =event.payload.text}, next: done}
      timeout: {after: PT1H, next: late}
  done: {kind: end, outcome: completed}
  late: {kind: end, outcome: failed}
";

pub async fn a_reply_for_an_ended_instance_changes_nothing(world: World) {
    world.publish(ASKER).await;
    let instance = world.start_with("asker", json!({}), None).await.unwrap().id;
    let command = world.command("Ask").await;
    world.answer(&command, "Answered", json!({"text": "42"})).await;
    let before = world.until_state(instance, "completed").await;

    world.answer(&command, "Answered", json!({"text": "43"})).await;
    eventually("the late reply in the history", async || {
        (world.count_events(instance, "message_late").await == 1).then_some(())
    })
    .await;
    let after = world.service().instance(instance).await.unwrap();
    assert_eq!(after.summary.state, "completed");
    assert_eq!(after.variables, before.variables);
    assert_eq!(after.summary.ended_at, before.summary.ended_at);
    world.stop().await;
}

pub async fn a_timer_takes_an_instance_on(world: World) {
    world
        .publish(
            "
baton: process/1
name: napper
nodes:
  start: {kind: start, next: nap}
  nap: {kind: timer, for: PT0.2S, next: done}
  done: {kind: end, outcome: completed}
",
        )
        .await;
    let instance = world.start_with("napper", json!({}), None).await.unwrap().id;
    let done = world.until_state(instance, "completed").await;
    assert!(done.summary.ended_at.unwrap() - done.summary.created_at >= chrono::TimeDelta::milliseconds(200));
    assert_eq!(world.count_events(instance, "timer_fired").await, 1);
    world.stop().await;
}

pub async fn a_failing_expression_leaves_the_instance_stuck_and_visible(world: World) {
    world.publish(ASKER).await;
    let instance = world.start_with("asker", json!({}), None).await.unwrap().id;
    // The answer lacks what the definition reads from it.
    world.answer(&world.command("Ask").await, "Answered", json!({"nothing": true})).await;
    let stuck = world.until_state(instance, "stuck").await;
    assert_eq!(stuck.progress["ask"], Progress::Failed);
    assert!(stuck.summary.incident.as_deref().unwrap().contains("text"), "{:?}", stuck.summary.incident);
    let retry = stuck.operations.iter().find(|operation| operation.name == OperationName::Retry).unwrap();
    assert_eq!(retry.refused, None);

    // Trying again fails again, and sends nothing twice.
    world.operate(instance, Operate::Retry { token: None }).await.unwrap();
    world.until_state(instance, "stuck").await;
    assert_eq!(world.count_events(instance, "incident_raised").await, 2);
    assert_eq!(world.participant.count("Ask"), 1);
    world.stop().await;
}

const ENDLESS: &str = "
baton: process/1
name: endless
nodes:
  start: {kind: start, next: count}
  count:
    kind: compute
    set: {sums: '=input.n.map(a, input.n.map(b, input.n.map(c, a * b * c).sum()).sum()).sum()'}
    next: done
  done: {kind: end}
";

pub async fn an_expression_without_end_is_stopped_and_holds_up_nobody(world: World) {
    world.publish(ENDLESS).await;
    let start = |n: u32| world.start_with("endless", json!({"n": (0..n).collect::<Vec<_>>()}), None);
    // 10^12 products beside 8 of them, in the same queue.
    let (stuck, quick) = tokio::join!(start(10_000), start(2));
    let (stuck, quick) = (stuck.unwrap().id, quick.unwrap().id);
    world.until_state(quick, "completed").await;
    let stuck = world.until_state(stuck, "stuck").await;
    assert_eq!(stuck.progress["count"], Progress::Failed);
    let reason = stuck.summary.incident.unwrap();
    assert!(reason.contains("takes too long"), "{reason}");

    let after = start(2).await.unwrap().id;
    world.until_state(after, "completed").await;
    world.stop().await;
}

pub async fn instances_stay_on_their_version(world: World) {
    assert_eq!(world.publish(ASKER).await, 1);
    let old = world.start_with("asker", json!({}), None).await.unwrap().id;
    assert_eq!(
        world.publish(&ASKER.replace("answer: =event.payload.text", "answer: ='v2 ' + event.payload.text")).await,
        2
    );
    assert_eq!(
        world.publish(&ASKER.replace("answer: =event.payload.text", "answer: ='v2 ' + event.payload.text")).await,
        2
    );
    let command = world.command("Ask").await;
    let new = world.start_with("asker", json!({}), None).await.unwrap().id;
    world.answer(&command, "Answered", json!({"text": "42"})).await;
    let done = world.until_state(old, "completed").await;
    assert_eq!((done.summary.version, &done.variables["answer"]), (1, &json!("42")));
    assert_eq!(world.service().instance(new).await.unwrap().summary.version, 2);
    world.stop().await;
}

const BROKEN_SAGA: &str = "
baton: saga/1
name: greeter
on:
  Arrived: {send: Greet, to: hall, key: =event.payload.guest.name}
";

pub async fn a_reaction_that_fails_is_a_failed_delivery_and_works_once_mended(world: World) {
    world.publish(BROKEN_SAGA).await;
    let arrived = event("Arrived", "door", "front", json!({"guest": "Mina"}));
    world.append(std::slice::from_ref(&arrived)).await;
    let failed = eventually("the failed delivery", async || {
        let detail = world.service().message(arrived.id.0).await.ok()?;
        detail.deliveries.into_iter().find(|delivery| delivery.failure_class.as_deref() == Some("reaction-failed"))
    })
    .await;
    assert!(failed.error.unwrap().contains("greeter"));

    world.publish(&BROKEN_SAGA.replace("payload.guest.name", "payload.guest")).await;
    let filter = RepairFilter { message: Some(arrived.id.0), ..RepairFilter::default() };
    // It may have been retried by itself meanwhile; either way the command arrives, once.
    let _ = world.service().repair(actor(), RepairAction::Retry, filter, None).await;
    assert_eq!(world.command("Greet").await.key.aggregate_id, "Mina");
    world.until_quiet().await;
    assert_eq!(world.participant.count("Greet"), 1);
    world.stop().await;
}

pub async fn a_suspended_instance_goes_on_when_resumed(world: World) {
    world.publish(ASKER).await;
    let instance = world.start_with("asker", json!({}), None).await.unwrap().id;
    let command = world.command("Ask").await;
    world.operate(instance, Operate::Suspend).await.unwrap();
    world.answer(&command, "Answered", json!({"text": "42"})).await;
    eventually("the reply to be held", async || (world.count_events(instance, "held").await == 1).then_some(())).await;
    assert_eq!(world.service().instance(instance).await.unwrap().summary.state, "suspended");
    world.operate(instance, Operate::Resume).await.unwrap();
    assert_eq!(world.until_state(instance, "completed").await.variables["answer"], "42");
    let audit = world.service().audit(Some(format!("instance/{instance}"))).await.unwrap();
    let actions: Vec<&str> = audit.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["suspend-instance", "resume-instance"]);
    world.stop().await;
}

const ORDER: &str = "
baton: process/1
name: order
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: Reserve
    to: stock
    undo: {send: Release, done: Released, failed: Kept, timeout: {after: PT1H, then: stuck}}
    on: {Reserved: {next: charge}, timeout: {after: PT1H, then: wait}}
  charge:
    kind: command
    send: Charge
    to: payments
    fails: Declined
    match: {event: =event.payload.order, with: =instance.id}
    undo: {send: Refund, done: Refunded, timeout: {after: PT1H, then: stuck}}
    on: {Charged: {next: done}, Declined: {next: undo}, timeout: {after: PT0.1S, next: undo}}
  undo: {kind: compensate, next: undone}
  done: {kind: end}
  undone: {kind: end, outcome: compensated}
";

pub async fn what_was_done_is_undone_once_it_is_settled(world: World) {
    world.publish(ORDER).await;
    let instance = world.start_with("order", json!({}), None).await.unwrap().id;
    world.answer(&world.command("Reserve").await, "Reserved", json!({})).await;
    let charge = world.command("Charge").await;
    // The time-out goes to `undo`, where nothing is undone before it is known whether it was charged.
    world.until_state(instance, "compensating").await;
    assert_eq!((world.participant.count("Refund"), world.participant.count("Release")), (0, 0));
    // The late answer knows nothing but the value.
    let late = event("Charged", "payments", "p", json!({"order": charge.key.aggregate_id}));
    world.append(&[late]).await;
    world.answer(&world.command("Refund").await, "Refunded", json!({})).await;
    world.answer(&world.command("Release").await, "Kept", json!({})).await;
    let stuck = world.until_state(instance, "stuck").await;
    assert!(stuck.summary.incident.as_deref().unwrap().contains("could not be undone"), "{:?}", stuck.summary.incident);
    world.operate(instance, Operate::Retry { token: None }).await.unwrap();
    eventually("the undo is sent again", async || (world.participant.count("Release") == 2).then_some(())).await;
    let again = world.participant.received().into_iter().rfind(|it| it.message_type == "Release").unwrap();
    world.answer(&again, "Released", json!({})).await;
    world.until_state(instance, "compensated").await;
    world.check_no_orphans().await;
    world.stop().await;
}

pub async fn a_task_that_nobody_completes_goes_to_somebody_else(world: World) {
    world
        .publish(
            "
baton: process/1
name: patient
nodes:
  start: {kind: start, next: sign}
  sign:
    kind: approval
    title: Sign
    assignee: kim
    escalate: {after: PT0.1S, group: bosses}
    outcomes: {sign: {next: done}}
  done: {kind: end}
",
        )
        .await;
    let instance = world.start_with("patient", json!({}), None).await.unwrap().id;
    let task = eventually("the task goes to the group", async || {
        let task = world.task(instance, "sign").await;
        (task.candidate_group.as_deref() == Some("bosses")).then_some(task)
    })
    .await;
    assert_eq!(task.assignee, None);
    world.complete(&task, "sign", json!({})).await.unwrap();
    world.until_state(instance, "completed").await;
    world.stop().await;
}

pub async fn a_command_that_is_not_answered_is_sent_again(world: World) {
    world
        .publish(
            "
baton: process/1
name: stubborn
nodes:
  start: {kind: start, next: ask}
  ask:
    kind: command
    send: Ask
    to: oracle
    retry: {attempts: 2, delay: PT0.1S}
    on: {Answered: {next: done}, timeout: {after: PT0.1S, then: wait}}
  done: {kind: end}
",
        )
        .await;
    let instance = world.start_with("stubborn", json!({}), None).await.unwrap().id;
    eventually("two attempts", async || (world.participant.count("Ask") == 2).then_some(())).await;
    let attempts = world.participant.received();
    let key = &attempts.last().unwrap().headers["baton-idempotency-key"];
    assert_eq!(*key, attempts[0].id.to_string());
    world.answer(&attempts[0], "Answered", json!({})).await;
    world.until_state(instance, "completed").await;
    world.stop().await;
}

//! What operators do to instances: each operation is done, stands in the audit, or is refused with its place and changes
//! nothing.

use baton_app::{
    model::*,
    port::{Answer, AppError, Backend as _},
};
use baton_domain::message::Message;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::fixture::{World, actor, eventually};

on_both!(operations:
    a_step_is_skipped_by_a_port,
    a_token_is_moved_to_another_node,
    changed_variables_let_a_stuck_instance_go_on,
    of_two_operators_at_once_one_is_refused,
    cancelling_undoes_what_was_done_first,
    a_command_that_nobody_answered_is_settled_by_hand,
    an_undo_that_failed_is_skipped_or_abandoned,
    an_ended_instance_takes_no_operation,
    each_operation_leaves_its_reason_in_the_history_and_the_audit,
    what_cannot_be_done_says_where_it_is_wrong,
    an_instance_shows_whom_it_called,
    an_instance_is_shown_as_it_was,
    of_a_long_history_the_newest_facts_are_shown,
    an_item_of_a_loop_is_mended_by_variables_of_its_own,
);

const ORDER: &str = "
baton: process/1
name: order
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: ReserveStock
    to: stock
    undo: {send: ReleaseStock, done: StockReleased, failed: ReleaseRefused}
    on:
      StockReserved: {next: charge}
      timeout: {after: PT30M, next: take-back}
  charge:
    kind: command
    send: Charge
    to: payments
    undo: {send: Refund, done: Refunded, failed: RefundRefused}
    on:
      Charged: {set: {payment: =event.payload.payment}, next: confirm}
      Declined: {next: take-back}
  confirm:
    kind: command
    send: Confirm
    to: orders
    payload: {payment: =vars.payment}
    on:
      Confirmed: {next: done}
  take-back: {kind: compensate, next: taken-back}
  taken-back: {kind: end, outcome: compensated}
  done: {kind: end}
";

async fn order(world: &World) -> Uuid {
    world.publish(ORDER).await;
    world.start_with("order", json!({}), None).await.unwrap().id
}

/// Has the order charged, so that two steps are done.
async fn charged(world: &World) -> Uuid {
    let order = order(world).await;
    world.answer(&world.command("ReserveStock").await, "StockReserved", json!({})).await;
    world.answer(&world.command("Charge").await, "Charged", json!({"payment": "p-1"})).await;
    world.command("Confirm").await;
    order
}

fn refused_at<T: std::fmt::Debug>(answer: Answer<T>, code: &str, pointer: &str) {
    match answer.unwrap_err() {
        AppError::Invalid(found) => assert_eq!((found[0].code.as_str(), found[0].pointer.as_str()), (code, pointer)),
        AppError::Conflict { code: conflict, message } => {
            assert_eq!((conflict.as_str(), pointer), (code, ""), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

fn skip(port: &str, set: Value) -> Operate {
    let Value::Object(set) = set else { panic!("{set} is no object") };
    Operate::Skip { token: None, node: None, port: Some(port.to_owned()), set }
}

fn set(name: &str, value: Value) -> Operate {
    Operate::SetVariables { token: None, set: Map::from_iter([(name.to_owned(), value)]) }
}

fn compensate() -> Operate {
    Operate::Cancel { compensate: true }
}

async fn audited(world: &World, instance: Uuid) -> Vec<(String, String)> {
    let entries = world.service().audit(Some(format!("instance/{instance}"))).await.unwrap();
    entries.into_iter().map(|it| (it.action, it.reason.unwrap_or_default())).collect()
}

fn sent(world: &World) -> Vec<String> {
    world.participant.received().into_iter().map(|it: Message| it.message_type).collect()
}

pub async fn a_step_is_skipped_by_a_port(world: World) {
    let order = order(&world).await;
    world.answer(&world.command("ReserveStock").await, "StockReserved", json!({})).await;
    let charge = world.command("Charge").await;
    // The port is chosen, since two lead on; what it would have read is given instead.
    refused_at(
        world.operate(order, Operate::Skip { token: None, node: None, port: None, set: Map::new() }).await,
        "port-required",
        "/port",
    );
    world.operate(order, skip("Charged", json!({"payment": "by hand"}))).await.unwrap();
    let confirm = world.command("Confirm").await;
    assert_eq!(confirm.payload, json!({"payment": "by hand"}));
    world.answer(&confirm, "Confirmed", json!({})).await;
    let done = world.until_state(order, "completed").await;
    assert_eq!(world.count_events(order, "skipped").await, 1);
    assert_eq!(audited(&world, order).await, [("skip-instance".to_owned(), "because of a test".to_owned())]);
    assert!(done.walked.contains(&"charge/Charged".to_owned()));
    // The answer that comes at last settles what was skipped, and starts nothing anew.
    world.answer(&charge, "Charged", json!({"payment": "p-1"})).await;
    world.until_quiet().await;
    assert_eq!(sent(&world), ["ReserveStock", "Charge", "Confirm"]);
    world.stop().await;
}

pub async fn a_token_is_moved_to_another_node(world: World) {
    let order = order(&world).await;
    world.command("ReserveStock").await;
    let to = |node: &str| Operate::Move { token: None, node: None, to: node.to_owned() };
    refused_at(world.operate(order, to("nowhere")).await, "unknown-node", "/to");
    refused_at(
        world.operate(order, Operate::Move { token: Some(9), node: None, to: "charge".to_owned() }).await,
        "unknown-token",
        "/token",
    );
    let before = world.service().instance(order).await.unwrap();
    assert!(before.tokens[0].targets.contains(&"charge".to_owned()), "{:?}", before.tokens);
    world.operate(order, to("charge")).await.unwrap();
    world.command("Charge").await;
    let moved = world.service().instance(order).await.unwrap();
    assert_eq!(moved.summary.at, ["charge"]);
    // Nobody knows whether the stock was reserved; that is kept for undoing.
    assert_eq!(moved.unanswered.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["reserve"]);
    world.operate(order, to("done")).await.unwrap();
    world.until_state(order, "completed").await;
    world.stop().await;
}

pub async fn changed_variables_let_a_stuck_instance_go_on(world: World) {
    let order = order(&world).await;
    world.answer(&world.command("ReserveStock").await, "StockReserved", json!({})).await;
    world.command("Charge").await;
    // Skipped without what the next step reads.
    world.operate(order, skip("Charged", json!({}))).await.unwrap();
    let stuck = world.until_state(order, "stuck").await;
    assert!(stuck.tokens[0].incident.as_deref().unwrap().contains("payment"), "{:?}", stuck.tokens);
    world.operate(order, set("payment", json!("p-2"))).await.unwrap();
    world.operate(order, Operate::Retry { token: Some(stuck.tokens[0].token) }).await.unwrap();
    assert_eq!(world.command("Confirm").await.payload, json!({"payment": "p-2"}));
    let actions: Vec<String> = audited(&world, order).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["retry-instance", "set-variables-instance", "skip-instance"]);
    world.stop().await;
}

pub async fn of_two_operators_at_once_one_is_refused(world: World) {
    let order = order(&world).await;
    world.command("ReserveStock").await;
    let seen = world.service().instance(order).await.unwrap().recorded;
    let by = |operate| OperateRequest { operate, reason: "as I see it".to_owned(), expected: Some(seen) };
    let (first, second) = tokio::join!(
        world.service().operate(actor(), order, by(set("a", json!(1)))),
        world.service().operate(actor(), order, by(set("a", json!(2)))),
    );
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
    let (expected, refused) = if first.is_ok() { (1, second) } else { (2, first) };
    refused_at(refused, "changed-meanwhile", "");
    assert_eq!(world.service().instance(order).await.unwrap().variables["a"], expected);
    assert_eq!(audited(&world, order).await.len(), 1);
    world.stop().await;
}

pub async fn cancelling_undoes_what_was_done_first(world: World) {
    let order = charged(&world).await;
    let before = world.service().instance(order).await.unwrap();
    let undo: Vec<&str> = before.undo.iter().map(|it| it.send.as_str()).collect();
    assert_eq!(undo, ["Refund", "ReleaseStock"]);
    world.operate(order, compensate()).await.unwrap();
    let undoing = world.until_state(order, "compensating").await;
    let states = |detail: &InstanceDetail| detail.undo.iter().map(|it| it.state).collect::<Vec<_>>();
    // The order may be confirmed yet: nothing is taken back before that is known.
    assert_eq!(states(&undoing), [UndoState::Ahead; 2]);
    assert_eq!(undoing.unanswered.iter().map(|it| it.node.as_str()).collect::<Vec<_>>(), ["confirm"]);
    refused_at(world.operate(order, compensate()).await, "compensating", "");
    world.until_quiet().await;
    assert_eq!(sent(&world), ["ReserveStock", "Charge", "Confirm"]);
    world.answer(&world.command("Confirm").await, "Confirmed", json!({})).await;
    world.command("Refund").await;
    let undoing = world.service().instance(order).await.unwrap();
    assert_eq!((states(&undoing), undoing.unanswered.len()), (vec![UndoState::UnderWay, UndoState::Ahead], 0));
    world.answer(&world.command("Refund").await, "Refunded", json!({})).await;
    world.answer(&world.command("ReleaseStock").await, "StockReleased", json!({})).await;
    let undone = world.until_state(order, "cancelled").await;
    assert_eq!(states(&undone), [UndoState::Done; 2]);
    assert_eq!(undone.undo[0].send, "Refund");
    assert_eq!(sent(&world), ["ReserveStock", "Charge", "Confirm", "Refund", "ReleaseStock"]);
    world.stop().await;
}

pub async fn a_command_that_nobody_answered_is_settled_by_hand(world: World) {
    let order = order(&world).await;
    let reserve = world.command("ReserveStock").await;
    world.operate(order, Operate::Move { token: None, node: None, to: "take-back".to_owned() }).await.unwrap();
    let undoing = world.until_state(order, "compensating").await;
    assert_eq!(undoing.unanswered.len(), 1);
    let settle = |command: Uuid| Operate::Settle { command, succeeded: true, payload: Value::Null };
    refused_at(world.operate(order, settle(order)).await, "not-unsettled", "/command");
    assert_eq!(undoing.unanswered[0].command, reserve.id.0);
    world.operate(order, settle(reserve.id.0)).await.unwrap();
    world.answer(&world.command("ReleaseStock").await, "StockReleased", json!({})).await;
    world.until_state(order, "compensated").await;
    world.stop().await;
}

pub async fn an_undo_that_failed_is_skipped_or_abandoned(world: World) {
    let order = charged(&world).await;
    world.operate(order, compensate()).await.unwrap();
    // Nobody will say what became of this one, so an operator does.
    let confirm = world.command("Confirm").await.id.0;
    let settle = Operate::Settle { command: confirm, succeeded: false, payload: Value::Null };
    world.operate(order, settle).await.unwrap();
    world.answer(&world.command("Refund").await, "RefundRefused", json!({})).await;
    let stuck = world.until_state(order, "stuck").await;
    assert!(stuck.tokens[0].skips_undo && stuck.tokens[0].ports.is_empty(), "{:?}", stuck.tokens);
    world.operate(order, Operate::Skip { token: None, node: None, port: None, set: Map::new() }).await.unwrap();
    world.answer(&world.command("ReleaseStock").await, "ReleaseRefused", json!({})).await;
    world.until_state(order, "stuck").await;
    world.operate(order, Operate::Abandon).await.unwrap();
    let ended = world.until_state(order, "failed").await;
    assert_eq!(ended.summary.incident, None);
    assert_eq!(world.count_events(order, "abandoned").await, 1);
    world.stop().await;
}

pub async fn an_ended_instance_takes_no_operation(world: World) {
    let order = order(&world).await;
    world.command("ReserveStock").await;
    world.operate(order, Operate::Cancel { compensate: false }).await.unwrap();
    let ended = world.until_state(order, "cancelled").await;
    // Nothing but beginning again as another one.
    for operation in ended.operations.iter().filter(|it| it.name != OperationName::Restart) {
        assert!(operation.refused.as_deref().is_some_and(|why| why.contains("cancelled")), "{operation:?}");
    }
    let all = [
        Operate::Suspend,
        Operate::Resume,
        Operate::Cancel { compensate: false },
        compensate(),
        Operate::Retry { token: None },
        skip("StockReserved", json!({})),
        Operate::Move { token: None, node: None, to: "charge".to_owned() },
        set("a", json!(1)),
        Operate::Settle { command: order, succeeded: false, payload: Value::Null },
        Operate::Abandon,
    ];
    for operate in all {
        refused_at(world.operate(order, operate).await, "instance-ended", "");
    }
    assert_eq!(world.service().instance(order).await.unwrap().history, ended.history);
    world.stop().await;
}

pub async fn each_operation_leaves_its_reason_in_the_history_and_the_audit(world: World) {
    let first = order(&world).await;
    let reserve = world.command("ReserveStock").await.id.0;
    let mut said = 0;
    let mut operated = async |order: Uuid, operate: Operate, fact: &str, action: &str| {
        said += 1;
        let reason = format!("reason {said}");
        let before = world.service().instance(order).await.unwrap().recorded;
        let request = OperateRequest { operate, reason: reason.clone(), expected: Some(before) };
        world.service().operate(actor(), order, request).await.unwrap();
        let added = world.service().history(order, u32::try_from(before).unwrap()).await.unwrap();
        let fact = added.iter().find(|it| it.event == fact).unwrap_or_else(|| panic!("{fact} is not in {added:?}"));
        let told = fact.data.to_string();
        assert!(told.contains(&reason) && told.contains("tester"), "{told}");
        assert_eq!(audited(&world, order).await[0], (action.to_owned(), reason));
    };
    operated(first, Operate::Suspend, "suspended", "suspend-instance").await;
    operated(first, Operate::Resume, "resumed", "resume-instance").await;
    operated(first, skip("StockReserved", json!({})), "skipped", "skip-instance").await;
    operated(first, set("payment", json!("p-1")), "variables_set", "set-variables-instance").await;
    let to_confirm = Operate::Move { token: None, node: Some("charge".to_owned()), to: "confirm".to_owned() };
    operated(first, to_confirm, "relocated", "move-instance").await;
    operated(first, compensate(), "compensation_began", "cancel-instance").await;
    // Reserve, charge and confirm were left without an answer.
    let settle = |command, succeeded| Operate::Settle { command, succeeded, payload: Value::Null };
    operated(first, settle(reserve, true), "step_settled", "settle-instance").await;
    for message_type in ["Charge", "Confirm"] {
        let command = world.command(message_type).await.id.0;
        operated(first, settle(command, false), "step_settled", "settle-instance").await;
    }
    world.answer(&world.command("ReleaseStock").await, "ReleaseRefused", json!({})).await;
    world.until_state(first, "stuck").await;
    operated(first, Operate::Retry { token: None }, "retried", "retry-instance").await;
    let leave = Operate::Skip { token: None, node: Some("reserve".to_owned()), port: None, set: Map::new() };
    operated(first, leave, "undo_skipped", "skip-instance").await;
    world.until_state(first, "cancelled").await;

    let second = world.start_with("order", json!({}), None).await.unwrap().id;
    operated(second, compensate(), "compensation_began", "cancel-instance").await;
    operated(second, Operate::Abandon, "abandoned", "abandon-instance").await;
    let third = world.start_with("order", json!({}), None).await.unwrap().id;
    operated(third, Operate::Cancel { compensate: false }, "cancelled", "cancel-instance").await;
    let fourth = world.start_with("order", json!({}), None).await.unwrap().id;
    world.publish(&ORDER.replace("taken-back", "returned")).await;
    let migrate = Operate::Migrate { to_version: 2, mapping: Default::default() };
    operated(fourth, migrate, "migrated", "migrate-instance").await;
    world.stop().await;
}

pub async fn what_cannot_be_done_says_where_it_is_wrong(world: World) {
    let order = order(&world).await;
    world.command("ReserveStock").await;
    let before = world.service().instance(order).await.unwrap();
    refused_at(world.operate(order, skip("Delivered", json!({}))).await, "unknown-port", "/port");
    refused_at(world.operate(order, set("no name", json!(1))).await, "invalid-variables", "/set/no name");
    let nothing = Operate::SetVariables { token: None, set: Map::new() };
    refused_at(world.operate(order, nothing).await, "empty", "/set");
    refused_at(world.operate(order, Operate::Retry { token: None }).await, "no-incident", "");
    refused_at(world.operate(order, Operate::Abandon).await, "not-compensating", "");
    let silent = OperateRequest { operate: Operate::Suspend, reason: "  ".to_owned(), expected: None };
    refused_at(world.service().operate(actor(), order, silent).await, "text", "/reason");
    let after = world.service().instance(order).await.unwrap();
    assert_eq!((after.history, after.variables), (before.history, before.variables));
    assert!(audited(&world, order).await.is_empty());
    // What is offered is what would be accepted.
    let refused: Vec<OperationName> =
        after.operations.iter().filter(|it| it.refused.is_some()).map(|it| it.name).collect();
    let expected = [
        OperationName::Retry,
        OperationName::Settle,
        OperationName::Resume,
        OperationName::Abandon,
        OperationName::Migrate,
        OperationName::Restart,
    ];
    assert_eq!(refused, expected);
    world.stop().await;
}

pub async fn an_instance_shows_whom_it_called(world: World) {
    world.publish(ORDER).await;
    world
        .publish(
            "
baton: process/1
name: basket
nodes:
  start: {kind: start, next: order}
  order: {kind: call, process: order, on: {completed: {next: done}, failed: {next: done}}}
  done: {kind: end}
",
        )
        .await;
    let basket = world.start_with("basket", json!({}), None).await.unwrap().id;
    world.command("ReserveStock").await;
    let child =
        eventually("the child", async || world.service().instance(basket).await.unwrap().children.into_iter().next())
            .await;
    assert_eq!((child.definition.as_str(), child.parent), ("order", Some(basket)));
    let query = InstanceQuery { parent: Some(basket), ..InstanceQuery::default() };
    let listed = world.service().instances(query).await.unwrap().items;
    assert_eq!(listed.iter().map(|it| it.id).collect::<Vec<_>>(), [child.id]);
    world.stop().await;
}

pub async fn an_instance_is_shown_as_it_was(world: World) {
    let order = charged(&world).await;
    let now = world.service().instance(order).await.unwrap();
    assert_eq!(now.past, None);
    assert_eq!(now.variables, json!({"payment": "p-1"}));
    let paid = now.history.iter().find(|it| !it.changes.is_empty()).unwrap();
    let change = VariableChange { name: "payment".to_owned(), before: None, after: json!("p-1") };
    assert_eq!(paid.changes, [change]);
    // Just before it was paid: the charge is under way, the stock is reserved, and nothing can be done to that.
    let before = u64::try_from(paid.sequence).unwrap() - 1;
    let then = world.service().instance_at(order, before).await.unwrap();
    assert_eq!((&then.variables, then.history.len()), (&json!({}), now.history.len()));
    assert_eq!(then.past.unwrap().fact, now.history[usize::try_from(before).unwrap() - 1]);
    assert!(!then.walked.contains(&"charge/Charged".to_owned()) && now.walked.contains(&"charge/Charged".to_owned()));
    assert!(then.operations.iter().all(|it| it.refused.is_some()));
    // At the last event it is as it is.
    let last = world.service().instance_at(order, now.recorded).await.unwrap();
    assert_eq!((last.progress, last.walked, last.undo), (now.progress, now.walked, now.undo));
    refused_at(world.service().instance_at(order, 0).await, "unknown-event", "/at");
    refused_at(world.service().instance_at(order, now.recorded + 1).await, "unknown-event", "/at");
    // What follows a number is told as within the whole.
    let rest = world.service().history(order, u32::try_from(before).unwrap()).await.unwrap();
    assert_eq!(rest, now.history[usize::try_from(before).unwrap()..]);
    world.stop().await;
}

pub async fn of_a_long_history_the_newest_facts_are_shown(world: World) {
    const LONG: &str = "
baton: process/1
name: long
nodes:
  start: {kind: start, set: {count: 0}, next: each}
  each: {kind: for-each, over: =input.items, as: item, do: step, next: last}
  step: {kind: compute, set: {seen: =vars.item}, next: each}
  last: {kind: compute, set: {count: 1}, next: wait}
  wait: {kind: wait, on: {Never: {next: done}}}
  done: {kind: end}
";
    world.publish(LONG).await;
    let input = json!({"items": (0..900).collect::<Vec<_>>()});
    let id = world.start_with("long", input, None).await.unwrap().id;
    let long = eventually("it waits", async || {
        let detail = world.service().instance(id).await.unwrap();
        (detail.summary.at == ["wait"]).then_some(detail)
    })
    .await;
    assert!(long.recorded > 2_000, "{}", long.recorded);
    let shown: Vec<u64> = long.history.iter().map(|it| it.sequence.unsigned_abs()).collect();
    assert_eq!(shown, (long.recorded - 1_999..=long.recorded).collect::<Vec<_>>());
    // Where it stands, and the way that led there, are told from the whole.
    assert!(long.walked.contains(&"start/next".to_owned()) && long.walked.contains(&"last/next".to_owned()));
    assert_eq!((long.progress["start"], long.progress["wait"]), (Progress::Done, Progress::UnderWay));
    let changed = long.history.iter().flat_map(|it| &it.changes).find(|it| it.name == "count").unwrap();
    assert_eq!((&changed.before, &changed.after), (&Some(json!(0)), &json!(1)));
    world.stop().await;
}

pub async fn an_item_of_a_loop_is_mended_by_variables_of_its_own(world: World) {
    const BAGS: &str = "
baton: process/1
name: bags
nodes:
  start: {kind: start, next: each}
  each: {kind: for-each, over: =input.bags, as: bag, mode: parallel, do: price, collect: =vars.cost, into: costs, next: done}
  price: {kind: compute, set: {cost: =vars.bag * 2}, next: each}
  done: {kind: end}
";
    world.publish(BAGS).await;
    let id = world.start_with("bags", json!({"bags": [1, "two", "three"]}), None).await.unwrap().id;
    let stuck = world.until_state(id, "stuck").await;
    let failed: Vec<&TokenView> = stuck.tokens.iter().filter(|it| it.incident.is_some()).collect();
    let own: Vec<&Value> = failed.iter().map(|it| &it.own["bag"]).collect();
    assert_eq!(own, [&json!("two"), &json!("three")]);
    let mend = |token: &TokenView, bag: u32| Operate::SetVariables {
        token: Some(token.token),
        set: Map::from_iter([("bag".to_owned(), json!(bag))]),
    };
    // Only the one that is named is tried again.
    world.operate(id, mend(failed[0], 2)).await.unwrap();
    world.operate(id, Operate::Retry { token: Some(failed[0].token) }).await.unwrap();
    let left = world.service().instance(id).await.unwrap();
    assert_eq!((left.summary.state.as_str(), left.incidents.len()), ("stuck", 1));
    world.operate(id, mend(failed[1], 3)).await.unwrap();
    world.operate(id, Operate::Retry { token: None }).await.unwrap();
    let ended = world.until_state(id, "completed").await;
    assert_eq!(ended.variables, json!({"costs": [2, 4, 6]}));
    world.stop().await;
}

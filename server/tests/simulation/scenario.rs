//! What is defined, who takes part, and how much happens: one `Scenario` for each kind of load.
//!
//! Long because it is a list: each scenario says all of itself, so that it is read in one place when one of its seeds fails.

use std::sync::{Arc, OnceLock};

use baton_domain::{
    definition::{self, Definition, DefinitionKind},
    message::{Message, MessageKind},
};
use baton_server::{
    engine::registry::Snapshot,
    store::rows::{DestinationRow, RouteRow, VersionRow},
};
use chrono::DateTime;
use serde_json::{Value, json};

use super::{
    chance::Chance,
    stage::{OUTSIDE, Stage},
    store::{MemoryStore, SetUp},
    world::{self, Answer},
};

pub struct Scenario {
    pub name: &'static str,
    /// The test that plays it.
    pub test: &'static str,
    pub definitions: &'static [&'static str],
    pub nodes: usize,
    /// Definition and how many instances of it are started.
    pub starts: &'static [(&'static str, usize)],
    /// Events that are sent to each started instance.
    pub ticks: usize,
    /// Programs that insert, and how many transactions each.
    pub producers: usize,
    pub transactions: usize,
    pub event: fn(usize, &mut Chance) -> (&'static str, Value),
    /// What an operator makes of a message that nobody can handle.
    pub mended: Option<fn() -> Value>,
    /// Whether operators give messages up that are dead.
    pub discards: bool,
    /// The least and the most messages that a relay takes at a time.
    pub relay_batch: (i64, i64),
    pub destinations: &'static [&'static str],
    /// The type of an event, or the aggregate type of commands, and the destination that gets them.
    pub routes: &'static [(&'static str, &'static str)],
    /// Participants on the bus, and what they take.
    pub subscribers: &'static [&'static str],
    pub wants: fn(&str, &Message) -> bool,
    pub answer: fn(&Message, &mut Chance) -> Option<Answer>,
    /// Whether the answer is a message of its own instead of part of the response.
    pub answers_later: fn(&Message) -> bool,
    /// How many times nodes are killed or frozen, or clocks jump.
    pub trouble: usize,
    /// How often operators interfere.
    pub operations: usize,
    /// After so many turns everything has come to rest, or never will.
    pub turns_max: u64,
    pub made: OnceLock<(Arc<Snapshot>, Arc<SetUp>)>,
}

impl Scenario {
    /// Read and compiled once for all runs.
    pub fn set_up(&self) -> (Arc<Snapshot>, Arc<SetUp>) {
        self.made
            .get_or_init(|| {
                let set_up = Arc::new(SetUp {
                    versions: self
                        .definitions
                        .iter()
                        .flat_map(|source| [version(source, 1), version(source, 2)])
                        .collect(),
                    destinations: self.destinations.iter().map(|name| destination(name)).collect(),
                    routes: self.routes.iter().map(|(of, to)| route(of, to)).collect(),
                });
                let store = MemoryStore {
                    stage: Stage::new(0, 0),
                    node: OUTSIDE,
                    tables: Arc::default(),
                    witness: Arc::default(),
                    set_up: set_up.clone(),
                };
                (world::registry(&store), set_up)
            })
            .clone()
    }

    /// Where routes send a message.
    pub fn routed(&self, message: &Message) -> Vec<&'static str> {
        let takes = |of: &str| match is_type(of) {
            true => message.message_type == of,
            false => message.kind == MessageKind::Command && message.key.aggregate_type == of,
        };
        self.routes.iter().filter(|(of, _)| takes(of)).map(|(_, to)| *to).collect()
    }
}

fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// Both versions say the same, so that instances can migrate to and fro whenever an operator likes.
fn version(source: &str, version: u32) -> VersionRow {
    let parsed = definition::parse(source).unwrap_or_else(|found| panic!("{found:#?}\n{source}"));
    let (kind, name) = match &parsed.definition {
        Definition::Process(process) => (DefinitionKind::Process, process.name.clone()),
        Definition::Saga(saga) => (DefinitionKind::Saga, saga.name.clone()),
    };
    VersionRow {
        kind,
        name,
        version,
        document: parsed.value,
        source: source.to_owned(),
        note: None,
        published_by: "simulation".into(),
        published_at: DateTime::UNIX_EPOCH,
    }
}

fn destination(name: &str) -> DestinationRow {
    DestinationRow {
        name: name.to_owned(),
        settings: json!({"kind": "http", "url": "https://example.com/"}),
        paused: false,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn route(of: &str, to: &str) -> RouteRow {
    let typed = is_type(of);
    RouteRow {
        name: format!("{of}-{to}"),
        kind: (!typed).then_some(MessageKind::Command),
        message_type: typed.then(|| of.to_owned()),
        aggregate_type: (!typed).then(|| of.to_owned()),
        to: to.to_owned(),
    }
}

fn counted(n: usize, chance: &mut Chance) -> (&'static str, Value) {
    // Now and then one that the saga cannot react to.
    let payload = if chance.one_in(15) { json!({}) } else { json!({"n": n, "k": n % 2}) };
    ("Counted", payload)
}

fn arrived(n: usize, _: &mut Chance) -> (&'static str, Value) {
    ("Arrived", json!({"n": n % 4}))
}

fn ordered(n: usize, _: &mut Chance) -> (&'static str, Value) {
    ("OrderPlaced", json!({"order_id": n % 4}))
}

fn no_answer(_: &Message, _: &mut Chance) -> Option<Answer> {
    None
}

fn never(_: &Message) -> bool {
    false
}

/// Messages alone: producers that commit late or not at all, a bus and a destination, a stateless saga.
pub static MESSAGES: Scenario = Scenario {
    name: "messages",
    test: "messages_arrive_in_order",
    definitions: &[r#"
baton: saga/1
name: echo
on:
  Counted: {when: =event.payload.n % 3 == 0, send: Note, to: clerk, key: =event.payload.k, payload: {n: =event.payload.n}}
"#],
    nodes: 3,
    starts: &[],
    ticks: 0,
    producers: 3,
    transactions: 8,
    event: counted,
    mended: Some(|| json!({"n": 3, "k": 0})),
    discards: true,
    relay_batch: (1, 8),
    destinations: &["ledger"],
    routes: &[("Counted", "ledger")],
    subscribers: &["audit", "clerk"],
    wants: |name, message| match name {
        "audit" => message.message_type == "Counted",
        _ => message.key.aggregate_type == "clerk",
    },
    answer: no_answer,
    answers_later: never,
    trouble: 6,
    operations: 0,
    turns_max: 20_000,
    made: OnceLock::new(),
};

/// Processes with every kind of wait: commands over HTTP and over the bus, a timer, a person, an event by value.
pub static ERRANDS: Scenario = Scenario {
    name: "errands",
    test: "processes_take_each_step_once",
    definitions: &[r#"
baton: process/1
name: errand
input: {type: object, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: fetch}
  fetch:
    kind: command
    send: Fetch
    to: depot
    payload: {n: =input.n}
    on:
      Fetched: {set: {got: =event.payload.n}, next: rest}
      Missing: {next: gone}
      timeout: {after: PT20S, next: late}
  rest: {kind: timer, for: PT2S, next: carry}
  carry:
    kind: command
    send: Carry
    to: clerk
    payload: {got: =vars.got}
    on: {Carried: {next: ask}, timeout: {after: PT20S, next: late}}
  ask:
    kind: approval
    title: Sign?
    outcomes: {yes: {next: arrive}, no: {next: gone}}
    timeout: {after: PT15S, next: late}
  arrive:
    kind: wait
    match: {event: =event.payload.n, with: =input.n}
    on: {Arrived: {next: done}, timeout: {after: PT5S, next: done}}
  done: {kind: end, outcome: completed}
  gone: {kind: end, outcome: failed, reason: Gone}
  late: {kind: end, outcome: failed, reason: Late}
"#],
    nodes: 3,
    starts: &[("errand", 5)],
    ticks: 0,
    producers: 1,
    transactions: 6,
    event: arrived,
    mended: None,
    discards: true,
    relay_batch: (1, 12),
    destinations: &["works"],
    routes: &[("depot", "works")],
    subscribers: &["clerk"],
    wants: |_, message| message.key.aggregate_type == "clerk" && message.kind == MessageKind::Command,
    answer: |message, chance| {
        let (message_type, payload) = match message.message_type.as_str() {
            "Fetch" if chance.one_in(12) => ("Missing", json!({})),
            "Fetch" if chance.one_in(12) => ("Fetched", json!({})),
            "Fetch" => ("Fetched", message.payload.clone()),
            _ => ("Carried", json!({})),
        };
        Some(Answer { message_type: message_type.to_owned(), payload })
    },
    answers_later: |message| message.id.0.as_u128() & 1 == 0,
    trouble: 6,
    operations: 5,
    turns_max: 40_000,
    made: OnceLock::new(),
};

/// Events by value that come before, while and after somebody waits for them; some values are waited for twice.
pub static GUESTS: Scenario = Scenario {
    name: "guests",
    test: "what_comes_before_its_wait",
    definitions: &[r#"
baton: process/1
name: guest
early: PT8S
input: {type: object, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: expect}
  expect:
    kind: wait
    match: {event: =event.payload.n, with: =input.n % 4}
    on: {Arrived: {next: rest}, timeout: {after: PT30S, next: done}}
  rest: {kind: timer, for: PT1S, next: again}
  again:
    kind: wait
    match: {event: =event.payload.n, with: =(input.n + 1) % 4}
    on: {Arrived: {next: done}, timeout: {after: PT6S, next: done}}
  done: {kind: end, outcome: completed}
"#],
    nodes: 3,
    starts: &[("guest", 6)],
    ticks: 0,
    producers: 2,
    transactions: 8,
    event: arrived,
    mended: None,
    discards: true,
    relay_batch: (1, 12),
    destinations: &[],
    routes: &[],
    subscribers: &[],
    wants: |_, _| false,
    answer: no_answer,
    answers_later: never,
    trouble: 6,
    operations: 4,
    turns_max: 40_000,
    made: OnceLock::new(),
};

/// An instance that hears more messages than it remembers: only the inbox keeps repeated ones away.
pub static TALLY: Scenario = Scenario {
    name: "tally",
    test: "what_is_repeated_late",
    definitions: &[r#"
baton: process/1
name: tally
input: {type: object}
nodes:
  start: {kind: start, set: {count: 0}, next: hear}
  hear:
    kind: wait
    on:
      Tick: {set: {count: =vars.count + 1}, next: enough}
      timeout: {after: PT30S, next: done}
  enough: {kind: decide, cases: [{when: =vars.count >= 500, next: done}], default: {next: hear}}
  done: {kind: end, outcome: completed}
"#],
    nodes: 2,
    starts: &[("tally", 1)],
    ticks: 90,
    producers: 0,
    transactions: 0,
    event: counted,
    mended: None,
    discards: true,
    relay_batch: (90, 100),
    destinations: &[],
    routes: &[],
    subscribers: &[],
    wants: |_, _| false,
    answer: no_answer,
    answers_later: never,
    trouble: 5,
    operations: 0,
    turns_max: 20_000,
    made: OnceLock::new(),
};

/// Steps with an undo, over HTTP and over the bus: with a question when nobody answers, and without.
pub static ORDERS: Scenario = Scenario {
    name: "orders",
    test: "what_was_done_is_undone_once",
    definitions: &[r#"
baton: process/1
name: order
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: DoReserve
    to: stock
    fails: FailedReserve
    undo: {send: UndoReserve, done: UndoneReserve, failed: KeptReserve, timeout: {after: PT20S, then: wait}}
    on:
      DoneReserve: {next: charge}
      FailedReserve: {next: undo}
      timeout: {after: PT2S, ask: {send: AskReserve, times: 3}}
  charge:
    kind: command
    send: DoCharge
    to: payments
    fails: FailedCharge
    undo: {send: UndoCharge, done: UndoneCharge, failed: KeptCharge, timeout: {after: PT20S, then: wait}}
    on:
      DoneCharge: {next: ship}
      FailedCharge: {next: undo}
      timeout: {after: PT1S, next: undo}
  ship:
    kind: command
    send: DoShip
    to: stock
    fails: FailedShip
    on:
      DoneShip: {next: done}
      FailedShip: {next: undo}
      timeout: {after: P1D, then: wait}
  undo: {kind: compensate, next: undone}
  done: {kind: end, outcome: completed}
  undone: {kind: end, outcome: compensated}
"#],
    nodes: 3,
    starts: &[("order", 5)],
    ticks: 0,
    producers: 0,
    transactions: 0,
    event: counted,
    mended: None,
    // A command that is given up is never answered: here that would only hide what must not happen.
    discards: false,
    relay_batch: (1, 12),
    destinations: &["works"],
    routes: &[("stock", "works")],
    subscribers: &["bank"],
    wants: |_, message| message.key.aggregate_type == "payments" && message.kind == MessageKind::Command,
    answer: no_answer,
    answers_later: |message| message.id.0.as_u128() & 2 == 0,
    trouble: 6,
    operations: 6,
    turns_max: 40_000,
    made: OnceLock::new(),
};

/// A fork and a loop whose items go side by side, undone together; one step stays done.
pub static BRANCHES: Scenario = Scenario {
    name: "branches",
    test: "branches_and_loops",
    definitions: &[r#"
baton: process/1
name: parcel
nodes:
  start: {kind: start, next: split}
  split: {kind: fork, branches: {pay: {next: charge}, fill: {next: fill}, mark: {next: label}}, join: gather, timeout: {after: PT60S, next: undo}}
  charge:
    kind: command
    send: DoCharge
    to: payments
    fails: FailedCharge
    undo: {send: UndoCharge, done: UndoneCharge, failed: KeptCharge, timeout: {after: PT20S, then: wait}}
    on: {DoneCharge: {next: gather}, FailedCharge: {next: undo}, timeout: {after: PT3S, ask: {send: AskCharge, times: 5}}}
  label:
    kind: command
    send: DoLabel
    to: stock
    fails: FailedLabel
    on: {DoneLabel: {next: gather}, FailedLabel: {next: undo}, timeout: {after: PT3S, ask: {send: AskLabel, times: 5}}}
  fill: {kind: for-each, over: '=[1, 2, 3]', as: item, mode: parallel, limit: 2, do: pack, next: gather}
  pack:
    kind: command
    send: DoPack
    to: stock
    key: =string(vars.item) + '/' + instance.id
    fails: FailedPack
    undo: {send: UndoPack, done: UndonePack, failed: KeptPack, timeout: {after: PT20S, then: wait}}
    on: {DonePack: {next: fill}, FailedPack: {next: undo}, timeout: {after: PT2S, next: undo}}
  gather: {kind: join, next: done}
  undo: {kind: compensate, next: undone}
  done: {kind: end, outcome: completed}
  undone: {kind: end, outcome: compensated}
"#],
    nodes: 3,
    starts: &[("parcel", 4)],
    ticks: 0,
    producers: 0,
    transactions: 0,
    event: counted,
    mended: None,
    // A command that is given up is never answered: here that would only hide what must not happen.
    discards: false,
    relay_batch: (1, 12),
    destinations: &["works"],
    routes: &[("stock", "works")],
    subscribers: &["bank"],
    wants: |_, message| message.key.aggregate_type == "payments" && message.kind == MessageKind::Command,
    answer: no_answer,
    answers_later: |message| message.id.0.as_u128() & 2 == 0,
    trouble: 6,
    operations: 6,
    turns_max: 40_000,
    made: OnceLock::new(),
};

/// A process that calls another one beside a step of its own: each of the two may have to give the other up.
pub static CALLS: Scenario = Scenario {
    name: "calls",
    test: "a_child_is_undone_before",
    definitions: &[
        r#"
baton: process/1
name: journey
nodes:
  start: {kind: start, next: reserve}
  reserve:
    kind: command
    send: DoReserve
    to: stock
    fails: FailedReserve
    undo: {send: UndoReserve, done: UndoneReserve, failed: KeptReserve, timeout: {after: PT20S, then: wait}}
    on: {DoneReserve: {next: split}, FailedReserve: {next: undo}, timeout: {after: PT2S, ask: {send: AskReserve, times: 9}}}
  split: {kind: fork, branches: {sub: {next: book}, pay: {next: charge}}, join: gather, timeout: {after: PT60S, next: undo}}
  book:
    kind: call
    process: booking
    input: {}
    undo: {send: UndoBook, to: stock, done: UndoneBook, failed: KeptBook, timeout: {after: PT20S, then: wait}}
    on: {completed: {next: gather}, failed: {next: undo}}
    timeout: {after: PT4S, next: undo}
  charge:
    kind: command
    send: DoCharge
    to: payments
    fails: FailedCharge
    undo: {send: UndoCharge, done: UndoneCharge, failed: KeptCharge, timeout: {after: PT20S, then: wait}}
    on: {DoneCharge: {next: gather}, FailedCharge: {next: undo}, timeout: {after: PT3S, ask: {send: AskCharge, times: 9}}}
  gather: {kind: join, next: done}
  undo: {kind: compensate, next: undone}
  done: {kind: end, outcome: completed}
  undone: {kind: end, outcome: compensated}
"#,
        r#"
baton: process/1
name: booking
nodes:
  start: {kind: start, next: pack}
  pack:
    kind: command
    send: DoPack
    to: stock
    fails: FailedPack
    undo: {send: UndoPack, done: UndonePack, failed: KeptPack, timeout: {after: PT20S, then: wait}}
    on: {DonePack: {next: ship}, FailedPack: {next: undo}, timeout: {after: PT2S, ask: {send: AskPack, times: 9}}}
  ship:
    kind: command
    send: DoShip
    to: stock
    fails: FailedShip
    on: {DoneShip: {next: done}, FailedShip: {next: undo}, timeout: {after: PT2S, ask: {send: AskShip, times: 9}}}
  undo: {kind: compensate, next: undone}
  done: {kind: end, outcome: completed}
  undone: {kind: end, outcome: compensated}
"#,
    ],
    nodes: 3,
    starts: &[("journey", 4)],
    ticks: 0,
    producers: 0,
    transactions: 0,
    event: counted,
    mended: None,
    // A command that is given up is never answered: here that would only hide what must not happen.
    discards: false,
    relay_batch: (1, 12),
    destinations: &["works"],
    routes: &[("stock", "works")],
    subscribers: &["bank"],
    wants: |_, message| message.key.aggregate_type == "payments" && message.kind == MessageKind::Command,
    answer: no_answer,
    answers_later: |message| message.id.0.as_u128() & 2 == 0,
    trouble: 6,
    operations: 6,
    turns_max: 40_000,
    made: OnceLock::new(),
};

/// A saga that remembers, started by events of several aggregates that race for the same order.
pub static SAGAS: Scenario = Scenario {
    name: "sagas",
    test: "a_saga_starts_once",
    definitions: &[r#"
baton: saga/1
name: fulfilment
correlate: =event.payload.order_id
start: OrderPlaced
steps:
  - name: reserve
    send: DoReserve
    to: stock
    done: DoneReserve
    failed: [FailedReserve]
    timeout: {after: PT2S, then: ask}
    undo: {send: UndoReserve, done: UndoneReserve, failed: [KeptReserve], timeout: {after: PT20S, then: stuck}}
  - name: charge
    send: DoCharge
    to: payments
    done: DoneCharge
    failed: [FailedCharge]
    timeout: {after: PT2S, then: ask}
    undo: {send: UndoCharge, done: UndoneCharge, failed: [KeptCharge], timeout: {after: PT20S, then: stuck}}
  - name: ship
    send: DoShip
    to: stock
    done: DoneShip
    failed: [FailedShip]
    timeout: {after: PT20S, then: ask}
"#],
    nodes: 3,
    starts: &[],
    ticks: 0,
    producers: 2,
    transactions: 4,
    event: ordered,
    mended: None,
    // A command that is given up is never answered: here that would only hide what must not happen.
    discards: false,
    relay_batch: (1, 12),
    destinations: &["works"],
    routes: &[("stock", "works")],
    subscribers: &["bank"],
    wants: |_, message| message.key.aggregate_type == "payments" && message.kind == MessageKind::Command,
    answer: no_answer,
    answers_later: |message| message.id.0.as_u128() & 2 == 0,
    trouble: 6,
    operations: 6,
    turns_max: 40_000,
    made: OnceLock::new(),
};

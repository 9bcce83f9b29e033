//! A process in the hands of a test: inputs in, history out, with a clock that the test moves.

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    definition,
    ids::{CHILD_BITS, InstanceId, MessageId, TaskId, TimerId},
    message::{Key, Message, MessageKind},
    process::{
        Context, Definition, Effect, Event, Input, Migration, Operator, Rejection, Replay, Restart, Restarted, State,
        Status, decide, effects, evolve, migrate, restart,
    },
};

pub fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

pub fn instance() -> InstanceId {
    InstanceId::from_uuid(Uuid::from_u128(0x0193_5555_7777_7abc_8def_0123_4567_89ab))
}

pub fn process(text: &str) -> Definition {
    match definition::parse(text).unwrap_or_else(|found| panic!("{found:#?}")).definition {
        definition::Definition::Process(process) => process,
        definition::Definition::Saga(_) => panic!("this is a saga"),
    }
}

/// The operator of the tests.
pub fn park() -> Operator {
    Operator { by: "park".to_owned(), reason: "because".to_owned(), expected: None }
}

pub fn trip_booking() -> Definition {
    static TRIP_BOOKING: LazyLock<Definition> = LazyLock::new(|| process(definition::shipped()[2].1));
    TRIP_BOOKING.clone()
}

pub fn trip_input() -> Value {
    json!({
        "employee": "kim", "manager": "lee", "from": "ICN", "to": "FRA", "depart": "2026-12-01", "return": "2026-12-04",
    })
}

/// One instance, and what the runtime would keep beside it.
#[derive(Clone)]
pub struct Simulation {
    pub definition: Definition,
    pub now: DateTime<Utc>,
    pub state: Option<State>,
    pub history: Vec<Event>,
    /// Every command ever sent, in order.
    pub sent: Vec<Message>,
    pub timers: BTreeMap<TimerId, DateTime<Utc>>,
    pub open_tasks: Vec<TaskId>,
    /// To whom open tasks went.
    pub reassigned: Vec<(Option<String>, Option<String>)>,
    /// (token, event type, value)
    pub waits: Vec<(u32, String, String)>,
    messages: u128,
}

impl Simulation {
    pub fn new(definition: Definition) -> Self {
        Self {
            definition,
            now: now(),
            state: None,
            history: Vec::new(),
            sent: Vec::new(),
            timers: BTreeMap::new(),
            open_tasks: Vec::new(),
            reassigned: Vec::new(),
            waits: Vec::new(),
            messages: 0,
        }
    }

    pub fn started(definition: Definition, input: Value) -> Self {
        let mut simulation = Self::new(definition);
        simulation.start(input).unwrap_or_else(|rejection| panic!("{rejection}"));
        simulation
    }

    pub fn start(&mut self, input: Value) -> Result<Vec<Event>, Rejection> {
        self.put(Input::Start { input, business_key: Some("trip 7".into()), by: "kim".into(), parent: None })
    }

    /// Decides, and does what the runtime would do.
    pub fn put(&mut self, input: Input) -> Result<Vec<Event>, Rejection> {
        let context = self.context();
        let events = decide(&self.definition, self.state.as_ref(), &input, &context)?;
        if let Input::TimerFired { timer } = &input {
            self.timers.remove(timer);
        }
        self.take(&events, &context);
        Ok(events)
    }

    /// Goes on by another definition, which becomes version 2 of it.
    pub fn migrate(&mut self, to: &Definition, mapping: &[(&str, &str)]) -> Result<Vec<Event>, Rejection> {
        let mapping = mapping.iter().map(|(before, after)| ((*before).to_owned(), (*after).to_owned())).collect();
        self.migrate_by(to, &Migration { operator: park(), to_version: 2, mapping })
    }

    pub fn migrate_by(&mut self, to: &Definition, migration: &Migration) -> Result<Vec<Event>, Rejection> {
        let context = self.context();
        let (after, events) = migrate((1, &self.definition), to, self.state().clone(), migration, &context)?;
        self.definition = to.clone();
        self.take(&events, &context);
        assert_eq!(self.state(), &after, "the events say what was decided");
        Ok(events)
    }

    /// Restarts it: the new instance, before which the commands of this one were sent.
    pub fn restart(&mut self, asked: &Restart) -> Result<Self, Rejection> {
        let mut replay = Replay::new(asked.at);
        self.history.iter().for_each(|event| replay.note(event));
        let (context, state) = (self.context(), self.state().clone());
        let new = InstanceId(Uuid::from_u128(self.id().0.as_u128() + (1 << CHILD_BITS)));
        let Restarted { original, instance } = restart(&self.definition, state, &replay, asked, new, &context)?;
        self.take(&original.1, &context);
        assert_eq!(self.state(), &original.0, "the events say what was decided");
        let mut next = Self { now: self.now, messages: self.messages, ..Self::new(self.definition.clone()) };
        next.sent.clone_from(&self.sent);
        next.take(&instance.1, &Context { instance: new, recorded: 0, ..context });
        assert_eq!(next.state(), &instance.0, "the events say what was decided");
        Ok(next)
    }

    fn context(&self) -> Context {
        Context { instance: self.id(), now: self.now, recorded: self.history.len() as u64 }
    }

    pub fn id(&self) -> InstanceId {
        self.state.as_ref().map_or_else(instance, |state| state.instance)
    }

    /// Does what the runtime would do.
    fn take(&mut self, events: &[Event], context: &Context) {
        for event in events {
            self.state = Some(evolve(self.state.take(), event));
            for effect in effects(&self.definition, event, context) {
                self.act(effect);
            }
        }
        self.history.extend(events.iter().cloned());
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Send(message) => self.sent.push(*message),
            Effect::SetTimer { timer, due_at } => {
                assert!(self.timers.insert(timer, due_at).is_none(), "a timer was set twice");
            }
            Effect::CancelTimer { timer } => {
                self.timers.remove(&timer);
            }
            Effect::OpenTask(task) => self.open_tasks.push(task.task),
            Effect::ReassignTask { task, assignee, candidate_group } => {
                assert!(self.open_tasks.contains(&task), "a task was reassigned that is not open");
                self.reassigned.push((assignee, candidate_group));
            }
            Effect::CloseTask { task, .. } => {
                let before = self.open_tasks.len();
                self.open_tasks.retain(|open| *open != task);
                assert_eq!(self.open_tasks.len() + 1, before, "a task was closed that was not open");
            }
            Effect::Await { token, event_type, value } => self.waits.push((token, event_type, value)),
            Effect::Forget { token } => self.waits.retain(|(waiting, ..)| *waiting != token),
        }
    }

    pub fn state(&self) -> &State {
        self.state.as_ref().expect("the instance was started")
    }

    pub fn status(&self) -> Status {
        self.state().status()
    }

    pub fn at(&self) -> Vec<&str> {
        self.state().tokens.iter().map(|token| token.node.as_str()).collect()
    }

    /// An event with a fresh id that nothing relates to the instance.
    pub fn event(&mut self, event_type: &str, payload: Value) -> Message {
        self.messages += 1;
        Message {
            id: MessageId(Uuid::from_u128(self.messages)),
            kind: MessageKind::Event,
            message_type: event_type.into(),
            source: "test".into(),
            key: Key { aggregate_type: "test".into(), aggregate_id: "1".into() },
            aggregate_version: None,
            payload,
            headers: BTreeMap::new(),
            correlation_id: None,
            causation_id: None,
            deliver_after: None,
            destination: None,
            created_at: self.now,
        }
    }

    /// An event that carries the id of the last command that was sent as its causation.
    pub fn reply(&mut self, event_type: &str, payload: Value) -> Message {
        let command = self.sent.last().expect("a command was sent").id;
        Message { causation_id: Some(command.to_string()), ..self.event(event_type, payload) }
    }

    /// An event that carries the instance's id as its correlation.
    pub fn correlated(&mut self, event_type: &str, payload: Value) -> Message {
        Message { correlation_id: Some(self.id().to_string()), ..self.event(event_type, payload) }
    }

    pub fn receive(&mut self, message: &Message) -> Result<Vec<Event>, Rejection> {
        self.put(Input::Message { message: Box::new(message.clone()) })
    }

    /// The participant answers the last command.
    pub fn answer(&mut self, event_type: &str, payload: Value) -> Vec<Event> {
        let reply = self.reply(event_type, payload);
        self.receive(&reply).unwrap_or_else(|rejection| panic!("{rejection}"))
    }

    /// The participant answers the last command of this type.
    pub fn answer_to(&mut self, command_type: &str, event_type: &str, payload: Value) -> Vec<Event> {
        let reply = self.reply_to(command_type, event_type, payload);
        self.receive(&reply).unwrap_or_else(|rejection| panic!("{rejection}"))
    }

    /// An event that carries the id of the last command of this type as its causation.
    pub fn reply_to(&mut self, command_type: &str, event_type: &str, payload: Value) -> Message {
        let command = self.sent.iter().rev().find(|it| it.message_type == command_type).expect("it was sent").id;
        Message { causation_id: Some(command.to_string()), ..self.event(event_type, payload) }
    }

    /// The types of all commands ever sent.
    pub fn sent_types(&self) -> Vec<&str> {
        self.sent.iter().map(|it| it.message_type.as_str()).collect()
    }

    /// Somebody completes the open task.
    pub fn complete(&mut self, outcome: &str, data: Value) -> Result<Vec<Event>, Rejection> {
        let task = *self.open_tasks.last().expect("a task is open");
        self.put(Input::CompleteTask { task, outcome: outcome.into(), data, by: "kim".into() })
    }

    /// The next timer is due.
    pub fn time_passes(&mut self) -> Vec<Event> {
        let (timer, due_at) =
            self.timers.iter().map(|(timer, due)| (*timer, *due)).min_by_key(|(_, due)| *due).expect("a timer is set");
        self.now = self.now.max(due_at) + TimeDelta::milliseconds(1);
        self.put(Input::TimerFired { timer }).unwrap_or_else(|rejection| panic!("{rejection}"))
    }

    pub fn operate(&mut self, operation: &str) -> Result<Vec<Event>, Rejection> {
        self.put(match operation {
            "suspend" => Input::Suspend(park()),
            "resume" => Input::Resume(park()),
            "cancel" => Input::Cancel { operator: park(), compensate: false },
            "cancel and undo" => Input::Cancel { operator: park(), compensate: true },
            "retry" => Input::Retry { operator: park(), token: None },
            "skip" => Input::Skip { operator: park(), token: None, node: None, port: None, set: Default::default() },
            "abandon" => Input::Abandon(park()),
            other => panic!("no operation {other}"),
        })
    }

    /// The history in sentences.
    pub fn trace(&self) -> String {
        let lines: Vec<String> = self.history.iter().map(Event::sentence).collect();
        format!("{}\n= {} at {:?}", lines.join("\n"), self.status().as_str(), self.at())
    }
}

pub fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

pub fn code(outcome: Result<Vec<Event>, Rejection>) -> &'static str {
    outcome.expect_err("a rejection").code
}

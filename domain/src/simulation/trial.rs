//! An instance under simulation.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Move,
    input::{event_message, input, refused, tokens_at},
};
use crate::{
    definition::Definition,
    ids::{InstanceId, MessageId, TimerId},
    message::Message,
    process::{self, Context, Effect, Event, Input, OpenedTask, Rejection, State, Token},
    saga,
};

/// How many timers one move fires at most: a loop of timers would go on for ever.
const FIRED_MAX: usize = 1_000;
/// The instance, and before it the events that come from outside. Nothing else has these ids.
const INSTANCE: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0000;
const OUTSIDE: u128 = 0x0190_0000_0000_7000_8000_0001_0000_0000;

/// Why a move cannot be made. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// JSON pointer into the move where one place is to blame.
    pub pointer: String,
    pub message: String,
}

/// What a move led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub made: Move,
    /// What time it was afterwards.
    pub at: DateTime<Utc>,
    /// What the instance took in, where it was a message.
    pub received: Option<Message>,
    pub events: Vec<Event>,
    /// The timers that fired, in order.
    pub fired: Vec<TimerId>,
    /// The commands that were issued, and what was told to other processes.
    pub sent: Vec<Message>,
}

/// An instance, with what the runtime would keep beside it.
#[derive(Debug, Clone)]
pub struct Trial {
    definition: Definition,
    now: DateTime<Utc>,
    state: Option<State>,
    timers: BTreeMap<TimerId, DateTime<Utc>>,
    tasks: Vec<OpenedTask>,
    turns: Vec<Turn>,
    recorded: u64,
}

impl Trial {
    /// Nothing has happened yet; the clock says `now`.
    pub fn new(definition: Definition, now: DateTime<Utc>) -> Self {
        let (timers, tasks, turns) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { definition, now, state: None, timers, tasks, turns, recorded: 0 }
    }

    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// What runs; `None` in a stateless saga.
    pub fn process(&self) -> Option<&process::Definition> {
        match &self.definition {
            Definition::Process(process) => Some(process),
            Definition::Saga(saga) => saga.stateful.as_ref().map(|it| &it.process),
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// `None` before the start, and in a stateless saga.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// What happened so far, move by move.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.turns.iter().flat_map(|turn| &turn.events)
    }

    /// Everything that was issued, in order.
    pub fn sent(&self) -> impl Iterator<Item = &Message> {
        self.turns.iter().flat_map(|turn| &turn.sent)
    }

    /// The tasks that are open.
    pub fn tasks(&self) -> &[OpenedTask] {
        &self.tasks
    }

    /// When a timer is due, if it is set.
    pub fn due(&self, timer: TimerId) -> Option<DateTime<Utc>> {
        self.timers.get(&timer).copied()
    }

    /// Makes a move: what it led to.
    ///
    /// # Errors
    ///
    /// Nothing waits for such a thing, or the engine rejects it. Then nothing has changed.
    pub fn make(&mut self, made: Move) -> Result<&Turn, Refused> {
        let mut turn =
            Turn { made, at: self.now, received: None, events: Vec::new(), fired: Vec::new(), sent: Vec::new() };
        match turn.made.clone() {
            Move::Wait { length } => {
                let until = self.now + length;
                self.pass(until, None, &mut turn)?;
                self.now = until;
            }
            Move::Timer { node } => {
                let timer = self.timer_of(&node);
                let (due_at, timer) =
                    timer.ok_or_else(|| refused("/timer", format!("No timer is set at `{node}`.")))?;
                self.pass(due_at, Some(timer), &mut turn)?;
            }
            made => self.take(&made, &mut turn)?,
        }
        turn.at = self.now;
        self.turns.push(turn);
        Ok(&self.turns[self.turns.len() - 1])
    }

    /// What waits at a node and is due next.
    fn timer_of(&self, node: &str) -> Option<(DateTime<Utc>, TimerId)> {
        let state = self.state.as_ref()?;
        let of_tokens = tokens_at(state, node).flat_map(Token::timers);
        let of_unsettled = state.unsettled.iter().filter(|it| it.node == node).filter_map(|it| it.issued.timer);
        of_tokens.chain(of_unsettled).filter_map(|timer| Some((self.due(timer)?, timer))).min()
    }

    /// Fires what is due by `until`, in order; no further than `last`.
    fn pass(&mut self, until: DateTime<Utc>, last: Option<TimerId>, turn: &mut Turn) -> Result<(), Refused> {
        let before = self.clone();
        for _ in 0..FIRED_MAX {
            let next = self.timers.iter().map(|(timer, due_at)| (*due_at, *timer)).min();
            let Some((due_at, timer)) = next.filter(|(due_at, _)| *due_at <= until) else { return Ok(()) };
            self.now = self.now.max(due_at);
            self.timers.remove(&timer);
            turn.fired.push(timer);
            if let Err(rejection) = self.put(&Input::TimerFired { timer }, turn) {
                *self = before;
                return Err(rejection.into());
            }
            if last == Some(timer) {
                return Ok(());
            }
        }
        *self = before;
        Err(refused("", format!("More than {FIRED_MAX} timers fire in this time.")))
    }

    fn take(&mut self, made: &Move, turn: &mut Turn) -> Result<(), Refused> {
        let number = self.turns.len() as u128 + 1;
        let id = MessageId(Uuid::from_u128(OUTSIDE + number));
        let Some(process) = self.process() else { return self.react(made, id, turn) };
        if self.turns.is_empty() {
            self.refuse_early(made)?;
        }
        let input = input(process, self.state.as_ref(), made, id, self.now)?;
        if let Input::Message { message } = &input {
            turn.received = Some(message.as_ref().clone());
        }
        self.put(&input, turn)?;
        Ok(())
    }

    /// What a saga begins with is an event.
    fn refuse_early(&self, made: &Move) -> Result<(), Refused> {
        match (&self.definition, made) {
            (Definition::Saga(saga), Move::Start { .. }) => {
                let starts = saga.stateful.as_ref().map(|it| it.starts.join(", ")).unwrap_or_default();
                Err(refused("/start", format!("A saga starts when an event is observed: {starts}.")))
            }
            _ => Ok(()),
        }
    }

    /// A stateless saga issues its commands, and that is all.
    fn react(&mut self, made: &Move, id: MessageId, turn: &mut Turn) -> Result<(), Refused> {
        let (Definition::Saga(saga), Move::Event { event, payload }) = (&self.definition, made) else {
            return Err(refused("", "A saga without steps knows events alone.".to_owned()));
        };
        if !saga.on.contains_key(event) {
            let known: Vec<&str> = saga.on.keys().map(String::as_str).collect();
            return Err(refused("/event", format!("It does not react to {event}, but to {}.", known.join(", "))));
        }
        let message = event_message(id, event, payload, self.now);
        turn.sent = saga::react(saga, &message, self.now).map_err(|failure| refused("", failure.to_string()))?;
        turn.received = Some(message);
        Ok(())
    }

    /// Decides, and does what the runtime would do.
    fn put(&mut self, input: &Input, turn: &mut Turn) -> Result<(), Rejection> {
        let Some(process) = self.process().cloned() else { return Ok(()) };
        let instance = self.state.as_ref().map_or_else(instance, |state| state.instance);
        let context = Context { instance, now: self.now, recorded: self.recorded };
        let (state, events) = process::advance(&process, self.state.clone(), input, &context)?;
        self.state = Some(state);
        for event in &events {
            for effect in process::effects(&process, event, &context) {
                self.act(effect, turn);
            }
        }
        self.recorded += events.len() as u64;
        turn.events.extend(events);
        Ok(())
    }

    fn act(&mut self, effect: Effect, turn: &mut Turn) {
        match effect {
            Effect::Send(message) => turn.sent.push(*message),
            Effect::SetTimer { timer, due_at } => drop(self.timers.insert(timer, due_at)),
            Effect::CancelTimer { timer } => drop(self.timers.remove(&timer)),
            Effect::OpenTask(task) => self.tasks.push(*task),
            Effect::ReassignTask { task, assignee, candidate_group } => {
                if let Some(open) = self.tasks.iter_mut().find(|open| open.task == task) {
                    (open.assignee, open.candidate_group) = (assignee, candidate_group);
                }
            }
            Effect::CloseTask { task, .. } => self.tasks.retain(|open| open.task != task),
            // The one instance is found without them.
            Effect::Await { .. } | Effect::Forget { .. } => {}
        }
    }
}

fn instance() -> InstanceId {
    InstanceId::from_uuid(Uuid::from_u128(INSTANCE))
}

/// The longest that a trial can wait for what is due next.
pub(super) fn until_next(trial: &Trial) -> Option<TimeDelta> {
    let next = trial.timers.values().min()?;
    Some((*next - trial.now).max(TimeDelta::zero()))
}

//! What a trial waits for, and what could be done about it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Move, Scenario, Trial,
    input::{item_of, late_replies, replies, tokens_at},
    sample,
    trial::until_next,
};
use crate::{
    definition::Definition,
    duration,
    message::Message,
    process::{self, Place, State, Token},
};

/// Something that is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub kind: QuestionKind,
    /// Where; empty for what is about the whole.
    pub node: String,
    /// What people call it, or what was asked of whom.
    pub title: String,
    /// What was sent.
    pub payload: Value,
    pub choices: Vec<Choice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    Start,
    Command,
    Undo,
    Call,
    Wait,
    Approval,
    Timer,
}

/// One of the ways on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    pub title: String,
    /// The [`Move`], with data made up; what somebody else fills in takes the place of the field `data`.
    pub made: Value,
    /// The field of `made` that is data; empty when there is none.
    pub data: String,
    /// What the data has to look like, where that is known.
    pub schema: Option<Value>,
}

impl Choice {
    fn new(title: impl Into<String>, made: &Move, data: &str, schema: Option<Value>) -> Self {
        Self { title: title.into(), made: made.to_value(), data: data.to_owned(), schema }
    }
}

/// Everything that is open; `scenarios` show what data was made up before.
pub fn questions(trial: &Trial, scenarios: &[Scenario]) -> Vec<Question> {
    let past = Past { scenarios, now: trial.now() };
    let (Some(process), Some(state)) = (trial.process(), trial.state()) else {
        return vec![beginning(trial, &past)];
    };
    if state.ended.is_some() {
        return Vec::new();
    }
    let mut questions: Vec<Question> =
        state.tokens.iter().filter_map(|token| about(trial, process, state, token, &past)).collect();
    questions.extend(state.unsettled.iter().filter(|it| it.reply.is_none()).map(|it| {
        let answers = late_replies(process, &it.node);
        let (kind, title) = match process.is_call(&it.node) {
            true => (QuestionKind::Call, "Given up, and not known yet to have ended"),
            false => (QuestionKind::Command, "Nobody knows yet whether it was done"),
        };
        Question {
            kind,
            node: it.node.clone(),
            title: title.to_owned(),
            payload: it.issued.forward.as_ref().map_or(Value::Null, |forward| forward.payload.clone()),
            choices: answers.iter().map(|event| past.answer(process, &it.node, None, event)).collect(),
        }
    }));
    questions.extend(until_next(trial).map(|length| Question {
        kind: QuestionKind::Timer,
        node: String::new(),
        title: "Time".to_owned(),
        payload: Value::Null,
        choices: vec![Choice::new(
            format!("Wait {} until the next timer", duration::format(length)),
            &Move::Wait { length },
            "",
            None,
        )],
    }));
    questions
}

fn beginning(trial: &Trial, past: &Past<'_>) -> Question {
    let question = |title: &str, choices| Question {
        kind: QuestionKind::Start,
        node: String::new(),
        title: title.to_owned(),
        payload: Value::Null,
        choices,
    };
    match trial.definition() {
        Definition::Process(process) => {
            let schema = process.input.as_ref().map(|schema| schema.source().clone());
            let guessed = || schema.as_ref().map_or(json!({}), |schema| sample::of_schema(schema, "", past.now));
            let input = past.find(|made| match made {
                Move::Start { input, .. } => Some(input.clone()),
                _ => None,
            });
            let made = Move::Start { input: input.unwrap_or_else(guessed), business_key: None };
            question("Start with this input", vec![Choice::new("Start", &made, "start", schema)])
        }
        Definition::Saga(saga) => {
            let mut read = Map::new();
            let starts: Vec<&String> = match &saga.stateful {
                Some(stateful) => {
                    if let Some(correlation) = &stateful.process.correlation {
                        sample::in_source(correlation.value.source(), &mut read);
                    }
                    stateful.starts.iter().collect()
                }
                None => saga.on.keys().collect(),
            };
            let choices = starts.into_iter().map(|event| {
                let mut read = read.clone();
                if let Some(reaction) = saga.on.get(event) {
                    let templates = reaction.payload.iter().chain(&reaction.key);
                    templates.for_each(|template| sample::in_template(template, &mut read));
                }
                past.event(event, Value::Object(read))
            });
            question("An event is observed", choices.collect())
        }
    }
}

/// What a token waits for.
fn about(
    trial: &Trial,
    process: &process::Definition,
    state: &State,
    token: &Token,
    past: &Past<'_>,
) -> Option<Question> {
    // Which item is meant has to be said only where several tokens stand at a node.
    let item = item_of(state, token).filter(|_| tokens_at(state, &token.node).count() > 1);
    let (mut node, mut payload) = (token.node.clone(), Value::Null);
    let name = |node: &str| process.nodes.get(node).and_then(|it| it.title.clone()).unwrap_or_else(|| node.to_owned());
    let answers = |node: &str| -> Vec<Choice> {
        replies(process, state, token).iter().map(|event| past.answer(process, node, item, event)).collect()
    };
    let (kind, title, choices) = match token.waiting() {
        Place::Command(issued) => {
            let sent = sent(trial, issued.command);
            payload = sent.map_or(Value::Null, |message| message.payload.clone());
            (QuestionKind::Command, sent.map_or_else(|| name(&node), addressed), answers(&node))
        }
        Place::Compensating { undo: Some(issued) } => {
            let sent = sent(trial, issued.command);
            payload = sent.map_or(Value::Null, |message| message.payload.clone());
            node = state.done.last().map_or(node, |it| it.node.clone());
            (QuestionKind::Undo, sent.map_or_else(|| name(&node), addressed), answers(&node))
        }
        Place::Call { command, .. } => {
            let sent = sent(trial, *command);
            payload = sent.map_or(Value::Null, |message| message.payload["input"].clone());
            let process = sent.and_then(|message| message.payload["process"].as_str().map(str::to_owned));
            (QuestionKind::Call, format!("Calls {}", process.unwrap_or_default()), answers(&node))
        }
        Place::Wait { .. } => (QuestionKind::Wait, name(&node), answers(&node)),
        Place::Approval { task, .. } => {
            let task = trial.tasks().iter().find(|it| it.task == *task)?;
            let who = task.assignee.clone().or_else(|| task.candidate_group.clone());
            let who = who.map_or_else(String::new, |who| format!(" ({who})"));
            let choices = task.outcomes.iter().map(|outcome| past.choose(&node, item, outcome));
            (QuestionKind::Approval, format!("{}{who}", task.title), choices.collect())
        }
        Place::Timer { .. } => (QuestionKind::Timer, name(&node), Vec::new()),
        Place::Fork { .. } | Place::ForEach(_) => (QuestionKind::Timer, name(&node), Vec::new()),
        Place::Passing | Place::Compensating { undo: None } | Place::Incident(_) => return None,
    };
    let mut choices = choices;
    if let Some(due_at) = token.timers().filter_map(|timer| trial.due(timer)).min() {
        let at = due_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let made = Move::Timer { node: node.clone() };
        choices.push(Choice::new(format!("Wait until {at}"), &made, "", None));
    }
    if choices.is_empty() {
        return None;
    }
    let title = item.map_or(title.clone(), |item| format!("{title} (item {})", item + 1));
    Some(Question { kind, node, title, payload, choices })
}

fn sent(trial: &Trial, command: crate::ids::MessageId) -> Option<&Message> {
    trial.sent().find(|message| message.id == command)
}

fn addressed(message: &Message) -> String {
    format!("{} to {}", message.message_type, message.key.aggregate_type)
}

/// What was made up before.
struct Past<'a> {
    scenarios: &'a [Scenario],
    now: DateTime<Utc>,
}

impl Past<'_> {
    fn find<T>(&self, wanted: impl Fn(&Move) -> Option<T>) -> Option<T> {
        self.scenarios.iter().flat_map(Scenario::moves).find_map(wanted)
    }

    fn answer(&self, process: &process::Definition, node: &str, item: Option<u32>, event: &str) -> Choice {
        let before = self.find(|made| match made {
            Move::Answer { node: of, event: with, payload, .. } if of == node && with == event => Some(payload.clone()),
            _ => None,
        });
        let payload = before.filter(Value::is_object).unwrap_or_else(|| sample::of_event(process, node, event));
        let (node, title) = (node.to_owned(), event.to_owned());
        Choice::new(title, &Move::Answer { node, item, event: event.to_owned(), payload }, "payload", None)
    }

    fn event(&self, event: &str, guessed: Value) -> Choice {
        let before = self.find(|made| match made {
            Move::Event { event: of, payload } if of == event => Some(payload.clone()),
            _ => None,
        });
        let payload = before.filter(Value::is_object).unwrap_or(guessed);
        Choice::new(event, &Move::Event { event: event.to_owned(), payload }, "payload", None)
    }

    fn choose(&self, node: &str, item: Option<u32>, outcome: &process::OfferedOutcome) -> Choice {
        let before = self.find(|made| match made {
            Move::Choose { node: of, outcome: name, data, .. } if of == node && *name == outcome.name => {
                Some(data.clone())
            }
            _ => None,
        });
        let guessed = || outcome.form.as_ref().map_or(Value::Null, |form| sample::of_schema(form, "", self.now));
        let data = before.filter(Value::is_object).unwrap_or_else(guessed);
        let title = outcome.title.clone().unwrap_or_else(|| outcome.name.clone());
        let made = Move::Choose { node: node.to_owned(), item, outcome: outcome.name.clone(), data };
        let field = if outcome.form.is_some() { "data" } else { "" };
        Choice::new(title, &made, field, outcome.form.clone())
    }
}

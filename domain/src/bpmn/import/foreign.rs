//! Nodes for elements that know nothing of Baton. Messages, receivers and expressions are not in BPMN, so placeholders
//! stand there, and a finding for each.

use serde_json::{Map, Value, json};

use super::{
    borders,
    build::{Build, way},
    conditions,
};
use crate::{bpmn::names::camel, duration, expression::Expression, fields::shorten};

/// The most characters of a title or a description that is taken over.
const TITLE_CHARS_MAX: usize = 200;
const TEXT_CHARS_MAX: usize = 2_000;

pub fn node(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let mut node = match item.tag() {
        "startEvent" => start(build, number),
        "endEvent" => end(build, number),
        "scriptTask" => script(build, number),
        "userTask" | "manualTask" => approval(build, number),
        "receiveTask" => wait(build, number),
        "callActivity" => call(build, number),
        "intermediateCatchEvent" if item.is("timer") => timer(build, number),
        "intermediateCatchEvent" => wait(build, number),
        "intermediateThrowEvent" if item.is("compensate") => next(build, number, json!({"kind": "compensate"})),
        "exclusiveGateway" | "inclusiveGateway" | "complexGateway" => choice(build, number),
        "parallelGateway" if item.outgoing.len() > 1 => build.split(number, &item.outgoing, Some("fork")),
        "parallelGateway" => next(build, number, json!({"kind": "join"})),
        "eventBasedGateway" => await_several(build, number),
        _ => command(build, number),
    };
    let map = node.as_object_mut().expect("every kind is an object");
    let name = item.name();
    if !name.is_empty() && !map.contains_key("title") {
        map.insert("title".to_owned(), json!(shorten(name, TITLE_CHARS_MAX)));
    }
    let words = item.element.all("bpmn:documentation").map(|words| words.text.trim()).find(|words| !words.is_empty());
    if let (Some(words), None) = (words, map.get("description")) {
        map.insert("description".to_owned(), json!(shorten(words, TEXT_CHARS_MAX)));
    }
    if item.element.first("bpmn:standardLoopCharacteristics").is_some() {
        let message = "That it is repeated is not imported: lead a way back to it, with a decision.";
        build.found.error("loop", Some(item.element), message);
    }
    borders::add(build, number, &mut node);
    node
}

fn next(build: &mut Build<'_, '_>, number: usize, mut node: Value) -> Value {
    if let Some(next) = build.next(number) {
        node["next"] = json!(next);
    }
    node
}

fn start(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    if item.event().is_some() {
        let message = "A process is started by somebody, not by a message or timer: start it by an HTTP call, or from a \
                       saga's reaction.";
        build.found.warn("start-trigger", Some(item.element), message);
    }
    next(build, number, json!({"kind": "start"}))
}

fn end(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let event = item.event();
    match event.map(|event| event.local()) {
        None | Some("terminateEventDefinition") => json!({"kind": "end", "outcome": "completed"}),
        Some("errorEventDefinition") => {
            let reason = event.and_then(|event| build.graph.referred(event, "errorRef"));
            let reason = reason.or(Some(item.name()).filter(|name| !name.is_empty())).unwrap_or("It failed.");
            json!({"kind": "end", "outcome": "failed", "reason": literal(reason)})
        }
        Some("compensateEventDefinition") => {
            let message =
                "An end that undoes is a node that undoes here: put it before an end with the outcome compensated.";
            build.found.warn("compensate-end", Some(item.element), message);
            json!({"kind": "compensate"})
        }
        Some(other) => {
            let what = other.trim_end_matches("EventDefinition");
            let message = format!("An end sends nothing here: put a command for the {what} before it.");
            build.found.error("end-event", Some(item.element), message);
            let outcome = if other == "cancelEventDefinition" { "failed" } else { "completed" };
            json!({"kind": "end", "outcome": outcome})
        }
    }
}

/// A command in place of whatever is done or sent.
fn command(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let message = build.graph.referred(item.element, "messageRef");
    let message = message.or_else(|| item.event().and_then(|event| build.graph.referred(event, "messageRef")));
    let send = message.and_then(camel).or_else(|| camel(item.name())).or_else(|| camel(item.id));
    let send = send.unwrap_or_else(|| "DoSomething".to_owned());
    let done = format!("{send}Done");
    let mut words = format!(
        "A command {send} was put here, for a receiver called `receiver`, and the event {done} as its answer: enter the right \
         ones, and the payload."
    );
    if matches!(item.tag(), "sendTask" | "intermediateThrowEvent") {
        words.push_str(" Commands wait for an answer here.");
    }
    if item.is("signal") || item.is("escalation") {
        words.push_str(" There are no signals and escalations.");
    }
    build.found.warn("placeholder", Some(item.element), words);
    let next = build.next(number);
    json!({"kind": "command", "send": send, "to": "receiver", "payload": {}, "on": {done: way(next)}})
}

/// A person, by who is named there.
fn approval(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let attribute = |wanted: &str| {
        let all = item.element.attributes.iter();
        let mut values =
            all.filter(|(name, _)| name.rsplit(':').next() == Some(wanted)).map(|(_, value)| value.as_str());
        values.next().map(str::trim).filter(|who| !who.is_empty() && !who.contains(['$', '#', '=']))
    };
    let title = if item.name().is_empty() { "Approve" } else { item.name() };
    let next = build.next(number);
    let mut node = json!({
        "kind": "approval", "title": literal(&shorten(title, TITLE_CHARS_MAX)), "outcomes": {"done": {"title": "Done"}},
    });
    if let Some(next) = next {
        node["outcomes"]["done"]["next"] = json!(next);
    }
    if let Some(who) = attribute("assignee") {
        node["assignee"] = json!(who);
    }
    if let Some(group) = attribute("candidateGroups").and_then(|groups| groups.split(',').next()) {
        node["group"] = json!(group.trim());
    }
    let message = "One outcome was put here, and no form: enter the outcomes that the person can choose.";
    build.found.warn("placeholder", Some(item.element), message);
    node
}

fn script(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let script = item.element.first("bpmn:script").map_or("", |script| script.text.trim());
    let mut node = json!({"kind": "compute", "set": {}});
    if !script.is_empty() {
        node["description"] = json!(shorten(script, TEXT_CHARS_MAX));
    }
    let message = "The script is kept as the description: write what it computes as variables and expressions.";
    build.found.warn("script", Some(item.element), message);
    next(build, number, node)
}

fn call(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let called = item.element.get("calledElement").and_then(crate::bpmn::names::kebab);
    if called.as_deref() != item.element.get("calledElement") {
        let message = "Say which process is called: there is no such name here.";
        build.found.warn("called", Some(item.element), message);
    }
    let message = "Say what the called process gets as its input.";
    build.found.warn("placeholder", Some(item.element), message);
    let next = build.next(number);
    json!({"kind": "call", "process": called.unwrap_or_else(|| "other-process".to_owned()), "input": {}, "on": {"completed": way(next)}})
}

/// The event that something waits for, and what is found about that.
pub fn awaited(build: &mut Build<'_, '_>, number: usize) -> String {
    let item = build.item(number);
    let event = item.event();
    let named = match event {
        Some(event) => {
            ["messageRef", "signalRef", "errorRef"].into_iter().find_map(|it| build.graph.referred(event, it))
        }
        None => build.graph.referred(item.element, "messageRef"),
    };
    if item.is("signal") {
        let message = "There are no signals: this waits for an event of that name that concerns the instance.";
        build.found.warn("signal", Some(item.element), message);
    }
    if let Some(name) = named.and_then(camel) {
        return name;
    }
    let name = camel(item.name()).or_else(|| camel(item.id)).unwrap_or_else(|| "SomethingHappened".to_owned());
    let message = format!("The event {name} was put here: enter the type of the event that is waited for.");
    build.found.warn("placeholder", Some(item.element), message);
    name
}

fn wait(build: &mut Build<'_, '_>, number: usize) -> Value {
    let event = awaited(build, number);
    let next = build.next(number);
    json!({"kind": "wait", "on": {event: way(next)}})
}

/// Whichever event comes first.
fn await_several(build: &mut Build<'_, '_>, number: usize) -> Value {
    let mut on = Map::new();
    for flow in &build.item(number).outgoing {
        let to = build.graph.flows[*flow].to;
        let event = build.item(to);
        if !matches!(event.tag(), "intermediateCatchEvent" | "receiveTask") || event.own.is_some() {
            let message = "Behind an event-based gateway stand events that are waited for; this is left out there.";
            build.found.error("event-gateway", Some(event.element), message);
            continue;
        }
        let next = build.after(to);
        if event.is("timer") {
            let mut timeout = way(next);
            timeout["after"] = json!(length(build, to));
            on.insert("timeout".to_owned(), timeout);
        } else {
            let name = awaited(build, to);
            on.insert(name, way(next));
        }
    }
    json!({"kind": "wait", "on": on})
}

fn choice(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let message = match item.tag() {
        "inclusiveGateway" => Some(
            "An inclusive gateway takes several ways: here exactly one is taken. Use a fork with a decision in each branch.",
        ),
        "complexGateway" => {
            Some("A complex gateway is not imported: here exactly one way is taken. Draw what it means.")
        }
        _ => None,
    };
    if let Some(message) = message {
        let code = if item.tag() == "inclusiveGateway" { "inclusive-gateway" } else { "complex-gateway" };
        build.found.error(code, Some(item.element), message);
    }
    conditions::decide(build, number, &item.outgoing)
}

/// A timer that is waited for.
fn timer(build: &mut Build<'_, '_>, number: usize) -> Value {
    let item = build.item(number);
    let date = item.event().and_then(|event| event.first("bpmn:timeDate")).map(|date| date.text.trim());
    let node = match date {
        Some(date) if date.len() >= 10 && date.as_bytes()[0].is_ascii_digit() => {
            json!({"kind": "timer", "until": date})
        }
        Some(date) => {
            let until = conditions::cel(date);
            if until.is_none() {
                let message = format!("Until when? “{}” is no instant and no expression.", shorten(date, 200));
                build.found.warn("timer", Some(item.element), message);
            }
            json!({"kind": "timer", "until": format!("={}", until.as_deref().unwrap_or("now"))})
        }
        None => json!({"kind": "timer", "for": length(build, number)}),
    };
    next(build, number, node)
}

/// How long the timer of an event takes; an hour where that cannot be known.
pub fn length(build: &mut Build<'_, '_>, number: usize) -> String {
    const PLACEHOLDER: &str = "PT1H";
    let item = build.item(number);
    let text = item.event().and_then(|event| event.first("bpmn:timeDuration")).map_or("", |text| text.text.trim());
    if duration::parse(text).is_ok() {
        return text.to_owned();
    }
    if let Some(expression) = conditions::cel(text) {
        let message = "Look at how long this takes: it is an expression of another language.";
        build.found.warn("timer", Some(item.element), message);
        return format!("={expression}");
    }
    let message = "How long? An hour was put here: other timers than of a duration are not imported.";
    build.found.warn("timer", Some(item.element), message);
    PLACEHOLDER.to_owned()
}

/// Once for each item of a list.
pub fn each(build: &mut Build<'_, '_>, number: usize, inside: Option<String>, next: Option<String>) -> Value {
    let item = build.item(number);
    let multiple = item.element.first("bpmn:multiInstanceLoopCharacteristics");
    let list = multiple.and_then(|it| {
        let attribute = it.attributes.iter().find(|(name, _)| name.rsplit(':').next() == Some("collection"));
        attribute
            .map(|(_, list)| list.as_str())
            .or_else(|| it.first("bpmn:loopDataInputRef").map(|list| list.text.trim()))
    });
    let over = list.and_then(conditions::cel).filter(|source| {
        Expression::compile(source).is_ok_and(|it| it.roots().all(|root| matches!(root, "input" | "vars")))
    });
    if over.is_none() {
        let message = "Say which list this goes through: `=input.items` was put here.";
        build.found.warn("placeholder", Some(item.element), message);
    }
    let is_sequential = multiple.and_then(|it| it.get("isSequential")) == Some("true");
    let mode = if is_sequential { "sequential" } else { "parallel" };
    let over = format!("={}", over.as_deref().unwrap_or("input.items"));
    let mut node = json!({"kind": "for-each", "over": over, "as": "item", "mode": mode});
    node["title"] = json!(shorten(if item.name().is_empty() { "For each" } else { item.name() }, TITLE_CHARS_MAX));
    for (field, target) in [("do", inside), ("next", next)] {
        if let Some(target) = target {
            node[field] = json!(target);
        }
    }
    if matches!(item.tag(), "subProcess" | "transaction") {
        borders::add(build, number, &mut node);
    }
    node
}

/// What is found about elements at which nothing happens here.
pub fn passed(build: &mut Build<'_, '_>, number: usize) {
    let item = build.item(number);
    let (code, message) = match item.tag() {
        "adHocSubProcess" => {
            ("ad-hoc", "An ad-hoc sub-process is left out, and one goes on behind it: draw its steps.")
        }
        "callChoreography" | "implicitThrowEvent" => ("unknown", "This is left out, and one goes on behind it."),
        "intermediateCatchEvent" if item.is("conditional") => (
            "conditional-event",
            "Nothing waits for a condition here, and one goes on: wait for the event that makes it true.",
        ),
        "inclusiveGateway" | "complexGateway" if item.incoming.len() > 1 => (
            "inclusive-gateway",
            "An inclusive or complex gateway does not bring ways together here: each goes on. Use a join.",
        ),
        _ => return,
    };
    build.found.error(code, Some(item.element), message);
}

/// What is found about sub-processes whose inside became a part of the process.
pub fn flattened(build: &mut Build<'_, '_>, number: usize) {
    let item = build.item(number);
    if item.tag() == "transaction" {
        let message =
            "A transaction is imported as its steps: undo them with the undo of commands and a node that compensates.";
        build.found.error("transaction", Some(item.element), message);
    }
    for border in build.graph.borders(number).collect::<Vec<_>>() {
        let message =
            "What interrupts a whole sub-process is left out: interrupt its steps, or call a process of its own.";
        build.found.error("sub-process-event", Some(build.item(border).element), message);
    }
    let message = "The steps of this sub-process are steps of the process now.";
    build.found.warn("sub-process", Some(item.element), message);
}

/// A text that is no expression, even if it begins like one.
fn literal(text: &str) -> String {
    if text.starts_with('=') { format!("={text}") } else { text.to_owned() }
}

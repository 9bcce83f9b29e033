//! Makes the nodes, and follows flows from one to the next.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{
    Found, borders, conditions, foreign,
    graph::{Graph, Item},
    own, places,
    roles::{self, Role},
};
use crate::{
    bpmn::{names::Taken, names::kebab},
    designer::Document,
};

pub struct Build<'a, 'f> {
    pub graph: &'a Graph<'a>,
    pub found: &'f mut Found,
    roles: Vec<Role>,
    /// What the nodes of items are called; empty for those that become none.
    names: Vec<String>,
    /// The loop around an activity that is done for each item, or the split behind a join.
    second: HashMap<usize, String>,
    taken: Taken,
    /// What was made, by name.
    pub nodes: Map<String, Value>,
    /// Nodes that stand for no element: beside which item they stand, and how far.
    pub beside: Vec<(String, usize, f64)>,
    /// Nodes that were made where several ways, or none, leave an item.
    after: HashMap<usize, String>,
    /// Splits that are named, and not made yet.
    waiting: Vec<(String, usize, Vec<usize>)>,
}

/// The whole definition.
pub fn document(graph: &Graph<'_>, beside: Map<String, Value>, found: &mut Found) -> Value {
    let mut build = Build::new(graph, found);
    for number in 0..graph.items.len() {
        build.make(number);
    }
    build.begin();
    let is_own = |from: usize| {
        let host = graph.items[from].element.get("attachedToRef").and_then(|host| graph.number(host));
        graph.items[host.unwrap_or(from)].own.is_some()
    };
    let targets: Vec<Option<String>> =
        graph.flows.iter().map(|flow| if is_own(flow.from) { build.entry(flow.to) } else { None }).collect();
    while let Some((name, item, flows)) = build.waiting.pop() {
        let node = build.split(item, &flows, None);
        build.nodes.insert(name, node);
    }
    let Build { names, nodes, beside: extra, found, .. } = build;
    let mut definition = beside;
    definition.insert("nodes".to_owned(), Value::Object(nodes));
    let mut document = Document::new(Value::Object(definition));
    own::restore(&mut document, graph, &names, &targets, found);
    conditions::join_forks(&mut document, graph, &names);
    places::place(&mut document, graph, &names, &extra);
    document.into_value()
}

impl<'a, 'f> Build<'a, 'f> {
    fn new(graph: &'a Graph<'a>, found: &'f mut Found) -> Self {
        let roles = roles::of(graph);
        let mut taken = Taken::default();
        let mut names = vec![String::new(); graph.items.len()];
        // Those that had a name keep it.
        for (number, item) in graph.items.iter().enumerate() {
            if let Some(own) = &item.own {
                names[number] = taken.take(&own.name);
            }
        }
        let mut build = Self {
            graph,
            found,
            roles,
            names,
            second: HashMap::new(),
            taken,
            nodes: Map::new(),
            beside: Vec::new(),
            after: HashMap::new(),
            waiting: Vec::new(),
        };
        for number in 0..graph.items.len() {
            build.name(number);
        }
        build
    }

    fn name(&mut self, number: usize) {
        let item = &self.graph.items[number];
        let makes_node = matches!(self.roles[number], Role::Node | Role::Loop | Role::JoinAndSplit);
        if item.own.is_some() || !makes_node {
            return;
        }
        let called = match item.tag() {
            "startEvent" => Some("start".to_owned()),
            _ => kebab(item.name()).or_else(|| kebab(item.id)),
        };
        let name = self.taken.take(&called.unwrap_or_else(|| "node".to_owned()));
        if self.roles[number] == Role::JoinAndSplit {
            let second = self.taken.take(&format!("{name}-split"));
            self.beside.push((second.clone(), number, 1.0));
            self.second.insert(number, second);
        } else if self.roles[number] == Role::Node && item.is_multiple() {
            let second = self.taken.take(&format!("each-{name}"));
            self.beside.push((second.clone(), number, -1.0));
            self.second.insert(number, second);
        }
        self.names[number] = name;
    }

    pub fn item(&self, number: usize) -> &'a Item<'a> {
        &self.graph.items[number]
    }

    /// The node that one comes to by a flow into an item.
    pub fn entry(&mut self, number: usize) -> Option<String> {
        // A circle of elements at which nothing happens leads nowhere.
        self.entered(number, self.graph.items.len() + 1)
    }

    fn entered(&mut self, number: usize, steps: usize) -> Option<String> {
        let steps = steps.checked_sub(1)?;
        match self.roles[number] {
            Role::Node if self.item(number).is_multiple() => self.second.get(&number).cloned(),
            Role::Node | Role::Loop | Role::JoinAndSplit => Some(self.names[number].clone()),
            Role::Through => self.left(number, steps),
            Role::Inside => match self.first_inside(number) {
                Some(first) => self.entered(first, steps),
                None => self.left(number, steps),
            },
            Role::Exit(parent) => self.behind(parent, steps),
            Role::Border | Role::Undo | Role::Awaited | Role::Nothing => None,
        }
    }

    /// The node that one comes to after an item.
    pub fn after(&mut self, number: usize) -> Option<String> {
        self.left(number, self.graph.items.len() + 1)
    }

    fn left(&mut self, number: usize, steps: usize) -> Option<String> {
        if let Some(made) = self.after.get(&number) {
            return Some(made.clone());
        }
        let item = self.item(number);
        match item.outgoing.as_slice() {
            [] if item.is("link") => {
                let link = |item: &Item<'_>| item.event().and_then(|event| event.get("name")).map(str::to_owned);
                let wanted = link(item);
                let mut items = self.graph.items.iter();
                let catch = items.position(|other| {
                    other.tag() == "intermediateCatchEvent" && other.is("link") && link(other) == wanted
                });
                catch.and_then(|catch| self.entered(catch, steps.checked_sub(1)?))
            }
            [] => match item.parent {
                Some(parent) => self.behind(parent, steps),
                None => Some(self.end_behind(number)),
            },
            [one] => self.entered(self.graph.flows[*one].to, steps),
            several => {
                let stem =
                    if self.names[number].is_empty() { kebab(item.id) } else { Some(self.names[number].clone()) };
                let name = self.taken.take(&format!("{}-ways", stem.unwrap_or_else(|| "node".to_owned())));
                self.after.insert(number, name.clone());
                self.beside.push((name.clone(), number, 1.0));
                self.waiting.push((name.clone(), number, several.to_vec()));
                Some(name)
            }
        }
    }

    /// What follows what is inside a sub-process.
    fn behind(&mut self, parent: usize, steps: usize) -> Option<String> {
        match self.roles[parent] {
            Role::Loop => Some(self.names[parent].clone()),
            _ => self.left(parent, steps.checked_sub(1)?),
        }
    }

    /// A branch that just stops in BPMN ends the instance here.
    fn end_behind(&mut self, number: usize) -> String {
        let item = self.item(number);
        let stem = if self.names[number].is_empty() { kebab(item.id) } else { Some(self.names[number].clone()) };
        let name = self.taken.take(&format!("{}-end", stem.unwrap_or_else(|| "node".to_owned())));
        self.nodes.insert(name.clone(), json!({"kind": "end"}));
        self.beside.push((name.clone(), number, 1.0));
        self.after.insert(number, name.clone());
        let message = "Nothing follows this: an end was put behind it, which ends the whole instance.";
        self.found.warn("implicit-end", Some(item.element), message);
        name
    }

    /// The start inside a sub-process, else what nothing leads to.
    pub fn first_inside(&self, parent: usize) -> Option<usize> {
        let inside = || {
            let items = self.graph.items.iter().enumerate();
            items.filter(move |(_, item)| item.parent == Some(parent)).map(|(number, _)| number)
        };
        let is_start = |number: &usize| self.graph.items[*number].tag() == "startEvent";
        let is_first = |number: &usize| {
            self.graph.items[*number].incoming.is_empty() && !matches!(self.roles[*number], Role::Border | Role::Undo)
        };
        inside().find(is_start).or_else(|| inside().find(is_first))
    }

    fn make(&mut self, number: usize) {
        let item = self.item(number);
        let name = self.names[number].clone();
        match self.roles[number] {
            Role::Node => {
                let node = match &item.own {
                    Some(own) => {
                        let mut node = own.node.clone();
                        for border in self
                            .graph
                            .borders(number)
                            .filter(|border| !own::is_ours(self.graph, *border))
                            .collect::<Vec<_>>()
                        {
                            borders::add_one(self, border, &mut node);
                        }
                        node
                    }
                    None => foreign::node(self, number),
                };
                self.nodes.insert(name, node);
            }
            Role::Loop => {
                let inside = self.first_inside(number).and_then(|first| self.entry(first));
                let next = self.after(number);
                let node = foreign::each(self, number, inside, next);
                self.nodes.insert(name, node);
            }
            Role::JoinAndSplit => {
                let second = self.second[&number].clone();
                self.nodes.insert(name, json!({"kind": "join", "next": second}));
                let flows = item.outgoing.clone();
                let node = self.split(number, &flows, Some("fork"));
                self.nodes.insert(second, node);
            }
            Role::Through => foreign::passed(self, number),
            Role::Inside => foreign::flattened(self, number),
            Role::Exit(_) if item.event().is_some() => {
                let message = "The end of a sub-process does nothing here: one goes on behind it.";
                self.found.warn("inner-end", Some(item.element), message);
            }
            Role::Nothing => {
                let message = "Only one start is imported; what only this one leads to cannot be reached.";
                self.found.error("several-starts", Some(item.element), message);
            }
            Role::Exit(_) | Role::Border | Role::Undo | Role::Awaited => {}
        }
        if self.roles[number] == Role::Node && item.is_multiple() {
            let each = self.second[&number].clone();
            let inside = Some(self.names[number].clone());
            let next = self.after(number);
            let node = foreign::each(self, number, inside, next);
            self.nodes.insert(each, node);
        }
    }

    /// Where the way out of an activity leads: back to the loop around it, or on.
    pub fn next(&mut self, number: usize) -> Option<String> {
        match self.second.get(&number) {
            Some(each) if self.item(number).is_multiple() => Some(each.clone()),
            _ => self.after(number),
        }
    }

    /// Several ways behind something: all at once, or one of them when there are conditions.
    pub fn split(&mut self, number: usize, flows: &[usize], kind: Option<&str>) -> Value {
        let item = self.item(number);
        let default = item.element.get("default");
        let has_conditions = flows.iter().any(|flow| {
            let flow = &self.graph.flows[*flow];
            flow.condition.is_some() || (default.is_some() && flow.element.get("id") == default)
        });
        let all_at_once = kind.map_or(!has_conditions, |kind| kind == "fork");
        if !all_at_once {
            return conditions::decide(self, number, flows);
        }
        let mut taken = Taken::default();
        let mut branches = Map::new();
        for (index, flow) in flows.iter().enumerate() {
            let flow = &self.graph.flows[*flow];
            let called = flow.element.get("name").and_then(kebab).unwrap_or_else(|| format!("branch-{}", index + 1));
            let next = self.entry(flow.to);
            branches.insert(taken.take(&called), way(next));
        }
        json!({"kind": "fork", "branches": branches})
    }

    /// A start, when the file has none and is not ours.
    fn begin(&mut self) {
        let has_start = self.nodes.values().any(|node| node.get("kind").and_then(Value::as_str) == Some("start"));
        if has_start || self.graph.is_own {
            return;
        }
        let is_first = |(number, item): &(usize, &Item<'_>)| {
            let makes_way = !matches!(self.roles[*number], Role::Border | Role::Undo | Role::Nothing | Role::Exit(_));
            item.parent.is_none() && item.incoming.is_empty() && makes_way
        };
        let first = self.graph.items.iter().enumerate().find(is_first).map(|(number, _)| number);
        let next = first.and_then(|first| self.entry(first));
        let name = self.taken.take("start");
        let mut node = json!({"kind": "start"});
        node.as_object_mut().expect("it is one").extend(next.map(|next| ("next".to_owned(), json!(next))));
        self.nodes.insert(name.clone(), node);
        if let Some(first) = first {
            self.beside.push((name, first, -1.0));
        }
        self.found.warn("no-start", None, "There is no start event: a start was put before what nothing leads to.");
    }
}

/// `{next: …}`, or a way that leads nowhere yet.
pub fn way(next: Option<String>) -> Value {
    next.map_or_else(|| json!({}), |next| json!({"next": next}))
}

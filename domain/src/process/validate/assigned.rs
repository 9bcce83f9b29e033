//! Which variables are set where a process is at: on some way to a node, and on every way to it.
//!
//! Forward data-flow analysis, two at once: *reaching definitions* (what may be set, united where ways meet) and *definite
//! assignment* (what is set for sure, intersected where ways meet). A worklist applies the transfer of each way out until
//! nothing changes any more, the fixed point (Kildall, "A unified approach to global program optimization", 1973). It ends,
//! since what may be set only ever grows, and what is set for sure only ever shrinks.
//!
//! Three things are not as in the textbooks. The branches of a fork all run, so at the join is set what *any* of them sets
//! for sure; what a neighbouring branch sets may be set, never surely. What the body of a loop sets belongs to its item and
//! is gone after it. And where a decision asks `has(vars.x)`, the ways behind it are taken to know the answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    super::{
        definition::{Node, NodeKind},
        ports::{DO, NEXT, TIMEOUT, case_name},
        scopes::Scopes,
    },
    Nodes, reach,
    reads::Place,
    targets,
};

/// A way out of a node.
struct Way<'a> {
    from: &'a str,
    port: String,
    to: &'a str,
    /// Set by who goes this way.
    sets: Variables,
    /// Perhaps set meanwhile by neighbouring branches.
    meanwhile: Variables,
}

/// The ways to a node, as indices.
#[derive(Default)]
struct Entering {
    /// One of these was gone.
    one: Vec<usize>,
    /// A join: of each branch, one of these was gone.
    branches: Vec<Vec<usize>>,
    /// A loop: one of these ended an item.
    items: Vec<usize>,
}

#[derive(Clone, PartialEq)]
struct Facts {
    may: Variables,
    must: Variables,
}

/// How a variable is missing where it is read.
pub(super) enum Missing<'a> {
    /// No way sets it.
    Always,
    /// Some ways do not set it; among them, if that tells something, one that leaves this node by this port.
    Sometimes(Option<(&'a str, &'a str)>),
}

pub(super) struct Assigned<'a> {
    nodes: &'a Nodes,
    scopes: &'a Scopes,
    start: &'a str,
    numbers: BTreeMap<&'a str, usize>,
    ways: Vec<Way<'a>>,
    entering: BTreeMap<&'a str, Entering>,
    /// Fork → what its branches set on their first way, and what may be set inside of it.
    forks: BTreeMap<&'a str, (Variables, Variables)>,
    /// What is set where a node is entered; only of nodes that can be reached.
    facts: BTreeMap<&'a str, Facts>,
}

impl<'a> Assigned<'a> {
    /// Of a graph whose edges and scopes hold.
    pub fn of(nodes: &'a Nodes, start: &'a str, scopes: &'a Scopes) -> Self {
        let names: BTreeSet<&str> = nodes.values().flat_map(super::reads::variables_set).collect();
        let numbers: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
        let (ways, entering, forks, facts) = Default::default();
        let mut it = Self { nodes, scopes, start, numbers, ways, entering, forks, facts };
        it.look_into_forks();
        for (name, node) in nodes {
            for (port, to) in node.ports().into_iter().map(|(name, port)| (name, port.next.as_str())) {
                let (sets, meanwhile) = it.transfer(name, node, &port);
                it.ways.push(Way { from: name, port, to, sets, meanwhile });
            }
        }
        it.sort_ways();
        it.settle();
        it
    }

    /// How `variable` is missing at this place of a node, if it is.
    pub fn missing(&self, node: &str, place: Place, variable: &str) -> Option<Missing<'_>> {
        let number = *self.numbers.get(variable)?;
        let facts = self.at(node, place)?;
        match (facts.may.has(number), facts.must.has(number)) {
            (_, true) => None,
            (false, _) => Some(Missing::Always),
            (true, false) => Some(Missing::Sometimes(self.example(node, place, number, variable))),
        }
    }

    /// The loop that keeps to itself what `setter` sets, seen from `node`.
    pub fn loop_between(&self, setter: &str, node: &str) -> Option<&'a str> {
        let inside: BTreeSet<&str> = self.containers(node).map(|(name, _)| name).collect();
        let is_loop = |node: &Node| matches!(node.kind, NodeKind::ForEach(_));
        self.containers(setter).find(|(name, node)| is_loop(node) && !inside.contains(name)).map(|(name, _)| name)
    }

    /// The forks and loops around a node, the innermost first.
    fn containers(&self, node: &str) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
        let (nodes, scopes) = (self.nodes, self.scopes);
        let around =
            move |name: &str| nodes.get_key_value(scopes.around(name)?).map(|(name, node)| (name.as_str(), node));
        std::iter::successors(around(node), move |(name, _)| around(name))
    }

    fn variables<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Variables {
        let mut variables = Variables::default();
        for number in names.into_iter().filter_map(|name| self.numbers.get(name)) {
            variables.add(*number);
        }
        variables
    }

    fn look_into_forks(&mut self) {
        for (name, node) in self.nodes {
            let set = match &node.kind {
                // It ends everything, the neighbours too.
                NodeKind::End { .. } => continue,
                NodeKind::ForEach(each) => {
                    let port = each.port.set.iter().map(|(name, _)| name.as_str());
                    let timeout = each.timeout.iter().filter_map(|it| it.port()).flat_map(|port| &port.set);
                    let timeout = timeout.map(|(name, _)| name.as_str());
                    self.variables(port.chain(each.into.as_deref()).chain(timeout))
                }
                _ => self.variables(super::reads::variables_set(node)),
            };
            let shared = self.containers(name).take_while(|(_, node)| matches!(node.kind, NodeKind::Fork(_)));
            for (fork, _) in shared {
                self.forks.entry(fork).or_default().1.unite(&set);
            }
            if let NodeKind::Fork(fork) = &node.kind {
                let first = fork.branches.values().flat_map(|port| &port.set).map(|(name, _)| name.as_str());
                self.forks.entry(name).or_default().0 = self.variables(first);
            }
        }
    }

    /// What is set by who leaves a node by this port, and what may be set meanwhile.
    fn transfer(&self, name: &str, node: &Node, port: &str) -> (Variables, Variables) {
        let own = node.port(port).into_iter().flat_map(|port| &port.set).map(|(name, _)| name.as_str());
        let mut sets = self.variables(own);
        let mut meanwhile = Variables::default();
        match &node.kind {
            // All branches set their variables before the first goes on.
            NodeKind::Fork(_) => {
                if let Some((first, inside)) = self.forks.get(name) {
                    sets.unite(first);
                    meanwhile = inside.clone();
                }
            }
            NodeKind::ForEach(each) if port == DO => sets.unite(&self.variables([each.item.as_str()])),
            NodeKind::ForEach(each) if port == NEXT => sets.unite(&self.variables(each.into.as_deref())),
            NodeKind::Decide { cases, .. } => {
                let last = (0..cases.len()).find(|index| case_name(*index) == port);
                let asked = cases.iter().take(last.map_or(cases.len(), |last| last + 1));
                sets.unite(&self.variables(asked.flat_map(|case| case.when.variables_tested())));
            }
            _ => {}
        }
        (sets, meanwhile)
    }

    /// Sorts the ways by where they lead to, and how.
    fn sort_ways(&mut self) {
        let mut gathered: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, way) in self.ways.iter().enumerate() {
            let inside = match self.nodes.get(way.from).map(|node| &node.kind) {
                Some(NodeKind::Fork(_)) if way.port != TIMEOUT => Some(way.from),
                Some(NodeKind::ForEach(_)) if way.port == DO => Some(way.from),
                _ => self.scopes.around(way.from),
            };
            let entering = self.entering.entry(way.to).or_default();
            match inside.filter(|inside| self.scopes.ends(inside, way.to)) {
                Some(container) if container == way.to => entering.items.push(index),
                Some(fork) => gathered.entry(fork).or_default().push(index),
                None => entering.one.push(index),
            }
        }
        for (name, node) in self.nodes {
            let NodeKind::Fork(fork) = &node.kind else { continue };
            let ways = gathered.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            let stops = |it: &str| it == fork.join || self.scopes.is_anywhere(it);
            let of_branch = |(branch, first): (&String, &'a str)| -> Vec<usize> {
                let inside = reach(first, |it| if stops(it) { Vec::new() } else { targets(self.nodes, it) });
                let is_its = |way: &Way<'_>| match way.from == name {
                    true => way.port == *branch,
                    false => way.from != fork.join && inside.contains(way.from),
                };
                ways.iter().copied().filter(|index| is_its(&self.ways[*index])).collect()
            };
            let branches = fork.branches.iter().map(|(branch, port)| (branch, port.next.as_str())).map(of_branch);
            let branches = branches.collect();
            self.entering.entry(&fork.join).or_default().branches = branches;
        }
    }

    fn settle(&mut self) {
        let mut onward: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
        for way in &self.ways {
            onward.entry(way.from).or_default().push(way.to);
        }
        let mut open = VecDeque::from([self.start]);
        while let Some(node) = open.pop_front() {
            let facts = if node == self.start { Some(Facts::none()) } else { self.entered(node) };
            if facts.is_some() && facts.as_ref() != self.facts.get(node) {
                self.facts.extend(facts.map(|facts| (node, facts)));
                open.extend(onward.get(node).into_iter().flatten());
            }
        }
    }

    /// What is set where a node is entered, as far as it is known how; `None` while no way to it is known.
    fn entered(&self, node: &str) -> Option<Facts> {
        let entering = self.entering.get(node)?;
        let one = self.meet(&entering.one);
        let mut branches = entering.branches.iter().map(|ways| self.meet(ways));
        let first = branches.next().flatten();
        let all = branches.fold(first, |all, branch| Some(all?.and(&branch?)));
        match (one, all) {
            (Some(one), Some(all)) => Some(one.or(&all)),
            (one, all) => one.or(all),
        }
    }

    /// What is set when one of these ways was gone.
    fn meet(&self, ways: &[usize]) -> Option<Facts> {
        ways.iter().filter_map(|index| self.gone(*index)).reduce(|a, b| a.or(&b))
    }

    fn gone(&self, way: usize) -> Option<Facts> {
        let way = &self.ways[way];
        let mut facts = self.facts.get(way.from)?.clone();
        facts.must.unite(&way.sets);
        facts.may.unite(&way.sets);
        facts.may.unite(&way.meanwhile);
        Some(facts)
    }

    /// What is set at a place of a node.
    fn at(&self, node: &str, place: Place) -> Option<Facts> {
        let mut facts = self.facts.get(node)?.clone();
        match place {
            Place::ItemEnd => return self.meet(&self.entering.get(node)?.items),
            Place::Undo | Place::Undoing => return self.meet(&self.successes(node)).or(Some(facts)),
            Place::GivenUp => {
                if let Some((first, inside)) = self.forks.get(node) {
                    facts.must.unite(first);
                    facts.may.unite(first);
                    facts.may.unite(inside);
                }
            }
            Place::Anywhere | Place::Event | Place::Form | Place::Correlation => {}
        }
        Some(facts)
    }

    /// The ways after which a command may have to be undone: it succeeded, or may have although nobody answered in time.
    fn successes(&self, node: &str) -> Vec<usize> {
        let command = self.nodes.get(node).and_then(Node::command);
        let may_be_done = |port: &str| port == TIMEOUT || command.is_some_and(|command| !command.is_refusal(port));
        let ways = self.ways.iter().enumerate().filter(|(_, way)| way.from == node && may_be_done(&way.port));
        ways.map(|(index, _)| index).collect()
    }

    /// The last turn on a way to `node` where it could have been otherwise: the shortest way that does not set the variable
    /// is followed back to the start.
    fn example(&self, node: &str, place: Place, number: usize, variable: &str) -> Option<(&str, &str)> {
        let entering = |node: &str| -> Vec<usize> {
            let entering = self.entering.get(node);
            entering.map(|it| it.one.iter().chain(it.branches.iter().flatten()).copied().collect()).unwrap_or_default()
        };
        let without = |ways: Vec<usize>| {
            ways.into_iter().filter(|way| self.gone(*way).is_some_and(|facts| !facts.must.has(number)))
        };
        let last = match place {
            Place::ItemEnd => self.entering.get(node)?.items.clone(),
            Place::Undo | Place::Undoing => self.successes(node),
            _ => entering(node),
        };
        // Each way with the one that is gone after it.
        let mut after: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        let mut open: VecDeque<usize> = without(last).collect();
        after.extend(open.iter().map(|way| (*way, None)));
        let mut way = loop {
            let way = open.pop_front()?;
            if self.ways[way].from == self.start {
                break way;
            }
            for before in without(entering(self.ways[way].from)) {
                if let std::collections::btree_map::Entry::Vacant(vacant) = after.entry(before) {
                    vacant.insert(Some(way));
                    open.push_back(before);
                }
            }
        };
        let mut path = vec![way];
        while let Some(next) = after.get(&way).copied().flatten() {
            path.push(next);
            way = next;
        }
        let leading = self.leading_to_setters(variable);
        let could_differ = |way: &&Way<'_>| {
            let mut others = self.ways.iter().filter(|it| it.from == way.from && it.port != way.port);
            others.any(|it| it.sets.has(number) || leading.contains(it.to))
        };
        let turn = path.into_iter().rev().map(|way| &self.ways[way]).find(could_differ);
        turn.map(|way| (way.from, way.port.as_str()))
    }

    /// The nodes from which there is a way to one that sets the variable, those included.
    fn leading_to_setters(&self, variable: &str) -> BTreeSet<&'a str> {
        let sets = |node: &Node| super::reads::variables_set(node).contains(&variable);
        let mut open: Vec<&str> =
            self.nodes.iter().filter(|(_, node)| sets(node)).map(|(name, _)| name.as_str()).collect();
        let mut leading: BTreeSet<&str> = open.iter().copied().collect();
        while let Some(node) = open.pop() {
            let Some(Entering { one, branches, items }) = self.entering.get(node) else { continue };
            for way in one.iter().chain(branches.iter().flatten()).chain(items) {
                if leading.insert(self.ways[*way].from) {
                    open.push(self.ways[*way].from);
                }
            }
        }
        leading
    }
}

impl Facts {
    fn none() -> Self {
        Self { may: Variables::default(), must: Variables::default() }
    }

    /// Both happened.
    fn and(mut self, other: &Self) -> Self {
        self.may.unite(&other.may);
        self.must.unite(&other.must);
        self
    }

    /// One of both happened.
    fn or(mut self, other: &Self) -> Self {
        self.may.unite(&other.may);
        self.must.intersect(&other.must);
        self
    }
}

/// A set of variables by their numbers, 64 a word; trailing words that are zero are left out, so that equal sets are equal.
#[derive(Debug, Clone, Default, PartialEq)]
struct Variables(Vec<u64>);

impl Variables {
    fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn add(&mut self, number: usize) {
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn unite(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    fn intersect(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

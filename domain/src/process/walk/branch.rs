//! Forks, joins and loops: where one token becomes several, and several become one.
//!
//! A token at a fork or a loop waits for the tokens inside, which name it as their parent. All counting is of tokens in
//! the state, so it happens under the instance's lock.

use serde_json::{Map, Value};

use super::{ENTRIES_MAX, Exit, Next, VARIABLES_BYTES_MAX, Walk, evaluate};
use crate::{
    expression::Template,
    fields::name_of,
    message::serialised_bytes,
    process::{
        Attempt, Branch, Event, IncidentKind, Place, Token,
        definition::{Definition, ForEach, Fork, NodeKind},
        ports::{JOINED, NEXT},
    },
};

/// The most items that a loop goes through.
pub const ITEMS_MAX: usize = 100_000;

impl Walk<'_> {
    pub(super) fn fork(&mut self, token: u32, name: &str, fork: &Fork) -> Result<(), String> {
        let vars = self.vars(token);
        let timer = self.timeout(fork.timeout.as_ref(), &mut self.state.sequence.clone(), &self.scope(&vars))?;
        drop(vars);
        let first = self.state.next_token();
        let mut branches = Vec::new();
        let mut together = Map::new();
        for (number, (name, port)) in (first..).zip(&fork.branches) {
            let set = self.assign(token, &port.set, None, None)?;
            together.extend(set.clone());
            branches.push(Branch { name: name.clone(), token: number, to: port.next.clone(), set });
        }
        self.check_size(&together)?;
        let ready: Vec<(u32, String)> = branches.iter().map(|branch| (branch.token, branch.to.clone())).collect();
        self.record(Event::Forked { token, node: name.to_owned(), join: fork.join.clone(), branches, timer });
        self.ready.extend(ready);
        Ok(())
    }

    /// A token comes to a join. The last one of its fork sets the fork's own token going.
    pub(super) fn join(&mut self, token: u32, name: &str) -> Next {
        let around = self.around(token);
        let around = around.filter(|it| matches!(&it.place, Place::Fork { join, .. } if join == name)).cloned();
        // Without a fork around it, an operator has brought the token here.
        let Some(fork) = around else { return self.leave(token, name, Exit::by(NEXT)) };
        self.record(Event::Joined { token, node: name.to_owned() });
        if self.state.children(fork.id).next().is_none() {
            let closed = fork.open();
            self.record(Event::Gathered { token: fork.id, node: fork.node.clone(), closed });
            let (from, port, to) = (fork.node, JOINED.to_owned(), name.to_owned());
            self.record(Event::Moved { token: fork.id, from, port, to, set: Map::new() });
            if let Next::Enter(next) = self.leave(fork.id, name, Exit::by(NEXT)) {
                self.ready.push_back((fork.id, next));
            }
        }
        Next::Rest
    }

    fn around(&self, token: u32) -> Option<&Token> {
        self.state.token(self.state.token(token)?.parent?)
    }

    /// A token comes to a loop: from inside, an item has ended; from outside, the loop begins.
    pub(super) fn each(&mut self, token: u32, name: &str, each: &ForEach) -> Result<(), String> {
        let around = self.around(token);
        if let Some(around) = around.filter(|it| it.node == name && matches!(it.place, Place::ForEach(_))).cloned() {
            return self.end_item(token, name, each, &around);
        }
        let items = self.items(token, name, each)?;
        let timer =
            self.timeout(each.timeout.as_ref(), &mut self.state.sequence.clone(), &self.scope(&self.vars(token)))?;
        let (node, item) = (name.to_owned(), each.item.clone());
        self.record(Event::LoopBegan { token, node, item, items, timer });
        self.advance_loop(token, name, each);
        Ok(())
    }

    /// The list. A plain path such as `=input.orders` is followed without the bounds that an expression has, so that a
    /// list can be as long as it may.
    fn items(&self, token: u32, name: &str, each: &ForEach) -> Result<Vec<Value>, String> {
        let vars = self.vars(token);
        let list = match &each.over {
            Template::Expression(expression) => match expression.as_path().as_deref() {
                Some(["input", path @ ..]) => {
                    path.iter().try_fold(&self.state.input, |it, field| it.get(field)).cloned()
                }
                Some(["vars", first, path @ ..]) => {
                    path.iter().try_fold(vars.get(*first), |it, field| Some(it?.get(field))).flatten().cloned()
                }
                _ => None,
            },
            _ => None,
        };
        let list = match list {
            Some(list) => list,
            // Also where the path leads nowhere: the expression says best what is missing.
            None => evaluate(&each.over, &self.scope(&vars))?,
        };
        let place = format!("/nodes/{name}/over");
        match list {
            Value::Array(items) if items.len() > ITEMS_MAX => {
                Err(format!("{place} yields {} items, more than {ITEMS_MAX}", items.len()))
            }
            Value::Array(items) => Ok(items),
            other => Err(format!("{place} must yield a list, but yields {}", name_of(&other))),
        }
    }

    fn end_item(&mut self, token: u32, name: &str, each: &ForEach, around: &Token) -> Result<(), String> {
        let result = match &each.collect {
            Some(collect) => Some(evaluate(collect, &self.scope(&self.vars(token)))?),
            None => None,
        };
        if let (Some(result), Place::ForEach(it)) = (&result, &around.place) {
            let bytes = it.result_bytes + serialised_bytes(result);
            if bytes > VARIABLES_BYTES_MAX {
                return Err(format!("the results would have {bytes} bytes together, more than {VARIABLES_BYTES_MAX}"));
            }
        }
        let index = self.state.token(token).and_then(|it| it.index).unwrap_or(0);
        self.record(Event::ItemEnded { token, node: name.to_owned(), index, result });
        self.advance_loop(around.id, name, each);
        Ok(())
    }

    /// Begins as many items as may be under way, or ends the loop when none is left.
    pub(super) fn advance_loop(&mut self, token: u32, name: &str, each: &ForEach) {
        loop {
            let Some(Place::ForEach(it)) = self.state.token(token).map(|it| &it.place) else { return };
            let under_way = self.state.children(token).count();
            if it.left.is_empty() {
                if under_way == 0 {
                    self.end_loop(token, name, each);
                }
                return;
            }
            if it.pause.is_some() || under_way >= each.limit as usize {
                return;
            }
            if self.entries > ENTRIES_MAX / 2 {
                // So many items that never wait: the rest is for another decision.
                match self.due_timer(&mut self.state.sequence.clone(), self.context.now) {
                    Ok(timer) => self.record(Event::LoopPaused { token, node: name.to_owned(), timer }),
                    Err(reason) if under_way == 0 => self.stick_loop(token, name, reason),
                    Err(_) => {}
                }
                return;
            }
            self.entries += 1;
            let (inner, index, to) = (self.state.next_token(), it.begun, each.body.next.clone());
            self.record(Event::ItemBegan { token, node: name.to_owned(), inner, index, to: to.clone() });
            self.ready.push_back((inner, to));
        }
    }

    fn end_loop(&mut self, token: u32, name: &str, each: &ForEach) {
        let Some(around) = self.state.token(token).cloned() else { return };
        let Place::ForEach(mut it) = around.place.clone() else { return };
        it.results.resize(if each.collect.is_some() { it.begun as usize } else { 0 }, Value::Null);
        let set = self.assign(token, &each.port.set, None, None).and_then(|mut set| {
            if let Some(into) = &each.into {
                set.insert(into.clone(), Value::Array(it.results));
                self.check_size(&set)?;
            }
            Ok(set)
        });
        match set {
            Ok(set) => {
                self.record(Event::Gathered { token, node: name.to_owned(), closed: around.open() });
                let (from, port, to) = (name.to_owned(), NEXT.to_owned(), each.port.next.clone());
                self.record(Event::Moved { token, from, port, to: to.clone(), set });
                self.ready.push_back((token, to));
            }
            Err(reason) => self.stick_loop(token, name, reason),
        }
    }

    /// A loop cannot go on; a retry goes on with it and begins no item again.
    fn stick_loop(&mut self, token: u32, name: &str, reason: String) {
        let Some(around) = self.state.token(token).cloned() else { return };
        let mut place = around.place.clone();
        if let Place::ForEach(it) = &mut place {
            (it.timer, it.pause) = (None, None);
        }
        self.record(Event::Gathered { token, node: name.to_owned(), closed: around.open() });
        self.raise(token, name, IncidentKind::Step, Attempt::Wait { place: Box::new(place) }, reason);
    }

    /// A loop goes on after a breath.
    pub(in crate::process) fn breathed(&mut self, token: &Token, timer: crate::ids::TimerId) {
        self.record(Event::LoopWentOn { token: token.id, node: token.node.clone(), timer });
        self.go_round(token.id, &token.node);
    }

    /// Looks again what a loop can begin, or whether it has ended.
    pub(in crate::process) fn go_round(&mut self, token: u32, node: &str) {
        let definition: &Definition = self.definition;
        if let Some(NodeKind::ForEach(each)) = definition.nodes.get(node).map(|node| &node.kind) {
            self.advance_loop(token, node, each);
            self.run();
        }
    }
}

//! What is done to an expression's tree between parsing and evaluation: bounds are checked, what it reads is noted, and
//! the meter is woven in.
//!
//! The evaluator cannot be interrupted, but it calls functions. So a tree with a comprehension in it gets calls to two
//! functions that no source can name: [`RANGE`] around what a comprehension runs over charges for all its rounds
//! before the first, and [`CHARGE`] around operands and elements charges for the data that they copy or compare. When
//! nothing is left these calls fail, so no further round begins and evaluation ends.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
};

use super::{COMPREHENSION_DEPTH_MAX, Invalid, TREE_DEPTH_MAX};

/// Charges for its first argument, and for the number in its second, and yields the first.
pub(super) const CHARGE: &str = "@charge";
/// Charges for running over its first argument with as many visits a round as the second says, and yields the first.
pub(super) const RANGE: &str = "@range";

/// How deep brackets may be nested in a source, so that the parser's recursion is bounded.
const BRACKET_DEPTH_MAX: usize = 24;
/// The most operators, dots and commas of a source: a chain of them becomes a tree as deep as the chain is long.
const OPERATORS_MAX: usize = 250;
/// The most bytes of a pattern for `matches`, and the work that compiling one is taken for.
const PATTERN_BYTES_MAX: usize = 100;
const PATTERN_WORK: i64 = 5_000;

/// Names that stand for types and function libraries, not for data.
const TYPE_NAMES: [&str; 14] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "dyn",
    "optional_type",
    "optional",
    "google",
];

pub(super) struct Woven {
    pub tree: IdedExpr,
    pub metered: bool,
    pub roots: BTreeSet<String>,
    pub variables: BTreeSet<String>,
    pub tested: BTreeSet<String>,
}

/// Refuses sources whose parsing alone would need a deep stack.
pub(super) fn check_shape(source: &str) -> Result<(), Invalid> {
    let (mut depth, mut operators, mut quote, mut escaped) = (0_usize, 0_usize, None, false);
    for c in source.chars() {
        if let Some(end) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == end => quote = None,
                _ => {}
            }
            continue;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => {
                depth += 1;
                if depth > BRACKET_DEPTH_MAX {
                    return Err(Invalid(format!("Brackets can be nested {BRACKET_DEPTH_MAX} deep at most.")));
                }
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | '?' | '.' | ',' => operators += 1,
            '\0' => return Err(Invalid("An expression must not contain the NUL character.".to_owned())),
            _ => {}
        }
    }
    if operators > OPERATORS_MAX {
        return Err(Invalid(format!("An expression can have at most {OPERATORS_MAX} operators, dots and commas.")));
    }
    Ok(())
}

/// Checks the tree, notes what it reads, and puts the meter in where it is needed.
pub(super) fn weave(tree: IdedExpr) -> Result<Woven, Invalid> {
    let mut survey = Survey::default();
    survey.visit(&tree, 0)?;
    let metered = survey.comprehensions > 0;
    let mut tree = tree;
    if metered {
        meter(&mut tree);
    }
    Ok(Woven { tree, metered, roots: survey.roots, variables: survey.variables, tested: survey.tested })
}

/// What is found out about a tree before it is changed.
#[derive(Default)]
struct Survey {
    roots: BTreeSet<String>,
    variables: BTreeSet<String>,
    /// The variables that it asks the presence of.
    tested: BTreeSet<String>,
    /// The names that comprehensions around the present node define.
    bound: Vec<String>,
    comprehensions: usize,
    comprehension_depth: usize,
}

impl Survey {
    fn visit(&mut self, node: &IdedExpr, depth: usize) -> Result<(), Invalid> {
        if depth > TREE_DEPTH_MAX {
            return Err(Invalid(format!("An expression can be nested {TREE_DEPTH_MAX} deep at most.")));
        }
        let below = depth + 1;
        match &node.expr {
            Expr::Unspecified => return Err(Invalid("This expression is not complete.".to_owned())),
            Expr::Literal(_) => {}
            Expr::Ident(name) => self.read(name),
            Expr::Select(select) => {
                if matches!(&select.operand.expr, Expr::Ident(name) if name == "vars" && !self.is_bound(name)) {
                    self.variables.insert(select.field.clone());
                    if select.test {
                        self.tested.insert(select.field.clone());
                    }
                }
                self.visit(&select.operand, below)?;
            }
            Expr::Call(call) => self.visit_call(call, below)?,
            Expr::List(list) => {
                for element in &list.elements {
                    self.visit(element, below)?;
                }
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.visit(&entry.key, below)?;
                        self.visit(&entry.value, below)?;
                    }
                }
            }
            Expr::Struct(object) => return Err(Invalid(format!("There is no type `{}` here.", object.type_name))),
            Expr::Comprehension(comprehension) => self.visit_comprehension(comprehension, below)?,
        }
        Ok(())
    }

    fn visit_call(&mut self, call: &CallExpr, depth: usize) -> Result<(), Invalid> {
        if call.func_name == "matches" {
            check_pattern(call)?;
        }
        // `'x' in vars`
        if let (operators::IN, [name, map]) = (call.func_name.as_str(), call.args.as_slice())
            && let (Expr::Literal(LiteralValue::String(name)), Expr::Ident(root)) = (&name.expr, &map.expr)
            && root == "vars"
            && !self.is_bound(root)
        {
            self.tested.insert(name.inner().to_owned());
        }
        if let Some(target) = &call.target {
            self.visit(target, depth)?;
        }
        for argument in &call.args {
            self.visit(argument, depth)?;
        }
        Ok(())
    }

    fn visit_comprehension(&mut self, comprehension: &ComprehensionExpr, depth: usize) -> Result<(), Invalid> {
        self.comprehensions += 1;
        self.visit(&comprehension.iter_range, depth)?;
        self.visit(&comprehension.accu_init, depth)?;
        self.comprehension_depth += 1;
        if self.comprehension_depth > COMPREHENSION_DEPTH_MAX {
            return Err(Invalid(format!(
                "`map`, `filter`, `all` and `exists` can be nested {COMPREHENSION_DEPTH_MAX} deep at most."
            )));
        }
        let bound_before = self.bound.len();
        self.bound.push(comprehension.accu_var.clone());
        self.bound.push(comprehension.iter_var.clone());
        self.bound.extend(comprehension.iter_var2.clone());
        for part in [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result] {
            self.visit(part, depth)?;
        }
        self.bound.truncate(bound_before);
        self.comprehension_depth -= 1;
        Ok(())
    }

    fn is_bound(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| bound == name)
    }

    fn read(&mut self, name: &str) {
        if !self.is_bound(name) && !TYPE_NAMES.contains(&name) {
            self.roots.insert(name.to_owned());
        }
    }
}

/// Patterns are compiled anew each time, and counted repetitions blow them up: so only short ones without are allowed.
fn check_pattern(call: &CallExpr) -> Result<(), Invalid> {
    match call.args.last().map(|argument| &argument.expr) {
        Some(Expr::Literal(LiteralValue::String(pattern)))
            if pattern.inner().len() <= PATTERN_BYTES_MAX && !pattern.inner().contains('{') =>
        {
            Ok(())
        }
        _ => Err(Invalid(format!(
            "The pattern of `matches` must be a literal text of at most {PATTERN_BYTES_MAX} bytes without counted \
             repetitions such as {{3}}."
        ))),
    }
}

/// Puts the meter into `node` and all below; returns how many nodes there are.
fn meter(node: &mut IdedExpr) -> i64 {
    match &mut node.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) => 1,
        Expr::Select(select) => 1 + meter(&mut select.operand),
        Expr::Call(call) => {
            let mut nodes = 1;
            let extra = if call.func_name == "matches" { PATTERN_WORK } else { 0 };
            let reads_data = !matches!(
                call.func_name.as_str(),
                operators::LOGICAL_AND
                    | operators::LOGICAL_OR
                    | operators::LOGICAL_NOT
                    | operators::CONDITIONAL
                    | operators::NOT_STRICTLY_FALSE
                    | operators::INDEX
                    | operators::OPT_INDEX
                    | operators::OPT_SELECT
            );
            if let Some(target) = &mut call.target {
                nodes += meter(target);
                // `optional.of(x)` is a call of the function `optional.of`, not of `of` on some `optional`.
                if !matches!(&target.expr, Expr::Ident(name) if TYPE_NAMES.contains(&name.as_str())) {
                    charge(target, extra);
                }
            }
            for argument in &mut call.args {
                nodes += meter(argument);
                if reads_data {
                    charge(argument, extra);
                }
            }
            nodes
        }
        Expr::List(list) => list
            .elements
            .iter_mut()
            .map(|element| {
                let nodes = meter(element);
                charge(element, 0);
                nodes
            })
            .sum::<i64>()
            .saturating_add(1),
        Expr::Map(map) => {
            let mut nodes = 1;
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    nodes += meter(&mut entry.key) + meter(&mut entry.value);
                    charge(&mut entry.key, 0);
                    charge(&mut entry.value, 0);
                }
            }
            nodes
        }
        Expr::Comprehension(comprehension) => {
            let around = meter(&mut comprehension.iter_range) + meter(&mut comprehension.accu_init);
            let round = meter(&mut comprehension.loop_cond) + meter(&mut comprehension.loop_step);
            let result = meter(&mut comprehension.result);
            wrap(&mut comprehension.iter_range, RANGE, round);
            around + round + result
        }
    }
}

/// Wraps `node` in [`CHARGE`], unless it is free (a constant), is charged for element by element (a literal list or
/// map), or is an accumulator: the evaluator recognises those by their shape and appends to them in place.
fn charge(node: &mut IdedExpr, extra: i64) {
    let free = match &node.expr {
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => true,
        Expr::Ident(name) => name.starts_with('@'),
        _ => false,
    };
    if extra > 0 || !free {
        wrap(node, CHARGE, extra);
    }
}

fn wrap(node: &mut IdedExpr, function: &str, number: i64) {
    let inner = std::mem::take(node);
    let number = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Int(number.into())) };
    let call = CallExpr { func_name: function.to_owned(), target: None, args: vec![inner, number] };
    *node = IdedExpr { id: 0, expr: Expr::Call(call) };
}

//! Expressions: the Common Expression Language (CEL), compiled once and evaluated within bounds.
//!
//! CEL terminates, but its cost has no limit of its own: a few nested comprehensions over one list take years. So
//! every expression is bounded three ways: its source and the nesting of its tree when it is compiled, the size of the
//! data that it may look at, and the work that it may do, which a meter woven into the compiled tree counts
//! ([`weave`]). Exceeding a bound, like any other mistake, is a [`Failure`] and never a panic.
//!
//! What expressions see are *roots* (`input`, `vars`, `event`, `instance`, `now`, `form`), given by a [`Scope`]. Beside
//! standard CEL there are functions over lists that business rules need; [`functions`] lists them.
//!
//! Evaluation is recursive. In a debug build `cel` alone needs 60 kB of stack a level, so the workspace compiles it (and
//! the parser) with optimisation in every profile, and the tree is evaluated by a function that lives in that crate.
//!
//! Read next: [`Template`], JSON in which some texts are expressions.

mod functions;
mod scope;
mod template;
mod value;
mod weave;

use std::{
    collections::BTreeSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cel::{Context, IdedExpr, parser::ParseErrors};
pub use scope::{Root, Scope};
use serde_json::Value;

pub use template::Template;
pub(crate) use template::compile_expression;

use crate::fields::{name_of, shorten};

/// The most bytes of an expression's source.
pub const SOURCE_BYTES_MAX: usize = 4_096;
/// How deep parentheses, calls and comprehensions may be nested.
pub const TREE_DEPTH_MAX: usize = 64;
/// How deep comprehensions (`map`, `filter`, `all`, `exists`, `exists_one`) may be nested.
pub const COMPREHENSION_DEPTH_MAX: usize = 3;
/// The most bytes of JSON, roughly, that the roots an expression looks at may have together.
pub const DATA_BYTES_MAX: usize = 256 * 1_024;
/// The most work of one evaluation, in visits of a node of the tree: a fraction of a second on any machine.
pub const WORK_MAX: u64 = 500_000;

/// A compiled expression. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    tree: IdedExpr,
    /// Whether the tree contains calls of the meter.
    metered: bool,
    /// The names that the expression takes from outside.
    roots: BTreeSet<String>,
    /// What it selects from `vars`, as far as that can be seen without running it.
    variables: BTreeSet<String>,
    /// Of what variables it asks whether they are set.
    tested: BTreeSet<String>,
}

/// Why an expression does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// Why an expression yielded nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("`{source_text}` failed: {reason}")]
    Failed { source_text: String, reason: String },
    #[error("`{source_text}` looks at more than {DATA_BYTES_MAX} bytes of data")]
    TooMuchData { source_text: String },
    #[error("`{source_text}` takes too long: it was stopped after {WORK_MAX} steps")]
    TooMuchWork { source_text: String },
    #[error("`{source_text}` must yield {expected}, but yielded {got}")]
    WrongType { source_text: String, expected: &'static str, got: &'static str },
}

impl Expression {
    /// Compiles `source` (without the `=` that marks an expression in a definition).
    pub fn compile(source: &str) -> Result<Self, Invalid> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(Invalid(format!("An expression has at most {SOURCE_BYTES_MAX} bytes.")));
        }
        weave::check_shape(source)?;
        let parser = functions::environment().parser().max_recursion_depth(TREE_DEPTH_MAX as u16);
        // The parser is generated code with assertions of its own.
        let tree = catch_unwind(AssertUnwindSafe(|| parser.parse(source)))
            .map_err(|_| Invalid("This expression cannot be parsed.".to_owned()))?
            .map_err(|errors| Invalid(explain(&errors)))?;
        let woven = weave::weave(tree)?;
        Ok(Self {
            inner: Arc::new(Inner {
                source: source.to_owned(),
                tree: woven.tree,
                metered: woven.metered,
                roots: woven.roots,
                variables: woven.variables,
                tested: woven.tested,
            }),
        })
    }

    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The names in it, if it is nothing but a path such as `vars.order.items`.
    pub fn as_path(&self) -> Option<Vec<&str>> {
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let names: Vec<&str> = self.source().trim().split('.').collect();
        names.iter().all(|name| is_name(name)).then_some(names)
    }

    /// The names that it takes from outside, such as `vars`.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.inner.roots.iter().map(String::as_str)
    }

    /// The process variables that it reads by name (`vars.route` gives `route`).
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.inner.variables.iter().map(String::as_str)
    }

    /// The process variables that it asks the presence of: `has(vars.route)`, `'route' in vars`.
    pub fn variables_tested(&self) -> impl Iterator<Item = &str> {
        self.inner.tested.iter().map(String::as_str)
    }

    /// Evaluates it to JSON. Whole numbers stay whole; instants become RFC 3339 and durations ISO 8601 texts.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        let meter = Arc::new(functions::Meter::new(WORK_MAX));
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(functions::environment());
            context.set_variable_resolver(scope);
            if self.inner.metered {
                functions::add_meter(&mut context, &meter);
            }
            let value = cel::Value::resolve(&self.inner.tree, &context).map_err(|error| error.to_string())?;
            value::to_json(&value)
        }));
        let source_text = || shorten(self.source(), 200);
        // A bound that was hit may show as any error, or as none where a logical operator absorbed it.
        if scope.is_too_large() {
            return Err(Failure::TooMuchData { source_text: source_text() });
        }
        if meter.is_exhausted() {
            return Err(Failure::TooMuchWork { source_text: source_text() });
        }
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(reason)) => Err(Failure::Failed { source_text: source_text(), reason: shorten(&reason, 400) }),
            Err(_) => Err(Failure::Failed { source_text: source_text(), reason: "the evaluator gave up".to_owned() }),
        }
    }

    /// Evaluates it to a yes or no; anything but a boolean is a failure.
    pub fn test(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        match self.evaluate(scope)? {
            Value::Bool(answer) => Ok(answer),
            other => Err(self.wrong_type("a boolean", &other)),
        }
    }

    pub(crate) fn wrong_type(&self, expected: &'static str, got: &Value) -> Failure {
        Failure::WrongType { source_text: shorten(self.source(), 200), expected, got: name_of(got) }
    }
}

/// The first errors of the parser in a line each, with their columns.
fn explain(errors: &ParseErrors) -> String {
    let lines: Vec<String> = errors
        .errors
        .iter()
        .take(3)
        .map(|error| format!("{} (line {}, column {})", error.msg, error.pos.0.max(1), error.pos.1.max(1)))
        .collect();
    shorten(&lines.join("; "), 400)
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "={}", self.source())
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

#[cfg(test)]
mod tests;

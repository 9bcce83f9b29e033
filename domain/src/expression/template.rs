//! Templates: JSON in which a text that begins with `=` is an expression.
//!
//! `=vars.route.code` is replaced by what the expression yields, whatever its type. Anything else stands for itself. A
//! text that shall begin with an equals sign is written with two: `==x` stands for `=x`. Keys are never expressions.

use serde_json::{Map, Value};

use super::{Expression, Failure, Scope};
use crate::diagnostic::{Diagnostic, pointer_token};

/// JSON with holes, compiled.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// Without any expression inside, however large.
    Literal(Value),
    Expression(Expression),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Compiles `source`; every expression in it that does not parse is reported with its place.
    pub fn compile(source: &Value, pointer: &str, found: &mut Vec<Diagnostic>) -> Self {
        match source {
            Value::String(text) => match text.strip_prefix('=') {
                Some(escaped) if escaped.starts_with('=') => Self::Literal(Value::from(escaped)),
                Some(expression) => match compile_expression(expression, pointer, found) {
                    Some(expression) => Self::Expression(expression),
                    None => Self::Literal(Value::Null),
                },
                None => Self::Literal(source.clone()),
            },
            Value::Array(items) => {
                let compile = |(index, item)| Self::compile(item, &format!("{pointer}/{index}"), found);
                let items: Vec<Self> = items.iter().enumerate().map(compile).collect();
                match items.iter().map(Self::as_literal).collect::<Option<Vec<_>>>() {
                    Some(literals) => Self::Literal(literals.into_iter().cloned().collect()),
                    None => Self::List(items),
                }
            }
            Value::Object(map) => {
                let fields: Vec<(String, Self)> = map
                    .iter()
                    .map(|(key, item)| {
                        let at = format!("{pointer}/{}", pointer_token(key));
                        (key.clone(), Self::compile(item, &at, found))
                    })
                    .collect();
                let literals = fields.iter().map(|(key, item)| Some((key.clone(), item.as_literal()?.clone())));
                match literals.collect::<Option<Map<_, _>>>() {
                    Some(literals) => Self::Literal(Value::Object(literals)),
                    None => Self::Object(fields),
                }
            }
            plain => Self::Literal(plain.clone()),
        }
    }

    fn as_literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Fills the holes.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => expression.evaluate(scope)?,
            Self::List(items) => items.iter().map(|item| item.evaluate(scope)).collect::<Result<_, _>>()?,
            Self::Object(fields) => {
                let mut object = Map::new();
                for (key, item) in fields {
                    object.insert(key.clone(), item.evaluate(scope)?);
                }
                Value::Object(object)
            }
        })
    }

    /// Calls `visit` with every expression inside and its pointer.
    pub fn each_expression(&self, pointer: &str, visit: &mut dyn FnMut(&Expression, &str)) {
        match self {
            Self::Literal(_) => {}
            Self::Expression(expression) => visit(expression, pointer),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.each_expression(&format!("{pointer}/{index}"), visit);
                }
            }
            Self::Object(fields) => {
                for (key, item) in fields {
                    item.each_expression(&format!("{pointer}/{}", pointer_token(key)), visit);
                }
            }
        }
    }
}

/// Compiles an expression (without its `=`), reporting at `pointer` what is wrong with it.
pub(crate) fn compile_expression(source: &str, pointer: &str, found: &mut Vec<Diagnostic>) -> Option<Expression> {
    match Expression::compile(source) {
        Ok(expression) => Some(expression),
        Err(invalid) => {
            found.push(Diagnostic::error("expression", pointer, invalid.to_string()));
            None
        }
    }
}

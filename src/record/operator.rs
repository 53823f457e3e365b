//! Operators: comparisons with one metadata value.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::OneOf;
use super::comparison::{equal, is_big_number, order};
use crate::error::{Error, Result};

/// A comparison with one metadata value, which may be missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// Equal: numbers by value, lists and objects element by element. A missing value equals nothing.
    Eq(Value),
    /// Not equal; true for a missing value.
    Ne(Value),
    /// Greater. Like the next three, it compares numbers with numbers and texts with texts, and is false for anything else.
    Gt(Value),
    /// Greater or equal.
    Gte(Value),
    /// Less.
    Lt(Value),
    /// Less or equal.
    Lte(Value),
    /// Equal to one of these.
    In(OneOf),
    /// Equal to none of these; true for a missing value.
    Nin(OneOf),
    /// Present (true) or missing (false).
    Exists(bool),
    /// A list that has an element equal to this, or a text that contains this text.
    Contains(Value),
}

impl Operator {
    pub(super) fn holds(&self, found: Option<&Value>) -> bool {
        let compares = |operand, accepts: fn(Ordering) -> bool| {
            found.and_then(|value| order(value, operand)).is_some_and(accepts)
        };
        match self {
            Self::Eq(operand) => found.is_some_and(|value| equal(value, operand)),
            Self::Ne(operand) => !found.is_some_and(|value| equal(value, operand)),
            Self::Gt(operand) => compares(operand, Ordering::is_gt),
            Self::Gte(operand) => compares(operand, Ordering::is_ge),
            Self::Lt(operand) => compares(operand, Ordering::is_lt),
            Self::Lte(operand) => compares(operand, Ordering::is_le),
            Self::In(operands) => found.is_some_and(|value| operands.holds(value)),
            Self::Nin(operands) => !found.is_some_and(|value| operands.holds(value)),
            Self::Exists(wanted) => found.is_some() == *wanted,
            Self::Contains(operand) => found.is_some_and(|value| contains(value, operand)),
        }
    }

    pub(super) fn parse(operator: &str, operand: &Value) -> Result<Self> {
        let value = || operand.clone();
        Ok(match operator {
            "$eq" => Self::Eq(value()),
            "$ne" => Self::Ne(value()),
            "$gt" => Self::Gt(comparable(operator, operand)?),
            "$gte" => Self::Gte(comparable(operator, operand)?),
            "$lt" => Self::Lt(comparable(operator, operand)?),
            "$lte" => Self::Lte(comparable(operator, operand)?),
            "$in" => Self::In(list(operator, operand)?.iter().cloned().collect()),
            "$nin" => Self::Nin(list(operator, operand)?.iter().cloned().collect()),
            "$exists" => {
                Self::Exists(operand.as_bool().ok_or_else(|| wrong(operator, "true or false", operand))?)
            }
            "$contains" => Self::Contains(value()),
            _ => return Err(unknown(operator)),
        })
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Eq(operand) => json!({ "$eq": operand }),
            Self::Ne(operand) => json!({ "$ne": operand }),
            Self::Gt(operand) => json!({ "$gt": operand }),
            Self::Gte(operand) => json!({ "$gte": operand }),
            Self::Lt(operand) => json!({ "$lt": operand }),
            Self::Lte(operand) => json!({ "$lte": operand }),
            Self::In(operands) => json!({ "$in": operands.values() }),
            Self::Nin(operands) => json!({ "$nin": operands.values() }),
            Self::Exists(wanted) => json!({ "$exists": wanted }),
            Self::Contains(operand) => json!({ "$contains": operand }),
        }
    }
}

pub(super) fn list<'a>(operator: &str, operand: &'a Value) -> Result<&'a Vec<Value>> {
    operand.as_array().ok_or_else(|| wrong(operator, "a list", operand))
}

fn comparable(operator: &str, operand: &Value) -> Result<Value> {
    match operand {
        Value::Number(_) | Value::String(_) => Ok(operand.clone()),
        Value::Object(_) if is_big_number(operand) => Ok(operand.clone()),
        _ => Err(wrong(operator, "a number or a text", operand)),
    }
}

fn wrong(operator: &str, wanted: &str, operand: &Value) -> Error {
    Error::InvalidFilter(format!("{operator} takes {wanted}, not {operand}"))
}

pub(super) fn unknown(operator: &str) -> Error {
    Error::InvalidFilter(format!(
        "unknown operator {operator:?}; the operators are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $contains, $and, \
         $or and $not"
    ))
}

fn contains(value: &Value, operand: &Value) -> bool {
    match (value, operand) {
        (Value::Array(elements), _) => elements.iter().any(|element| equal(element, operand)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

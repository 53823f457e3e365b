//! Operators: comparisons with one metadata value.

use std::cmp::Ordering;

use serde_json::{Number, Value, json};

use super::OneOf;
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
        Value::Object(_) if BigNumber::of(operand).is_some() => Ok(operand.clone()),
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

/// JSON equality, with numbers compared by value: 1 equals 1.0, and true does not equal 1.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Object(_)) => {
            BigNumber::of(b).and_then(|b| b.order(a)) == Some(Ordering::Equal)
        }
        (Value::Number(a), Value::Number(b)) => order_numbers(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        _ => a == b,
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => order_numbers(a, b),
        (Value::Number(a), Value::Object(_)) => BigNumber::of(b)?.order(a),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn contains(value: &Value, operand: &Value) -> bool {
    match (value, operand) {
        (Value::Array(elements), _) => elements.iter().any(|element| equal(element, operand)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

/// The key of the JSON object that stands for a number which JSON cannot hold. No text from users has this key in a place
/// where an operand is expected.
pub const BIG_NUMBER: &str = "\0number";

/// An operand that is infinite, not a number, or an integer beyond 64 bits.
struct BigNumber {
    /// The nearest float.
    float: f64,
    /// How the number compares with that float.
    rest: Ordering,
}

impl BigNumber {
    /// The number that a JSON object stands for: the float as text, and the sign of the number minus the float.
    fn of(value: &Value) -> Option<Self> {
        let parts = value.as_object()?.get(BIG_NUMBER)?.as_array()?;
        let [Value::String(float), rest] = parts.as_slice() else { return None };
        Some(Self { float: float.parse().ok()?, rest: rest.as_i64()?.cmp(&0) })
    }

    /// How a number of the metadata compares with this one.
    fn order(&self, number: &Number) -> Option<Ordering> {
        let ordering = match integer(number) {
            Some(integer) => order_mixed(integer, self.float)?,
            None => number.as_f64()?.partial_cmp(&self.float)?,
        };
        Some(ordering.then(self.rest.reverse()))
    }
}

fn order_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => order_mixed(a, b.as_f64()?),
        (None, Some(b)) => order_mixed(b, a.as_f64()?).map(Ordering::reverse),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// The same for equal numbers, as [`equal`] compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NumberKey {
    Integer(i128),
    /// The bits of a float that is no integer, or beyond all integers of JSON.
    Float(u64),
}

impl NumberKey {
    pub fn of(number: &Number) -> Option<Self> {
        if let Some(integer) = integer(number) {
            return Some(Self::Integer(integer));
        }
        let float = number.as_f64()?;
        let is_integer = float.abs() <= BEYOND && float.fract() == 0.0;
        // Exact, because |float| <= 1e30 fits into i128.
        Some(if is_integer { Self::Integer(float as i128) } else { Self::Float(float.to_bits()) })
    }
}

/// Greater than all integers of JSON.
const BEYOND: f64 = 1e30;

/// Compares without rounding the integer: above 2^53 a float cannot represent every integer.
fn order_mixed(integer: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float.abs() > BEYOND {
        return 0.0.partial_cmp(&float);
    }
    let floor = float.floor();
    // Exact, because |floor| <= 1e30 fits into i128.
    let ordering = integer.cmp(&(floor as i128));
    Some(if ordering.is_eq() && float > floor { Ordering::Less } else { ordering })
}

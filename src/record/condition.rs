//! Conditions on metadata: what users write as `where`.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value, json};

use crate::error::{Error, Result};

/// How deep conditions may nest: far beyond any use, and no danger to the stack.
const MAX_DEPTH: usize = 64;

/// How deep its JSON may: of deeper JSON the parser that reads it again would want no more.
const MAX_JSON_DEPTH: usize = 120;

/// A condition on a record's metadata, parsed from the JSON that users write as `where`.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All hold.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The value under `key` passes the test.
    Field {
        /// A top-level key of the metadata, taken literally.
        key: String,
        /// What its value must pass.
        test: Test,
    },
}

/// A test on one metadata value, which may be missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal: numbers by value, lists and objects deeply; a missing value equals nothing.
    Eq(Value),
    /// Not [`Test::Eq`]; holds for a missing value.
    Ne(Value),
    /// Greater; numbers with numbers and texts with texts, else it fails. Likewise the next three.
    Gt(Value),
    /// Greater or equal.
    Gte(Value),
    /// Less.
    Lt(Value),
    /// Less or equal.
    Lte(Value),
    /// Equal to one of these.
    In(Vec<Value>),
    /// Equal to none of these; holds for a missing value.
    Nin(Vec<Value>),
    /// Present (true) or missing (false).
    Exists(bool),
    /// A list with an element equal to this, or a text with this text in it.
    Contains(Value),
}

impl Condition {
    /// Reads `{"topic": "x", "year": {"$gte": 2024}, "$or": [{...}, {...}], "$not": {...}}`. Everything named in one
    /// object must hold. A key that starts with `$` is an operator.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] for anything that is no object, unknown operators and operands of the wrong type.
    pub fn parse(json: &Value) -> Result<Self> {
        let condition = parse_object(json, MAX_DEPTH)?;
        if is_deeper(&condition.to_json(), MAX_JSON_DEPTH) {
            return Err(Error::InvalidFilter("the condition, or a value in it, nests too deep".into()));
        }
        Ok(condition)
    }

    /// Reads what [`Condition::to_json`] wrote.
    ///
    /// # Errors
    /// As [`Condition::parse`].
    pub fn parse_again(json: &Value) -> Result<Self> {
        parse_object(json, MAX_JSON_DEPTH)
    }

    /// Is nothing asked, as by an empty object?
    #[must_use]
    pub fn always_holds(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::always_holds),
            Self::Any(parts) => parts.iter().any(Self::always_holds),
            Self::Not(part) => part.never_holds(),
            Self::Field { test, .. } => matches!(test, Test::Nin(none) if none.is_empty()),
        }
    }

    fn never_holds(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::never_holds),
            Self::Any(parts) => parts.iter().all(Self::never_holds),
            Self::Not(part) => part.always_holds(),
            Self::Field { test, .. } => matches!(test, Test::In(none) if none.is_empty()),
        }
    }

    /// Does the metadata meet the condition?
    pub fn holds(&self, metadata: &Map<String, Value>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(metadata)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(metadata)),
            Self::Not(part) => !part.holds(metadata),
            Self::Field { key, test } => test.holds(metadata.get(key)),
        }
    }

    /// Texts that stand as they are in any JSON of metadata that meets the condition: without them it need not be read.
    #[must_use]
    pub fn literals(&self) -> Vec<&str> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::literals).collect(),
            Self::Field {
                test: Test::Eq(Value::String(text)) | Test::Contains(Value::String(text)), ..
            } if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _-.,:@".contains(&byte)) => {
                vec![text]
            }
            _ => Vec::new(),
        }
    }

    /// The JSON that [`Condition::parse_again`] reads back as this condition.
    pub fn to_json(&self) -> Value {
        match self {
            Self::All(parts) => json!({ "$and": parts.iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::Any(parts) => json!({ "$or": parts.iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::Not(part) => json!({ "$not": part.to_json() }),
            Self::Field { key, test } => json!({ key: test.to_json() }),
        }
    }
}

impl Test {
    fn holds(&self, found: Option<&Value>) -> bool {
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
            Self::In(operands) => found.is_some_and(|value| operands.iter().any(|one| equal(value, one))),
            Self::Nin(operands) => !found.is_some_and(|value| operands.iter().any(|one| equal(value, one))),
            Self::Exists(wanted) => found.is_some() == *wanted,
            Self::Contains(operand) => found.is_some_and(|value| contains(value, operand)),
        }
    }

    fn parse(operator: &str, operand: &Value) -> Result<Self> {
        let value = || operand.clone();
        Ok(match operator {
            "$eq" => Self::Eq(value()),
            "$ne" => Self::Ne(value()),
            "$gt" => Self::Gt(comparable(operator, operand)?),
            "$gte" => Self::Gte(comparable(operator, operand)?),
            "$lt" => Self::Lt(comparable(operator, operand)?),
            "$lte" => Self::Lte(comparable(operator, operand)?),
            "$in" => Self::In(list(operator, operand)?.clone()),
            "$nin" => Self::Nin(list(operator, operand)?.clone()),
            "$exists" => {
                Self::Exists(operand.as_bool().ok_or_else(|| wrong(operator, "true or false", operand))?)
            }
            "$contains" => Self::Contains(value()),
            _ => return Err(unknown(operator)),
        })
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Eq(operand) => json!({ "$eq": operand }),
            Self::Ne(operand) => json!({ "$ne": operand }),
            Self::Gt(operand) => json!({ "$gt": operand }),
            Self::Gte(operand) => json!({ "$gte": operand }),
            Self::Lt(operand) => json!({ "$lt": operand }),
            Self::Lte(operand) => json!({ "$lte": operand }),
            Self::In(operands) => json!({ "$in": operands }),
            Self::Nin(operands) => json!({ "$nin": operands }),
            Self::Exists(wanted) => json!({ "$exists": wanted }),
            Self::Contains(operand) => json!({ "$contains": operand }),
        }
    }
}

fn parse_object(json: &Value, depth: usize) -> Result<Condition> {
    let Value::Object(parts) = json else {
        return Err(Error::InvalidFilter(format!("a condition is an object of keys and values, not {json}")));
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::InvalidFilter(format!("the condition nests deeper than {MAX_DEPTH}")));
    };
    let mut conditions = Vec::with_capacity(parts.len());
    for (key, value) in parts {
        conditions.push(parse_part(key, value, depth)?);
    }
    Ok(all(conditions))
}

fn parse_part(key: &str, value: &Value, depth: usize) -> Result<Condition> {
    let each = || list(key, value)?.iter().map(|part| parse_object(part, depth)).collect::<Result<Vec<_>>>();
    match key {
        "$and" => Ok(all(each()?)),
        "$or" => Ok(Condition::Any(each()?)),
        "$not" => Ok(Condition::Not(Box::new(parse_object(value, depth)?))),
        _ if key.starts_with('$') => Err(unknown(key)),
        _ => parse_field(key, value, depth),
    }
}

/// `{"year": 2024}` is equality; `{"year": {"$gte": 2024, "$lt": 2026}}` holds operators.
fn parse_field(key: &str, value: &Value, depth: usize) -> Result<Condition> {
    let field = |test| Condition::Field { key: key.to_owned(), test };
    let operators = match value {
        Value::Object(operators) if operators.keys().any(|name| name.starts_with('$')) => operators,
        _ => return Ok(field(Test::Eq(value.clone()))),
    };
    let mut conditions = Vec::with_capacity(operators.len());
    for (operator, operand) in operators {
        conditions.push(if operator == "$not" {
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| Error::InvalidFilter("the condition nests too deep".into()))?;
            Condition::Not(Box::new(parse_field(key, operand, depth)?))
        } else {
            field(Test::parse(operator, operand)?)
        });
    }
    Ok(all(conditions))
}

/// One condition needs no list around it.
fn all(mut conditions: Vec<Condition>) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        Some(last) => {
            conditions.push(last);
            Condition::All(conditions)
        }
        None => Condition::All(conditions),
    }
}

fn list<'a>(operator: &str, operand: &'a Value) -> Result<&'a Vec<Value>> {
    operand.as_array().ok_or_else(|| wrong(operator, "a list", operand))
}

fn comparable(operator: &str, operand: &Value) -> Result<Value> {
    match operand {
        Value::Number(_) | Value::String(_) => Ok(operand.clone()),
        _ => Err(wrong(operator, "a number or a text", operand)),
    }
}

fn wrong(operator: &str, wanted: &str, operand: &Value) -> Error {
    Error::InvalidFilter(format!("{operator} takes {wanted}, not {operand}"))
}

fn unknown(operator: &str) -> Error {
    Error::InvalidFilter(format!(
        "unknown operator {operator:?}; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $contains, $and, \
         $or and $not"
    ))
}

/// JSON equality with numbers by value: 1 equals 1.0, true does not equal 1.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
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

/// Compares without rounding the integer: above 2^53 a float cannot hold every integer.
fn order_mixed(integer: i128, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 1e30;
    if float.is_nan() {
        return None;
    }
    if float.abs() > BEYOND {
        return 0.0.partial_cmp(&float);
    }
    let floor = float.floor();
    // Exact: |floor| <= 1e30 fits i128.
    let ordering = integer.cmp(&(floor as i128));
    Some(if ordering.is_eq() && float > floor { Ordering::Less } else { ordering })
}

fn is_deeper(value: &Value, depth: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => return false,
    };
    depth == 0 || inner.any(|value| is_deeper(value, depth - 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_all_metadata_that_meets_the_condition_holds_as_it_is() {
        let none: [&str; 0] = [];
        let literals = |condition: Value| {
            let condition = Condition::parse(&condition).unwrap();
            condition.literals().into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(literals(json!({"a": "x y", "b": {"$contains": "z-1"}})), ["x y", "z-1"]);
        assert_eq!(
            literals(json!({"$and": [{"a": "x"}, {"$or": [{"b": "y"}]}, {"$not": {"c": "z"}}]})),
            ["x"]
        );
        assert_eq!(literals(json!({"a": "q\"uote", "b": "é", "c": 7, "d": {"$ne": "x"}})), none);
    }
}

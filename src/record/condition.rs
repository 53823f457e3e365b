//! Conditions on metadata: what users write as `where`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::OneOf;
use super::alternatives::Alternatives;
use super::operator::{Operator, list, unknown};
use super::pointer::Pointer;
use crate::error::{Error, Result};

/// How deep conditions may nest: far more than anyone needs, and safe for the stack.
const MAX_DEPTH: usize = 64;

/// How deep a condition's JSON may nest: below the 127 levels that the JSON parser reads back.
const MAX_JSON_DEPTH: usize = 120;

/// A condition on a record's metadata, parsed from the JSON that users write as `where`.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Every part holds.
    All(Vec<Condition>),
    /// At least one part holds.
    Any(Alternatives),
    /// The part does not hold.
    Not(Box<Condition>),
    /// The value of `key` passes the operator.
    Field {
        /// Where in the metadata it is.
        key: Pointer,
        /// The comparison with the value.
        operator: Operator,
    },
}

impl Condition {
    /// Reads JSON such as `{"topic": "x", "year": {"$gte": 2024}, "$or": [{...}, {...}], "$not": {...}}`. Every entry of an
    /// object must hold. A key that starts with `$` is an operator, one that starts with `/` a JSON pointer.
    ///
    /// # Errors
    /// [`Error::InvalidFilter`] if the JSON is not an object, names an unknown operator, or gives an operator an operand of the
    /// wrong type.
    pub fn parse(json: &Value) -> Result<Self> {
        let condition = parse_object(json, MAX_DEPTH)?;
        if is_deeper(&condition.to_json(), MAX_JSON_DEPTH) {
            return Err(Error::InvalidFilter("the condition, or a value in it, nests too deeply".into()));
        }
        Ok(condition)
    }

    /// Reads what [`Condition::to_json`] wrote.
    ///
    /// # Errors
    /// Like [`Condition::parse`].
    pub fn parse_again(json: &Value) -> Result<Self> {
        parse_object(json, MAX_JSON_DEPTH)
    }

    /// Whether the condition holds for all metadata, as an empty object does. May be false for some that do.
    #[must_use]
    pub fn always_holds(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::always_holds),
            Self::Any(any) => any.parts().iter().any(Self::always_holds),
            Self::Not(part) => part.never_holds(),
            Self::Field { operator, .. } => {
                matches!(operator, Operator::Nin(none) if none.values().is_empty())
            }
        }
    }

    fn never_holds(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::never_holds),
            Self::Any(any) => any.parts().iter().all(Self::never_holds),
            Self::Not(part) => part.always_holds(),
            Self::Field { operator, .. } => {
                matches!(operator, Operator::In(none) if none.values().is_empty())
            }
        }
    }

    /// Whether the metadata meets the condition.
    pub fn holds(&self, metadata: &Map<String, Value>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(metadata)),
            Self::Any(any) => any.holds(metadata),
            Self::Not(part) => !part.holds(metadata),
            Self::Field { key, operator } => operator.holds(key.find(metadata)),
        }
    }

    /// Texts that occur literally in the JSON of all metadata that meets the condition. JSON without them need not be parsed.
    #[must_use]
    pub fn literals(&self) -> Vec<&str> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::literals).collect(),
            Self::Field {
                operator: Operator::Eq(Value::String(text)) | Operator::Contains(Value::String(text)),
                ..
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
            Self::Any(any) => json!({ "$or": any.parts().iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::Not(part) => json!({ "$not": part.to_json() }),
            Self::Field { key, operator } => json!({ key.as_str(): operator.to_json() }),
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
        "$or" => Ok(any(each()?)),
        "$not" => Ok(Condition::Not(Box::new(parse_object(value, depth)?))),
        _ if key.starts_with('$') => Err(unknown(key)),
        _ => parse_field(key, value, depth),
    }
}

/// `{"year": 2024}` means equality; `{"year": {"$gte": 2024, "$lt": 2026}}` names operators.
fn parse_field(key: &str, value: &Value, depth: usize) -> Result<Condition> {
    let pointer = Pointer::parse(key)?;
    let field = |operator| Condition::Field { key: pointer.clone(), operator };
    let operators = match value {
        Value::Object(operators) if operators.keys().any(|name| name.starts_with('$')) => operators,
        _ => return Ok(field(Operator::Eq(value.clone()))),
    };
    let mut conditions = Vec::with_capacity(operators.len());
    for (operator, operand) in operators {
        conditions.push(if operator == "$not" {
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| Error::InvalidFilter("the condition nests too deeply".into()))?;
            Condition::Not(Box::new(parse_field(key, operand, depth)?))
        } else {
            field(Operator::parse(operator, operand)?)
        });
    }
    Ok(all(conditions))
}

/// Combines conditions. A single one needs no list around it.
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

/// Combines alternatives, also those within alternatives. Those that one key equals some value become one `$in`, which looks the key
/// up once.
fn any(parts: Vec<Condition>) -> Condition {
    let flat = parts.into_iter().flat_map(|part| match part {
        Condition::Any(inner) => inner.parts().to_vec(),
        other => vec![other],
    });
    let mut merged: Vec<Condition> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for part in flat {
        let (key, values) = match part {
            Condition::Field { key, operator: Operator::Eq(value) } => (key, OneOf::from_iter([value])),
            Condition::Field { key, operator: Operator::In(values) } => (key, values),
            other => {
                merged.push(other);
                continue;
            }
        };
        let place = *places.entry(key.as_str().to_owned()).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(Condition::Field { operator: Operator::In(all), .. }) => {
                all.extend(values.values().iter().cloned())
            }
            _ => merged.push(Condition::Field { key, operator: Operator::In(values) }),
        }
    }
    Condition::Any(merged.into())
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
    fn alternatives_of_one_key_are_one_list() {
        let parse = |condition: Value| Condition::parse(&condition).unwrap();
        let merged = parse(json!({"$or": [
            {"a": 1}, {"b": "x"}, {"a": {"$in": [2, null]}}, {"a": {"$gt": 9}}, {"a": 1.0}, {"b": "y", "c": 1}
        ]}));
        let expected = json!({"$or": [
            {"a": {"$in": [1, 2, null, 1.0]}}, {"b": {"$in": ["x"]}}, {"a": {"$gt": 9}},
            {"$and": [{"b": {"$eq": "y"}}, {"c": {"$eq": 1}}]}
        ]});
        assert_eq!(merged.to_json(), expected);
        assert_eq!(Condition::parse_again(&expected).unwrap(), merged);
        assert!(!parse(json!({"$or": [{"a": {"$in": []}}]})).always_holds());
        for (metadata, holds) in [
            (json!({"a": 1}), true),
            (json!({"a": null}), true),
            (json!({"a": 3}), false),
            (json!({"a": true}), false),
            (json!({"a": 10}), true),
            (json!({"b": "x"}), true),
            (json!({"b": "y"}), false),
            (json!({"b": "y", "c": 1}), true),
            (json!({}), false),
        ] {
            assert_eq!(merged.holds(metadata.as_object().unwrap()), holds, "{metadata}");
        }
    }

    #[test]
    fn literals_occur_in_all_metadata_that_meets_the_condition() {
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

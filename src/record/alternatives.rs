//! Alternatives: the parts of `$or`, however many there are.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::comparison::NumberKey;
use super::condition::Condition;
use super::operator::Operator;
use super::pointer::Pointer;

/// Conditions of which one must hold. Those that require a key to equal a text or a number are looked up by it, the others are
/// checked one by one.
#[derive(Debug, Clone, Default)]
pub struct Alternatives {
    parts: Vec<Condition>,
    looked_up: Vec<Lookup>,
    /// The places of the others.
    others: Vec<usize>,
}

/// Alternatives by the value of a key.
#[derive(Debug, Clone)]
struct Lookup {
    key: Pointer,
    places: HashMap<ValueKey, Vec<usize>>,
}

/// The same for equal values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ValueKey {
    Text(String),
    Number(NumberKey),
}

impl ValueKey {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => NumberKey::of(number).map(Self::Number),
            _ => None,
        }
    }
}

impl PartialEq for Alternatives {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl From<Vec<Condition>> for Alternatives {
    fn from(parts: Vec<Condition>) -> Self {
        // Of the values that a part requires, the one that the fewest parts require is looked up.
        let mut counts: HashMap<(String, ValueKey), usize> = HashMap::new();
        for (key, value) in parts.iter().flat_map(required) {
            *counts.entry((key.as_str().to_owned(), value)).or_default() += 1;
        }
        let count =
            |key: &Pointer, value: &ValueKey| counts.get(&(key.as_str().to_owned(), value.clone())).copied();
        let mut alternatives = Self::default();
        for (place, part) in parts.iter().enumerate() {
            match required(part).into_iter().min_by_key(|(key, value)| count(key, value)) {
                Some((key, value)) => alternatives.lookup(key).entry(value).or_default().push(place),
                None => alternatives.others.push(place),
            }
        }
        Self { parts, ..alternatives }
    }
}

impl Alternatives {
    /// All of them, in order.
    pub fn parts(&self) -> &[Condition] {
        &self.parts
    }

    /// Whether one holds.
    pub fn holds(&self, metadata: &Map<String, Value>) -> bool {
        let one_holds = |places: &[usize]| places.iter().any(|&place| self.parts[place].holds(metadata));
        let looked_up = |lookup: &Lookup| {
            let found = lookup.key.find(metadata).and_then(ValueKey::of);
            found.and_then(|value| lookup.places.get(&value)).is_some_and(|places| one_holds(places))
        };
        self.looked_up.iter().any(looked_up) || one_holds(&self.others)
    }

    fn lookup(&mut self, key: &Pointer) -> &mut HashMap<ValueKey, Vec<usize>> {
        let place = self.looked_up.iter().position(|lookup| lookup.key == *key).unwrap_or_else(|| {
            self.looked_up.push(Lookup { key: key.clone(), places: HashMap::new() });
            self.looked_up.len() - 1
        });
        &mut self.looked_up[place].places
    }
}

/// The keys that a condition requires to equal a text or a number, with these.
fn required(condition: &Condition) -> Vec<(&Pointer, ValueKey)> {
    match condition {
        Condition::Field { key, operator: Operator::Eq(value) } => {
            ValueKey::of(value).map(|value| (key, value)).into_iter().collect()
        }
        Condition::All(parts) => parts.iter().flat_map(required).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn part() -> impl Strategy<Value = Value> {
        let value = prop::sample::select(vec![
            json!(1),
            json!(1.0),
            json!("1"),
            json!(null),
            json!([1]),
            json!({"c": 1}),
        ]);
        (prop::sample::select(vec!["a", "b", "/d/c"]), value.clone(), value)
            .prop_map(|(key, one, other)| json!({ key: one, "b": {"$ne": other} }))
    }

    proptest! {
        #[test]
        fn one_holds_if_any_part_holds(
            parts in prop::collection::vec(part(), 0..6),
            a in prop::sample::select(vec![json!(1), json!(2), json!("1"), json!(null)]),
            b in prop::sample::select(vec![json!(1), json!([1]), json!("1")]),
        ) {
            let parts: Vec<Condition> = parts.iter().map(|part| Condition::parse(part).unwrap()).collect();
            let metadata = json!({"a": a, "b": b, "d": {"c": 1}});
            let metadata = metadata.as_object().unwrap();
            let expected = parts.iter().any(|part| part.holds(metadata));
            prop_assert_eq!(Alternatives::from(parts).holds(metadata), expected);
        }
    }

    #[test]
    fn many_pairs_are_looked_up() {
        let pairs = json!({"$or": (0..5000).map(|n| json!({"k": n, "all": 1})).collect::<Vec<_>>()});
        let Condition::Any(alternatives) = Condition::parse(&pairs).unwrap() else {
            panic!("it is an alternative")
        };
        assert!(alternatives.others.is_empty());
        assert!(
            alternatives
                .looked_up
                .iter()
                .all(|lookup| lookup.places.values().all(|places| places.len() == 1))
        );
    }
}

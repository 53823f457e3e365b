//! Lists of values: what `$in` and `$nin` compare with.

use std::collections::HashSet;

use serde_json::Value;

use super::comparison::{NumberKey, equal};

/// Values to compare with, however many there are. Texts and numbers are looked up, others are compared one by one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OneOf {
    values: Vec<Value>,
    texts: HashSet<String>,
    numbers: HashSet<NumberKey>,
    /// The places of the others.
    others: Vec<usize>,
}

impl OneOf {
    /// All values, as they were given.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Whether one of the values is equal to this one.
    pub fn holds(&self, value: &Value) -> bool {
        let known = match value {
            Value::String(text) => self.texts.contains(text),
            Value::Number(number) => NumberKey::of(number).is_some_and(|key| self.numbers.contains(&key)),
            _ => false,
        };
        known || self.others.iter().any(|&place| equal(value, &self.values[place]))
    }
}

impl Extend<Value> for OneOf {
    fn extend<T: IntoIterator<Item = Value>>(&mut self, values: T) {
        for value in values {
            match &value {
                Value::String(text) => _ = self.texts.insert(text.clone()),
                Value::Number(number) => self.numbers.extend(NumberKey::of(number)),
                _ => self.others.push(self.values.len()),
            }
            self.values.push(value);
        }
    }
}

impl FromIterator<Value> for OneOf {
    fn from_iter<T: IntoIterator<Item = Value>>(values: T) -> Self {
        let mut list = Self::default();
        list.extend(values);
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            (-3i64..3).prop_map(Value::from),
            prop::sample::select(vec![
                json!(1.0),
                json!(-0.0),
                json!(0.5),
                json!(1e300),
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992.0),
                json!(u64::MAX),
                json!(18_446_744_073_709_551_616.0),
                json!(i64::MIN),
                json!(""),
                json!("1"),
                json!(null),
                json!(true),
                json!([1]),
                json!([1.0]),
                json!({"a": 1}),
                json!({super::super::comparison::BIG_NUMBER: ["1180591620717411303424", 0]}),
                json!({super::super::comparison::BIG_NUMBER: ["18446744073709551616", 0]}),
            ]),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_one_of_its_values_equals(values in prop::collection::vec(value(), 0..6), asked in value()) {
            let list: OneOf = values.iter().cloned().collect();
            prop_assert_eq!(list.holds(&asked), values.iter().any(|one| equal(&asked, one)));
            prop_assert_eq!(list.values(), values);
        }
    }
}

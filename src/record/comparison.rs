//! How JSON values compare: numbers by value, however large.

use std::cmp::Ordering;

use serde_json::{Number, Value};

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

/// How two numbers or two texts compare; `None` for anything else.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => order_numbers(a, b),
        (Value::Number(a), Value::Object(_)) => BigNumber::of(b)?.order(a),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
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

/// Whether an operand is a number that JSON cannot hold.
pub(super) fn is_big_number(operand: &Value) -> bool {
    BigNumber::of(operand).is_some()
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

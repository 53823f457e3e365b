//! Filters against a slow model that knows no SQL.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::{facets, selection};
use super::{Store, id};
use crate::backend::write::{OnConflict, Write};
use crate::record::{Condition, Filter, Metadata, Page, Record, Scope, Scopes, Viewer};

const IDS: [&str; 4] = ["a", "b", "01890a5d-ac96-774b-bcce-b302099a8057", "nobody"];
const SCOPES: [&str; 8] = ["/", "/a", "/a/b", "/ab", "/a-b", "/a/b/c", "/a0", "/é/b"];
const LABELS: [&str; 5] = ["x", ",", "x\"y", "\\", "größe"];
const SOURCES: [&str; 2] = ["me", "you"];

fn scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(&SCOPES[..]).prop_map(|path| Scope::parse(path).unwrap())
}

fn labels() -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(LABELS.map(String::from).to_vec(), 0..=3)
}

fn source() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(SOURCES.map(String::from).to_vec()))
}

fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(-3),
        json!(9007199254740993u64),
        json!(9007199254740992.0),
        json!(true),
        json!(null),
        json!("1"),
        json!("text"),
        json!(["text", 1]),
        json!({"deep": [1.0]}),
        json!({"deep": [1]}),
    ])
}

fn metadata() -> impl Strategy<Value = Metadata> {
    prop::collection::btree_map(prop::sample::select(vec!["k", "l", "$m"]), value(), 0..=2)
        .prop_map(|map| serde_json::from_value(json!(map)).unwrap())
}

prop_compose! {
    fn record()(
        (content, scope, categories, metadata) in ("[a-c]{1,3}", scope(), labels(), metadata()),
        (source, private, created_at) in (source(), any::<bool>(), -3i64..3),
    ) -> Record {
        Record { scope, categories, metadata, source, private, created_at, ..Record::new(content) }
    }
}

fn condition() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["k", "l"]);
    let comparison = (prop::sample::select(vec!["$gt", "$gte", "$lt", "$lte"]), value())
        .prop_filter("has no order", |(_, value)| value.is_number() || value.is_string())
        .prop_map(|(operator, value)| json!({ operator: value }));
    let test = prop_oneof![
        value(),
        (prop::sample::select(vec!["$eq", "$ne", "$contains"]), value())
            .prop_map(|(operator, value)| json!({ operator: value })),
        comparison,
        (prop::sample::select(vec!["$in", "$nin"]), prop::collection::vec(value(), 0..3))
            .prop_map(|(operator, values)| json!({ operator: values })),
        any::<bool>().prop_map(|wanted| json!({ "$exists": wanted })),
        value().prop_map(|value| json!({ "$not": { "$eq": value } })),
    ];
    (key, test).prop_map(|(key, test)| json!({ key: test })).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$and": parts })),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "$or": parts })),
            inner.prop_map(|part| json!({ "$not": part })),
        ]
    })
}

prop_compose! {
    fn filter()(
        ids in prop::option::weighted(0.2, prop::sample::subsequence(IDS.to_vec(), 0..=4)),
        (scope, categories) in (prop::option::of(scope()), prop_oneof![Just(vec![]), labels()]),
        condition in prop::option::of(condition()),
        since in prop::option::of(-3i64..3),
        until in prop::option::of(-3i64..3),
        (source, include_private) in (source(), any::<bool>()),
    ) -> (Filter, Option<Value>) {
        let ids = ids.map(|ids| ids.into_iter().map(id).collect());
        let parsed = condition.as_ref().map(|condition| Condition::parse(condition).unwrap());
        let viewer = Viewer { source, include_private };
        (Filter { ids, scope, categories, condition: parsed, since, until, viewer }, condition)
    }
}

/// The model: says in the plainest way what a filter means.
fn passes(record: &Record, filter: &Filter, condition: Option<&Value>) -> bool {
    let below = |scope: &Scope| {
        scope.as_str() == "/"
            || record.scope == *scope
            || record.scope.as_str().starts_with(&format!("{scope}/"))
    };
    let visible = !record.private
        || filter.viewer.include_private
        || (record.source.is_some() && record.source == filter.viewer.source);
    visible
        && filter.ids.as_ref().is_none_or(|ids| ids.contains(&record.id))
        && filter.scope.as_ref().is_none_or(below)
        && (filter.categories.is_empty()
            || filter.categories.iter().any(|label| record.categories.contains(label)))
        && condition.is_none_or(|condition| meets(&record.metadata.to_map(), condition))
        && filter.since.is_none_or(|since| record.created_at >= since)
        && filter.until.is_none_or(|until| record.created_at < until)
}

fn meets(metadata: &Map<String, Value>, condition: &Value) -> bool {
    condition.as_object().unwrap().iter().all(|(key, operand)| match key.as_str() {
        "$and" => operand.as_array().unwrap().iter().all(|part| meets(metadata, part)),
        "$or" => operand.as_array().unwrap().iter().any(|part| meets(metadata, part)),
        "$not" => !meets(metadata, operand),
        _ => passes_test(metadata.get(key), operand),
    })
}

fn passes_test(found: Option<&Value>, test: &Value) -> bool {
    let Some(operators) = test.as_object().filter(|test| test.keys().any(|key| key.starts_with('$'))) else {
        return found.is_some_and(|value| same(value, test));
    };
    operators.iter().all(|(operator, operand)| {
        let any = |operands: &Value| {
            operands.as_array().unwrap().iter().any(|one| found.is_some_and(|value| same(value, one)))
        };
        match operator.as_str() {
            "$eq" => found.is_some_and(|value| same(value, operand)),
            "$ne" => !found.is_some_and(|value| same(value, operand)),
            "$in" => any(operand),
            "$nin" => !any(operand),
            "$exists" => found.is_some() == operand.as_bool().unwrap(),
            "$not" => !passes_test(found, operand),
            "$contains" => found.is_some_and(|value| match value {
                Value::Array(items) => items.iter().any(|item| same(item, operand)),
                Value::String(text) => operand.as_str().is_some_and(|part| text.contains(part)),
                _ => false,
            }),
            _ => {
                found.and_then(|value| compare(value, operand)).is_some_and(|order| match operator.as_str() {
                    "$gt" => order > 0,
                    "$gte" => order >= 0,
                    "$lt" => order < 0,
                    "$lte" => order <= 0,
                    other => unreachable!("{other}"),
                })
            }
        }
    })
}

/// All the numbers of these tests are exact in halves.
fn halves(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    let whole = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    whole.map(|whole| whole * 2).or_else(|| number.as_f64().map(|float| (float * 2.0) as i128))
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => halves(a) == halves(b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| same(a, b))
        }
        _ => a == b,
    }
}

fn compare(a: &Value, b: &Value) -> Option<i128> {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => Some(a.cmp(b) as i128),
        _ => Some(halves(a)? - halves(b)?),
    }
}

fn counts<'a>(labels: impl Iterator<Item = &'a String>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::<String, u64>::new();
    labels.for_each(|label| *counts.entry(label.clone()).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn children(parent: &Scope, records: &[&Record]) -> Vec<String> {
    let depth = |scope: &Scope| scope.as_str().split('/').filter(|part| !part.is_empty()).count();
    let below = records.iter().filter(|record| parent.contains(&record.scope) && record.scope != *parent);
    let child = below.map(|record| {
        let parts = record.scope.as_str().split('/').filter(|part| !part.is_empty());
        format!("/{}", parts.take(depth(parent) + 1).collect::<Vec<_>>().join("/"))
    });
    child.collect::<BTreeSet<_>>().into_iter().collect()
}

fn check(store: &Store, model: &[Record], filter: &Filter, condition: Option<&Value>) {
    let mut wanted: Vec<(i64, &Record)> =
        (1..).zip(model).filter(|(_, record)| passes(record, filter, condition)).collect();
    let seqs: Vec<i64> = wanted.iter().map(|(seq, _)| *seq).collect();
    wanted.sort_by_key(|(seq, record)| std::cmp::Reverse((record.created_at, *seq)));
    let wanted: Vec<(i64, Record)> = wanted.into_iter().map(|(seq, record)| (seq, record.clone())).collect();
    let read = |limit, offset| {
        let page = Page { offset, ..Page::newest(limit) };
        store.pool.read(|conn| selection::select(conn, filter, page, 0)).unwrap()
    };

    assert_eq!(read(usize::MAX, 0), wanted);
    assert_eq!(read(2, 1), wanted.iter().skip(1).take(2).cloned().collect::<Vec<_>>());
    assert_eq!(store.pool.read(|conn| selection::seqs_matching(conn, filter, 0)).unwrap(), seqs);
    let above: Vec<i64> = seqs.iter().copied().filter(|seq| *seq > 3).collect();
    assert_eq!(store.pool.read(|conn| selection::seqs_matching(conn, filter, 3)).unwrap(), above);
    assert_eq!(store.pool.read(|conn| facets::count(conn, filter, 0)).unwrap(), seqs.len() as u64);
    let labels = counts(wanted.iter().flat_map(|(_, record)| &record.categories));
    assert_eq!(store.pool.read(|conn| facets::categories(conn, filter, 0)).unwrap(), labels);

    let parent = filter.scope.clone().unwrap_or_default();
    let visible = |record: &&Record| filter.viewer.sees(record.source.as_deref(), record.private);
    let seen: Vec<&Record> = model.iter().filter(visible).collect();
    let found =
        store.pool.read(|conn| facets::scopes(conn, &Scopes::children(&parent), &filter.viewer, 0)).unwrap();
    assert_eq!(found.iter().map(Scope::to_string).collect::<Vec<_>>(), children(&parent, &seen));
    let info = store.pool.read(|conn| facets::scope_info(conn, &parent, &filter.viewer, 0)).unwrap();
    let within = || seen.iter().filter(|record| parent.contains(&record.scope));
    assert_eq!(info.records, within().count() as u64);
    assert_eq!(info.oldest, within().map(|record| record.created_at).min());
    assert_eq!(info.newest, within().map(|record| record.created_at).max());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn filters_mean_what_the_model_says(
        mut model in prop::collection::vec(record(), 0..12),
        filters in prop::collection::vec(filter(), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("m.db"));
        model.iter_mut().zip(IDS).for_each(|(record, text)| record.id = id(text));
        store.add_all(model.iter().cloned(), OnConflict::Fail).unwrap();
        for (filter, condition) in &filters {
            check(&store, &model, filter, condition.as_ref());
        }
        let (filter, condition) = &filters[0];
        let gone = store.queue.write(Write::Delete(filter.clone())).unwrap().count();
        let (out, rest): (Vec<_>, Vec<_>) =
            model.iter().partition(|record| passes(record, filter, condition.as_ref()));
        prop_assert_eq!(gone, out.len() as u64);
        let left = store.pool.read(|conn| facets::count(conn, &Filter::all(), 0)).unwrap();
        prop_assert_eq!(left, rest.len() as u64);
    }

    #[test]
    fn conditions_read_back(condition in condition(), metadata in metadata()) {
        let parsed = Condition::parse(&condition).unwrap();
        prop_assert_eq!(&Condition::parse(&parsed.to_json()).unwrap(), &parsed);
        let metadata = metadata.to_map();
        prop_assert_eq!(parsed.holds(&metadata), meets(&metadata, &condition));
    }
}

#[test]
fn wrong_conditions_are_refused() {
    let mut deep = json!({"k": 1});
    for _ in 0..1000 {
        deep = json!({ "$not": deep });
    }
    let wrong = [
        json!([]),
        json!(null),
        json!({"$nor": []}),
        json!({"k": {"$regex": "x"}}),
        json!({"k": {"$eq": 1, "l": 2}}),
        json!({"$and": {}}),
        json!({"$or": [1]}),
        json!({"k": {"$in": 1}}),
        json!({"k": {"$gt": [1]}}),
        json!({"k": {"$lt": null}}),
        json!({"k": {"$exists": 1}}),
        json!({"$not": []}),
        deep,
    ];
    for condition in wrong {
        let error = Condition::parse(&condition).unwrap_err();
        assert!(matches!(error, crate::Error::InvalidFilter(_)), "{error}");
    }
}

//! Running a query over documents.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::parse::{Aggregate, Condition, Expression, Item, Query, Select, Test, number_value};
use crate::answer::write_cell;
use crate::schema::Table;
use crate::state::Key;
use crate::state::row::Cell;

/// A row as Cosmos keeps it: its columns below `props`, documents in JSON columns as documents.
pub(crate) fn document(table: &Table, key: Key, row: &[u8]) -> Value {
    let mut props = Map::new();
    for (id, column) in (0..).zip(&table.columns).filter(|(_, column)| column.read) {
        let cell = table.read(key, row, id);
        let value = match cell {
            Cell::Null => continue,
            Cell::Text(text) if text.starts_with(['{', '[']) => {
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            }
            cell => {
                let mut bytes = Vec::new();
                write_cell(&cell, &mut bytes);
                serde_json::from_slice(&bytes).unwrap_or(Value::Null)
            }
        };
        props.insert(column.name.clone(), value);
    }
    let ttl = props.get("ttlinseconds").cloned().unwrap_or(Value::Null);
    let id = props.get(&table.column(table.primary).name).cloned().unwrap_or(Value::Null);
    json!({ "id": id, "ttl": ttl, "props": props })
}

/// What a query answers, all of it.
pub(crate) fn run(query: &Query, documents: &[Value]) -> Vec<Value> {
    let holds = |document: &&Value| query.filter.as_ref().is_none_or(|filter| holds(filter, document));
    let mut found: Vec<&Value> = documents.iter().filter(holds).collect();
    found.sort_by(|left, right| {
        query
            .order
            .iter()
            .map(|(by, descends)| {
                let order = compare(value(by, left), value(by, right)).unwrap_or(Ordering::Equal);
                if *descends { order.reverse() } else { order }
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    let (offset, limit) = query.slice.unwrap_or((0, usize::MAX));
    let limit = limit.min(query.top.unwrap_or(usize::MAX));
    let items = match &query.select {
        Select::All => return found.into_iter().skip(offset).take(limit).cloned().collect(),
        Select::Items(items) => items,
    };
    if items.iter().any(|(_, item)| matches!(item, Item::Aggregate(..))) {
        let row: Map<String, Value> =
            items.iter().filter_map(|(name, item)| Some((name.clone(), total(item, &found)?))).collect();
        return vec![Value::Object(row)];
    }
    let select = |document: &Value| {
        let row: Map<String, Value> = items
            .iter()
            .filter_map(|(name, item)| match item {
                // What a document does not have is not in the answer.
                Item::One(expression) => Some((name.clone(), value(expression, document)?.clone())),
                Item::Aggregate(..) => None,
            })
            .collect();
        Value::Object(row)
    };
    found.into_iter().skip(offset).take(limit).map(select).collect()
}

fn total(item: &Item, rows: &[&Value]) -> Option<Value> {
    let (aggregate, over) = match item {
        Item::One(expression) => return value(expression, rows.first()?).cloned(),
        Item::Aggregate(aggregate, over) => (aggregate, over),
    };
    let values = rows.iter().filter_map(|row| value(over, row));
    match aggregate {
        Aggregate::Count => Some(values.count().into()),
        Aggregate::Min => values.min_by(|a, b| compare(Some(a), Some(b)).unwrap_or(Ordering::Equal)).cloned(),
        Aggregate::Max => values.max_by(|a, b| compare(Some(a), Some(b)).unwrap_or(Ordering::Equal)).cloned(),
        Aggregate::Sum => Some(number_value(values.filter_map(Value::as_f64).sum())),
        Aggregate::Average => {
            let numbers: Vec<f64> = values.filter_map(Value::as_f64).collect();
            #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
            let average = numbers.iter().sum::<f64>() / numbers.len() as f64;
            (!numbers.is_empty()).then(|| number_value(average))
        }
    }
}

/// The value of an expression; `None` where the document does not have it.
fn value<'v>(expression: &'v Expression, document: &'v Value) -> Option<&'v Value> {
    match expression {
        Expression::Constant(value) => Some(value),
        Expression::Path(path) => path.iter().try_fold(document, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            value => value.get(name),
        }),
    }
}

/// Values of different kinds do not compare.
fn compare(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    match (left?, right?) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (left, right) if left == right => Some(Ordering::Equal),
        _ => None,
    }
}

fn holds(condition: &Condition, document: &Value) -> bool {
    let of = |expression| value(expression, document);
    match condition {
        Condition::And(left, right) => holds(left, document) && holds(right, document),
        Condition::Or(left, right) => holds(left, document) || holds(right, document),
        Condition::Not(inner) => !holds(inner, document),
        Condition::Compare(left, sign, right) => {
            let (left, right) = (of(left), of(right));
            let order = compare(left, right);
            match *sign {
                "=" => order == Some(Ordering::Equal),
                "!=" | "<>" => left.is_some() && right.is_some() && order != Some(Ordering::Equal),
                "<" => order.is_some_and(Ordering::is_lt),
                "<=" => order.is_some_and(Ordering::is_le),
                ">" => order.is_some_and(Ordering::is_gt),
                _ => order.is_some_and(Ordering::is_ge),
            }
        }
        Condition::In(left, list) => {
            list.iter().any(|right| compare(of(left), of(right)) == Some(Ordering::Equal))
        }
        Condition::Between(middle, from, to) => {
            compare(of(middle), of(from)).is_some_and(Ordering::is_ge)
                && compare(of(middle), of(to)).is_some_and(Ordering::is_le)
        }
        Condition::Call(test, arguments) => {
            let (first, second) = (of(&arguments[0]), arguments.get(1).and_then(of));
            let texts = || Some((first?.as_str()?, second?.as_str()?));
            match test {
                Test::IsDefined => first.is_some(),
                Test::IsNull => first.is_some_and(Value::is_null),
                Test::Contains => texts().is_some_and(|(text, part)| text.contains(part)),
                Test::StartsWith => texts().is_some_and(|(text, part)| text.starts_with(part)),
                Test::EndsWith => texts().is_some_and(|(text, part)| text.ends_with(part)),
                Test::ArrayContains => first.and_then(Value::as_array).is_some_and(|items| {
                    items.iter().any(|item| compare(Some(item), second) == Some(Ordering::Equal))
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::{Parameters, parse};
    use super::*;

    fn ask(text: &str) -> Vec<Value> {
        let rows = [
            json!({"props": {"n": 1, "t": "ab", "doc": {"power": 12, "tags": ["x", "y"]}}}),
            json!({"props": {"n": 2, "t": "bc", "doc": {"power": 5.5}}}),
            json!({"props": {"n": 3, "t": "cd"}}),
        ];
        let parameters = Parameters::from([("@least".to_owned(), json!(6))]);
        run(&parse(text, &parameters).unwrap(), &rows)
    }

    #[test]
    fn documents_are_looked_into_and_what_is_missing_stays_out() {
        assert_eq!(
            ask("select c.props.doc.power as power from c where c.props.doc.power > @least"),
            [json!({"power": 12})]
        );
        assert_eq!(ask("select c.props.n, c.props.doc.power from c where c.props.n=3"), [json!({"n": 3})]);
        assert_eq!(
            ask("SELECT r.props.n FROM r WHERE ARRAY_CONTAINS(r.props.doc.tags, 'y')"),
            [json!({"n": 1})]
        );
        assert_eq!(
            ask("select c.props.doc[\"tags\"][1] as tag from c where is_defined(c.props.doc.tags)"),
            [json!({"tag": "y"})]
        );
    }

    #[test]
    fn conditions_orders_and_slices_work_together() {
        let n = |text: &str| -> Vec<i64> { ask(text).iter().filter_map(|row| row["n"].as_i64()).collect() };
        assert_eq!(n("select c.props.n from c order by c.props.n desc"), [3, 2, 1]);
        assert_eq!(n("select top 2 c.props.n from c order by c.props.t asc"), [1, 2]);
        assert_eq!(n("select c.props.n from c order by c.props.n offset 1 limit 1"), [2]);
        assert_eq!(n("select c.props.n from c where c.props.n in (1, 3) and not (c.props.t = 'ab')"), [3]);
        assert_eq!(
            n("select c.props.n from c where c.props.n not in (1, 3) or contains(c.props.t, 'd')"),
            [2, 3]
        );
        assert_eq!(
            n("select c.props.n from c where c.props.n between 2 and 3 and c.props.doc.power != 1"),
            [2]
        );
    }

    #[test]
    fn totals_are_one_row() {
        let text =
            "select count(1) as n, sum(c.props.n) as s, max(c.props.t) as t, avg(c.props.n) as a from c";
        assert_eq!(ask(text), [json!({"n": 3, "s": 6, "t": "cd", "a": 2})]);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let refused = parse("select c.a from c join d in c.b", &Parameters::new()).unwrap_err();
        assert!(refused.message.contains("'join'"), "{}", refused.message);
        assert!(
            parse("select c.a from c where c.a = @gone", &Parameters::new())
                .unwrap_err()
                .message
                .contains("@gone")
        );
        assert!(parse("update c", &Parameters::new()).is_err());
    }
}

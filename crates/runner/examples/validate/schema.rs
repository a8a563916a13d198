//! Values held against a JSON Schema, as far as ours uses the language: a keyword that isn't known
//! here is an error, never passed over. A crate for all of it takes longer to build than anything
//! else that tests need.
//!
//! What the keywords mean: <https://json-schema.org/draft/2020-12/json-schema-validation>, and for
//! those that apply schemas to parts of a value <https://json-schema.org/draft/2020-12/json-schema-core>.

use serde_json::{Map, Value};
use std::fmt::Display;

/// Keywords that tell a reader something and ask nothing of a value; a format is one of them unless
/// somebody decides otherwise.
const ANNOTATIONS: [&str; 6] = [
    "$defs",
    "$schema",
    "default",
    "description",
    "format",
    "title",
];

/// A schema with all that it refers to.
pub(crate) struct Schema(Value);

impl Schema {
    /// Read from its text.
    pub(crate) fn of(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("the schema is JSON"))
    }

    /// What keeps a value from holding: where in it, and what was asked there.
    pub(crate) fn faults(&self, value: &Value) -> Vec<String> {
        self.faults_of(&self.0, value)
    }

    fn faults_of(&self, schema: &Value, value: &Value) -> Vec<String> {
        match schema {
            Value::Bool(true) => Vec::new(),
            Value::Bool(false) => vec![": nothing may be here".to_owned()],
            Value::Object(keywords) => keywords
                .iter()
                .flat_map(|(keyword, asked)| self.asked_by(keyword, asked, keywords, value))
                .collect(),
            other => panic!("{other} is no schema"),
        }
    }

    /// Faults of one keyword. One that is about objects, say, asks nothing of a number.
    fn asked_by(
        &self,
        keyword: &str,
        asked: &Value,
        beside: &Map<String, Value>,
        value: &Value,
    ) -> Vec<String> {
        let fault_unless = |holds: bool| match holds {
            true => Vec::new(),
            false => vec![format!(": isn't as {keyword} {asked} asks")],
        };
        match keyword {
            "$ref" => self.faults_of(self.referred(asked), value),
            "type" => fault_unless(match asked {
                Value::Array(names) => names.iter().any(|name| is_of_type(value, name)),
                name => is_of_type(value, name),
            }),
            "const" => fault_unless(value == asked),
            "minimum" => fault_unless(!value.is_number() || value.as_f64() >= asked.as_f64()),
            "required" => {
                let has =
                    |name: &Value| name.as_str().is_some_and(|name| value.get(name).is_some());
                fault_unless(!value.is_object() || list(asked).iter().all(has))
            }
            "properties" => self.members(value, |name| asked.get(name)),
            "additionalProperties" => {
                let named = beside.get("properties");
                let is_named = |name: &str| named.is_some_and(|named| named.get(name).is_some());
                self.members(value, |name| (!is_named(name)).then_some(asked))
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items
                    .flat_map(|(i, item)| inside(i, self.faults_of(asked, item)))
                    .collect()
            }
            "anyOf" | "oneOf" => {
                let each = list(asked).iter().map(|one| self.faults_of(one, value));
                let each: Vec<_> = each.collect();
                match each.iter().filter(|faults| faults.is_empty()).count() {
                    // The one that fits until far inside is the one that was meant.
                    0 => each
                        .into_iter()
                        .max_by_key(|faults| outermost(faults))
                        .unwrap_or_default(),
                    fitting => fault_unless(fitting == 1 || keyword == "anyOf"),
                }
            }
            other if ANNOTATIONS.contains(&other) => Vec::new(),
            other => panic!("the schema has the keyword {other}, which isn't known here"),
        }
    }

    /// Faults of an object's members, of those that have a schema.
    fn members<'a>(
        &self,
        value: &Value,
        schema_of: impl Fn(&str) -> Option<&'a Value>,
    ) -> Vec<String> {
        let members = value.as_object().into_iter().flatten();
        members
            .filter_map(|(name, member)| Some((name, schema_of(name)?, member)))
            .flat_map(|(name, schema, member)| inside(name, self.faults_of(schema, member)))
            .collect()
    }

    /// `#/$defs/Name`
    fn referred(&self, to: &Value) -> &Value {
        let pointer = to.as_str().and_then(|to| to.strip_prefix('#'));
        let schema = pointer.and_then(|pointer| self.0.pointer(pointer));
        schema.unwrap_or_else(|| panic!("{to} isn't in the schema"))
    }
}

/// The same faults, seen from outside.
fn inside(place: impl Display, mut faults: Vec<String>) -> Vec<String> {
    for fault in &mut faults {
        fault.insert_str(0, &format!("/{place}"));
    }
    faults
}

/// How far inside the outermost of some faults is.
fn outermost(faults: &[String]) -> Option<usize> {
    let places = faults.iter().filter_map(|fault| fault.split(':').next());
    places.map(|place| place.matches('/').count()).min()
}

fn list(of: &Value) -> &[Value] {
    of.as_array().expect("the keyword takes a list")
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("number") => value.is_number(),
        // 1.0 is one, too.
        Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => panic!("{name} is no type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = r##"{
        "$defs": {
            "Load": {
                "oneOf": [
                    {"type": "object", "properties": {"kind": {"const": "idle"}}, "required": ["kind"]},
                    {"type": "object", "properties": {"kind": {"type": "string", "const": "open"}}}
                ]
            }
        },
        "type": "object",
        "title": "a report",
        "required": ["name", "load"],
        "properties": {
            "name": {"type": "string"},
            "count": {"type": ["integer", "null"], "format": "uint32", "minimum": 0},
            "load": {"$ref": "#/$defs/Load"},
            "rates_per_s": {"type": "array", "items": {"type": "number", "minimum": 1}},
            "failure": {"anyOf": [{"$ref": "#/$defs/Load"}, {"type": "null"}]},
            "reasons": {"type": "object", "additionalProperties": {"type": "string"}}
        },
        "additionalProperties": false
    }"##;

    #[test]
    fn what_holds_has_no_faults() {
        let schema = Schema::of(TEXT);
        for report in [
            json!({"name": "a", "load": {"kind": "idle"}}),
            json!({"name": "a", "load": {"kind": "open"}, "count": 1.0, "failure": null}),
            json!({"name": "a", "load": {"kind": "idle"}, "count": null, "rates_per_s": [1, 2.5],
                "failure": {"kind": "open"}, "reasons": {"x": "y"}}),
        ] {
            assert_eq!(schema.faults(&report), [""; 0]);
        }
    }

    #[test]
    fn each_keyword_finds_its_fault_where_it_is() {
        let schema = Schema::of(TEXT);
        let sound = json!({"name": "a", "load": {"kind": "idle"}});
        assert!(schema.faults(&json!(7))[0].contains("type"));
        assert!(schema.faults(&json!({"name": "a"}))[0].contains("required"));
        for (member, wrong, place) in [
            ("name", json!(1), "/name: isn't as type"),
            ("count", json!(-1), "/count: isn't as minimum"),
            ("count", json!(1.5), "/count: isn't as type"),
            (
                "load",
                json!({"kind": "close"}),
                "/load/kind: isn't as const",
            ),
            ("load", json!([]), "/load: isn't as type"),
            (
                "rates_per_s",
                json!([1, 0]),
                "/rates_per_s/1: isn't as minimum",
            ),
            (
                "rates_per_s",
                json!([1, "2"]),
                "/rates_per_s/1: isn't as type",
            ),
            ("failure", json!("none"), "/failure: isn't as type"),
            (
                "failure",
                json!({"kind": 1}),
                "/failure/kind: isn't as const",
            ),
            ("reasons", json!({"x": 1}), "/reasons/x: isn't as type"),
            ("more", json!(1), "/more: nothing may be here"),
        ] {
            let mut report = sound.clone();
            report[member] = wrong;
            let faults = schema.faults(&report);
            assert!(faults[0].starts_with(place), "{faults:?}");
        }
    }

    #[test]
    #[should_panic(expected = "maxLength")]
    fn a_keyword_that_is_not_known_is_not_passed_over() {
        Schema::of(r#"{"maxLength": 3}"#).faults(&json!("abc"));
    }
}

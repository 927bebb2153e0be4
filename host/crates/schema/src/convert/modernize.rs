//! Rewrites a schema of an earlier draft as one of 2020-12.

use std::{collections::HashMap, rc::Rc};

use serde_json::{Map, Value, json};

use super::{Changes, check_pointer, drafts::Draft};
use crate::{
    document::percent_decoded,
    error::{Error, Result},
    keywords::{DIALECT, subschemas},
    limits::SCHEMA_SUBSCHEMAS_MAX,
    pointer::fragment,
};

/// What may stay beside a `$ref` that hides its neighbours: what annotates, and what waits for references.
const KEPT_BESIDE_REF: [&str; 10] =
    ["$ref", "$schema", "$comment", "title", "description", "default", "examples", "readOnly", "definitions", "$defs"];

/// Rewrites the schema, and says what was changed; nothing if it is not of an earlier draft.
pub(super) fn modernize(root: &mut Value) -> Result<Changes> {
    let Some(draft) = Draft::of(root) else { return Ok(Changes::default()) };
    let mut rewriter = Rewriter { draft, changes: Changes::default(), moved: HashMap::new(), said: Vec::new() };
    rewriter.changes.say("/$schema", format!("read as {}, and written as 2020-12", draft.as_str()));
    rewriter.schema(root, Place::default())?;
    rewriter.check_meaning()?;
    rewriter.lead_references(root)?;
    root["$schema"] = json!(DIALECT);
    Ok(rewriter.changes)
}

/// Where a schema stands.
#[derive(Clone, Default)]
struct Place {
    /// Its pointer in the schema as it was sent.
    old: String,
    /// Its pointer in the schema as it is written.
    new: String,
    /// Both pointers of the schema around it that has an `$id`, from which its references count.
    base: Rc<(String, String)>,
}

struct Rewriter {
    draft: Draft,
    changes: Changes,
    /// All schemas, by the pointers that they had.
    moved: HashMap<String, Place>,
    /// Keywords of 2019-09 that mean something else in 2020-12 when they meet, and where they stand.
    said: Vec<(&'static str, String)>,
}

impl Rewriter {
    fn say(&mut self, path: &str, change: impl Into<String>) {
        self.changes.say(path, change);
    }

    /// Rewrites a schema with all that it holds: the inner ones first, since they move with it.
    fn schema(&mut self, value: &mut Value, mut at: Place) -> Result<()> {
        check_pointer(&at.old)?;
        if self.moved.len() == SCHEMA_SUBSCHEMAS_MAX {
            return Err(Error::schema("", format!("the schema has more than {SCHEMA_SUBSCHEMAS_MAX} subschemas")));
        }
        let old = at.old.clone();
        if let Some(map) = value.as_object_mut() {
            self.hide_neighbours(map, &old);
            self.forget_unknown(map, &old);
            self.check_draft(map, &old)?;
            if self.has_base(map) {
                at.base = Rc::new((at.old.clone(), at.new.clone()));
            }
        }
        for (place, moved) in value.as_object().map(|map| self.inner(map)).unwrap_or_default() {
            if let Some(inner) = value.pointer_mut(&place) {
                let (old, new) = (format!("{old}{place}"), format!("{}{moved}", at.new));
                self.schema(inner, Place { old, new, base: at.base.clone() })?;
            }
        }
        if let Some(map) = value.as_object_mut() {
            self.rewrite_id(map, &old);
            self.rewrite_bounds(map, &old);
            self.rewrite_items(map, &old);
            self.rewrite_dependencies(map, &old);
            self.rewrite_recursion(map, &old)?;
        }
        self.moved.insert(old, at);
        Ok(())
    }

    /// Whether the schema has an identifier that is more than a name within another.
    fn has_base(&self, map: &Map<String, Value>) -> bool {
        map.get(self.draft.id()).and_then(Value::as_str).is_some_and(|id| !id.is_empty() && !id.starts_with('#'))
    }

    /// The schemas right below one, by their pointers from it: where they are, and where they will be.
    fn inner(&self, map: &Map<String, Value>) -> Vec<(String, String)> {
        let splits = self.draft < Draft::Of2019;
        let moved = |place: String| match place.strip_prefix("/dependencies/") {
            Some(name) if splits => (place.clone(), format!("/dependentSchemas/{name}")),
            _ => (place.clone(), place),
        };
        let mut inner: Vec<_> = subschemas(map).map(|subschema| moved(subschema.pointer)).collect();
        if let Some(items) = map.get("items").and_then(Value::as_array) {
            inner.extend((0..items.len()).map(|index| (format!("/items/{index}"), format!("/prefixItems/{index}"))));
            inner.extend(
                map.contains_key("additionalItems").then(|| ("/additionalItems".to_owned(), "/items".to_owned())),
            );
        }
        inner
    }

    fn hide_neighbours(&mut self, map: &mut Map<String, Value>, at: &str) {
        if !self.draft.ignores_beside_ref() || !map.get("$ref").is_some_and(Value::is_string) {
            return;
        }
        let hidden: Vec<String> =
            map.keys().filter(|keyword| !KEPT_BESIDE_REF.contains(&keyword.as_str())).cloned().collect();
        if !hidden.is_empty() {
            map.retain(|keyword, _| KEPT_BESIDE_REF.contains(&keyword.as_str()));
            let draft = self.draft.as_str();
            self.say(at, format!("{draft} ignores what stands beside $ref: {} removed", hidden.join(", ")));
        }
    }

    fn forget_unknown(&mut self, map: &mut Map<String, Value>, at: &str) {
        for keyword in self.draft.unknown() {
            if map.shift_remove(keyword).is_some() {
                let draft = self.draft.as_str();
                self.say(&format!("{at}/{keyword}"), format!("{draft} does not know this keyword: removed"));
            }
        }
    }

    /// A schema inside may repeat the draft; another one would need other rules.
    fn check_draft(&self, map: &mut Map<String, Value>, at: &str) -> Result<()> {
        if at.is_empty() || !map.get("$schema").is_some_and(Value::is_string) {
            return Ok(());
        }
        if Draft::of(&Value::Object(map.clone())) != Some(self.draft) {
            let reason = format!("this $schema is not that of the root, {}; write both in one", self.draft.as_str());
            return Err(Error::schema(at, reason));
        }
        map.shift_remove("$schema");
        Ok(())
    }

    /// An `id` of draft-04 gets its new name, and a fragment in it becomes an `$anchor`.
    fn rewrite_id(&mut self, map: &mut Map<String, Value>, at: &str) {
        let keyword = self.draft.id();
        let Some(id) = map.get(keyword).and_then(Value::as_str).map(str::to_owned) else { return };
        let (base, name) = id.split_once('#').unwrap_or((&id, ""));
        if keyword == "$id" && name.is_empty() {
            return;
        }
        map.shift_remove(keyword);
        let mut became = Vec::new();
        for (new, text) in [("$id", base), ("$anchor", name)] {
            if !text.is_empty() && !text.starts_with('/') {
                map.insert(new.to_owned(), json!(text));
                became.push(new);
            }
        }
        self.say(&format!("{at}/{keyword}"), format!("became {}", became.join(" and ")));
    }

    /// In draft-04 `exclusiveMinimum` is a flag beside `minimum`.
    fn rewrite_bounds(&mut self, map: &mut Map<String, Value>, at: &str) {
        for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
            let Some(flag) = map.get(exclusive).and_then(Value::as_bool) else { continue };
            if self.draft > Draft::Four {
                continue;
            }
            map.shift_remove(exclusive);
            let limit = if flag { map.shift_remove(bound) } else { None };
            let change = match limit {
                Some(limit) => {
                    map.insert(exclusive.to_owned(), limit);
                    format!("a flag beside {bound} became the limit")
                }
                None => format!("says nothing about {bound}: removed"),
            };
            self.say(&format!("{at}/{exclusive}"), change);
        }
    }

    fn rewrite_items(&mut self, map: &mut Map<String, Value>, at: &str) {
        let further = map.shift_remove("additionalItems");
        if map.get("items").is_some_and(Value::is_array) {
            if let Some(listed) = map.shift_remove("items") {
                map.insert("prefixItems".to_owned(), listed);
            }
            self.say(&format!("{at}/items"), "became prefixItems");
            if let Some(further) = further {
                map.insert("items".to_owned(), further);
                self.say(&format!("{at}/additionalItems"), "became items");
            }
        } else if further.is_some() {
            self.say(&format!("{at}/additionalItems"), "says nothing without a list of items: removed");
        }
    }

    fn rewrite_dependencies(&mut self, map: &mut Map<String, Value>, at: &str) {
        if self.draft >= Draft::Of2019 || !map.get("dependencies").is_some_and(Value::is_object) {
            return;
        }
        let Some(Value::Object(dependencies)) = map.shift_remove("dependencies") else { return };
        let (lists, schemas): (Map<_, _>, Map<_, _>) =
            dependencies.into_iter().partition(|(_, demanded)| demanded.is_array());
        let mut became = Vec::new();
        for (keyword, demanded) in [("dependentRequired", lists), ("dependentSchemas", schemas)] {
            if !demanded.is_empty() {
                map.insert(keyword.to_owned(), Value::Object(demanded));
                became.push(keyword);
            }
        }
        let change = if became.is_empty() { "removed".to_owned() } else { format!("became {}", became.join(" and ")) };
        self.say(&format!("{at}/dependencies"), change);
    }

    /// In one document without further `$id`s, a recursive reference leads to the root.
    fn rewrite_recursion(&mut self, map: &mut Map<String, Value>, at: &str) -> Result<()> {
        if self.draft != Draft::Of2019 {
            return Ok(());
        }
        for keyword in ["contains", "unevaluatedItems"].into_iter().filter(|keyword| map.contains_key(*keyword)) {
            self.said.push((keyword, at.to_owned()));
        }
        if map.contains_key("$id") && !at.is_empty() {
            self.said.push(("$id", at.to_owned()));
        }
        map.shift_remove("$recursiveAnchor");
        let Some(target) = map.shift_remove("$recursiveRef") else { return Ok(()) };
        if target != "#" || map.contains_key("$ref") {
            return Err(Error::schema(at, "a $recursiveRef stands alone, and is \"#\""));
        }
        map.insert("$ref".to_owned(), target);
        self.said.push(("$recursiveRef", at.to_owned()));
        self.say(&format!("{at}/$recursiveRef"), "became $ref");
        Ok(())
    }

    /// Refuses what 2020-12 would understand otherwise.
    fn check_meaning(&self) -> Result<()> {
        let place = |wanted: &str| self.said.iter().find(|(keyword, _)| *keyword == wanted).map(|(_, at)| at.as_str());
        if let (Some(at), Some(_)) = (place("unevaluatedItems"), place("contains")) {
            let reason = "in 2020-12 unevaluatedItems passes over what contains finds, and in 2019-09 it does not; \
                          write the schema as 2020-12";
            return Err(Error::schema(at, reason));
        }
        if let (Some(at), Some(_)) = (place("$recursiveRef"), place("$id")) {
            let reason = "where a $recursiveRef leads depends on the $id of the schemas around it; \
                          write it as a $ref";
            return Err(Error::schema(at, reason));
        }
        Ok(())
    }

    /// Turns references to where the schemas now are. A reference to a part that is no schema by its place
    /// would lead to one that was not rewritten.
    fn lead_references(&mut self, root: &mut Value) -> Result<()> {
        let mut places: Vec<Place> = self.moved.values().cloned().collect();
        places.sort_by(|one, other| one.old.cmp(&other.old));
        for Place { old, new, base } in places {
            let Some(Value::String(reference)) = root.pointer_mut(&new).and_then(|schema| schema.get_mut("$ref"))
            else {
                continue;
            };
            let Some(target) = reference.strip_prefix('#').and_then(percent_decoded) else { continue };
            if !target.is_empty() && !target.starts_with('/') {
                continue;
            }
            let Some(found) = self.moved.get(&format!("{}{target}", base.0)) else {
                let reason = "this reference leads to no schema, or to one below a keyword that holds none; \
                              put it under definitions";
                return Err(Error::schema(&old, reason));
            };
            let moved = found.new.strip_prefix(&base.1).unwrap_or(&found.new);
            if moved != target {
                *reference = fragment(moved);
                let change = format!("follows {target} to {moved}");
                self.say(&format!("{old}/$ref"), change);
            }
        }
        Ok(())
    }
}

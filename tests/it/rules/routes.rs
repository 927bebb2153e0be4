//! `api/routes.rs` lists every route of the router.

use std::{collections::BTreeSet, fs};

use crate::{api::ROUTES, support::fixtures::root};

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "any"];

/// Methods and paths, as `host/src/http/router.rs` has them.
fn routed() -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(root().join("host/src/http/router.rs")).expect("UTF-8");
    let mut routes = BTreeSet::new();
    for call in text.split(".route(").skip(1) {
        let (_, rest) = call.split_once('"').expect("a path");
        let (path, rest) = rest.split_once('"').expect("a path ends");
        for method in METHODS {
            let handler = &rest[..end_of_call(rest)];
            if handler
                .match_indices(&format!("{method}("))
                .any(|(at, _)| !handler[..at].ends_with(char::is_alphanumeric))
            {
                routes.insert((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    routes
}

/// Where the parenthesis closes that was open before the text.
fn end_of_call(text: &str) -> usize {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[test]
fn every_route_is_tested() {
    let tested: BTreeSet<_> = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(tested.len(), ROUTES.len(), "a route stands twice in the list of the tests");
    let routed = routed();
    let untested: Vec<_> = routed.difference(&tested).collect();
    let gone: Vec<_> = tested.difference(&routed).collect();
    assert!(untested.is_empty(), "add to tests/it/api/routes.rs: {untested:?}");
    assert!(gone.is_empty(), "no routes any more: {gone:?}");
}

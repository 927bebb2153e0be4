//! The corpus of filters that Weir's router is tested with: each of them is well formed.

use serde_json::Value;
use weir_schema::Filter;

#[test]
fn every_filter_of_the_corpus_is_one() {
    let corpus = include_str!("../../../../tests/corpus/filters.json");
    let corpus: Vec<Value> = serde_json::from_str(corpus).expect("JSON");
    assert!(corpus.len() > 40);
    for case in corpus {
        let text = case["filter"].to_string();
        let filter = Filter::parse(&text).expect("a filter");
        assert_eq!(filter.as_str(), text);
    }
}

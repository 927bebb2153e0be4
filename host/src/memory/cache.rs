//! Caches with exact bounds.

use std::hash::Hash;

use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};

/// A cache of one shard, so that its bound is exact and an empty one is small. `items` is how many
/// values are expected at most.
pub(super) fn one_shard<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    items: usize,
    weight_max: usize,
    weighter: W,
) -> Cache<K, V, W> {
    let options = OptionsBuilder::new()
        .shards(1)
        .estimated_items_capacity(items)
        .weight_capacity(weight_max as u64)
        .build()
        .expect("both capacities are given");
    Cache::with_options(options, weighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

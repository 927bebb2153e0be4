//! Emits beside changes of a group: counts the changes, so that a test knows the state that each emit met.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::watch;

/// The changes so far, shared by the task that makes them and the tasks that emit.
#[derive(Default)]
pub(super) struct ChangeCounter {
    /// Begins and ends of changes: odd while one is under way.
    edges: AtomicUsize,
    is_over: AtomicBool,
    /// How many emits were not overlapped by a change.
    emits: watch::Sender<usize>,
}

impl ChangeCounter {
    /// Makes a change after so many more emits that no change overlapped.
    pub(super) async fn change(&self, emits: usize, change: impl Future<Output = ()>) {
        let enough = *self.emits.borrow() + emits;
        self.emits.subscribe().wait_for(|emits| *emits >= enough).await.expect("emitters go on");
        self.edges.fetch_add(1, Ordering::SeqCst);
        change.await;
        self.edges.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends the emitters.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Emits until [`Self::end`]. Gives the emits that no change overlapped, each with the number of
    /// changes before it.
    pub(super) async fn emit_until_end(&self, emit: impl AsyncFn() -> String) -> Vec<(String, usize)> {
        let mut emits = Vec::new();
        while !self.is_over.load(Ordering::SeqCst) {
            let before = self.edges.load(Ordering::SeqCst);
            let emit = emit().await;
            if self.edges.load(Ordering::SeqCst) == before && before.is_multiple_of(2) {
                emits.push((emit, before / 2));
                self.emits.send_modify(|emits| *emits += 1);
            }
        }
        emits
    }
}

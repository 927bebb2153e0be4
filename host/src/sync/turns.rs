//! Places that keys share: each key's tasks wait in a lane of their own, and keys get places in turns.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A number of places. A key holds some of them at most, and its further tasks wait in order; a place that
/// becomes free goes to the next key in turn. So the lane of one key delays another key by one turn at most.
/// Clones share the places.
#[derive(Clone)]
pub struct Turns<K: Eq + Hash + Clone> {
    bounds: TurnBounds,
    state: Arc<Mutex<State<K>>>,
}

/// The bounds of [`Turns`].
#[derive(Clone, Copy, Debug)]
pub struct TurnBounds {
    /// Places that all keys hold together.
    pub places: usize,
    /// Places that one key holds.
    pub each: usize,
    /// Tasks of one key that wait.
    pub waiting: usize,
}

/// A place of a key, held until it is dropped.
pub struct Place<K: Eq + Hash + Clone> {
    key: K,
    turns: Turns<K>,
}

struct State<K: Eq + Hash + Clone> {
    free: usize,
    /// The keys that hold a place or wait for one.
    lanes: HashMap<K, Lane<K>>,
    /// Keys that wait and hold fewer places than they may, the next one in front.
    order: VecDeque<K>,
}

struct Lane<K: Eq + Hash + Clone> {
    held: usize,
    waiting: VecDeque<oneshot::Sender<Place<K>>>,
    /// Whether the key stands in the order.
    is_in_order: bool,
}

/// What a task gets that asks for a place.
enum Asked<K: Eq + Hash + Clone> {
    Now,
    Later(oneshot::Receiver<Place<K>>),
    Refused,
}

impl<K: Eq + Hash + Clone> Turns<K> {
    pub fn new(bounds: TurnBounds) -> Self {
        let state = State { free: bounds.places, lanes: HashMap::new(), order: VecDeque::new() };
        Self { bounds, state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for a place, behind the key's other tasks; `None` when too many of them wait already.
    pub async fn place(&self, key: &K) -> Option<Place<K>> {
        let asked = self.state.lock().ask(key, self.bounds);
        match asked {
            Asked::Now => Some(Place { key: key.clone(), turns: self.clone() }),
            // No sender is dropped before its lane, which lives as long as it waits.
            Asked::Later(place) => place.await.ok(),
            Asked::Refused => None,
        }
    }

    /// Hands the places that are free to those that wait.
    fn hand_over(&self) {
        loop {
            let next = self.state.lock().next(self.bounds);
            let Some((key, task)) = next else { return };
            // A task that stopped waiting meanwhile drops the place, which frees it again.
            drop(task.send(Place { key, turns: self.clone() }));
        }
    }
}

impl<K: Eq + Hash + Clone> State<K> {
    fn ask(&mut self, key: &K, bounds: TurnBounds) -> Asked<K> {
        let lane = self.lanes.entry(key.clone()).or_insert_with(Lane::new);
        // As long as a place is free, no task waits that may have it.
        if self.free > 0 && lane.held < bounds.each {
            self.free -= 1;
            lane.held += 1;
            return Asked::Now;
        }
        lane.waiting.retain(|task| !task.is_closed());
        if lane.waiting.len() >= bounds.waiting {
            return Asked::Refused;
        }
        let (task, place) = oneshot::channel();
        lane.waiting.push_back(task);
        self.put_in_order(key, bounds);
        Asked::Later(place)
    }

    /// Gives a place back.
    fn release(&mut self, key: &K, bounds: TurnBounds) {
        self.free += 1;
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.held -= 1;
        }
        self.put_in_order(key, bounds);
    }

    /// The next task that gets a place, which is taken for it.
    fn next(&mut self, bounds: TurnBounds) -> Option<(K, oneshot::Sender<Place<K>>)> {
        while self.free > 0 {
            let key = self.order.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            lane.is_in_order = false;
            let next = lane.next();
            if next.is_some() {
                lane.held += 1;
                self.free -= 1;
            }
            self.put_in_order(&key, bounds);
            if let Some(task) = next {
                return Some((key, task));
            }
        }
        None
    }

    /// Puts a key at the end of the order if it may get a place, and forgets one that needs none.
    fn put_in_order(&mut self, key: &K, bounds: TurnBounds) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.waiting.is_empty() {
            if lane.held == 0 && !lane.is_in_order {
                self.lanes.remove(key);
            }
        } else if lane.held < bounds.each && !lane.is_in_order {
            lane.is_in_order = true;
            self.order.push_back(key.clone());
        }
    }
}

impl<K: Eq + Hash + Clone> Lane<K> {
    fn new() -> Self {
        Self { held: 0, waiting: VecDeque::new(), is_in_order: false }
    }

    /// The first task that still waits.
    fn next(&mut self) -> Option<oneshot::Sender<Place<K>>> {
        while let Some(task) = self.waiting.pop_front() {
            if !task.is_closed() {
                return Some(task);
            }
        }
        None
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        self.turns.state.lock().release(&self.key, self.turns.bounds);
        self.turns.hand_over();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin};

    use futures_util::{FutureExt, poll};

    use super::*;

    type Task = Pin<Box<dyn Future<Output = Option<Place<char>>>>>;

    fn turns(places: usize, each: usize, waiting: usize) -> Turns<char> {
        Turns::new(TurnBounds { places, each, waiting })
    }

    /// A task that asks for a place now, and waits for it.
    async fn waiting(turns: &Turns<char>, key: char) -> Task {
        let turns = turns.clone();
        let mut task: Task = Box::pin(async move { turns.place(&key).await });
        assert!(poll!(task.as_mut()).is_pending(), "{key} gets a place at once");
        task
    }

    fn held(turns: &Turns<char>, key: char) -> Place<char> {
        turns.place(&key).now_or_never().flatten().expect("a place is free")
    }

    #[tokio::test]
    async fn one_key_holds_its_share_and_leaves_the_others_theirs() {
        let turns = turns(3, 2, 9);
        let (first, _second) = (held(&turns, 'a'), held(&turns, 'a'));
        let third = waiting(&turns, 'a').await;
        let _other = held(&turns, 'b');
        drop(first);
        assert!(third.now_or_never().flatten().is_some(), "the share is free again");
    }

    #[tokio::test]
    async fn keys_get_places_in_turns_however_many_of_one_wait() {
        let turns = turns(1, 1, 9);
        let mut place = held(&turns, 'a');
        let mut tasks = Vec::new();
        for key in ['a', 'a', 'a', 'b', 'b', 'c'] {
            tasks.push((key, waiting(&turns, key).await));
        }
        let mut order = String::new();
        while !tasks.is_empty() {
            drop(place);
            let mut ready = None;
            for (at, (_, task)) in tasks.iter_mut().enumerate() {
                if let Some(got) = task.as_mut().now_or_never() {
                    ready = Some((at, got.expect("it was not refused")));
                    break;
                }
            }
            let (at, next) = ready.expect("one of them has the place");
            order.push(tasks.remove(at).0);
            place = next;
        }
        assert_eq!(order, "bcabaa");
    }

    #[tokio::test]
    async fn a_task_that_stopped_waiting_takes_no_place_and_no_room() {
        let turns = turns(1, 1, 2);
        let place = held(&turns, 'a');
        drop((waiting(&turns, 'a').await, waiting(&turns, 'a').await));
        let (next, _last) = (waiting(&turns, 'a').await, waiting(&turns, 'a').await);
        assert!(turns.place(&'a').now_or_never().expect("it is refused at once").is_none());
        drop(place);
        drop(next);
        assert_eq!(turns.state.lock().lanes[&'a'].held, 1, "the last one has it");
    }

    #[tokio::test]
    async fn nothing_is_left_of_keys_without_tasks() {
        let turns = turns(1, 1, 2);
        let place = held(&turns, 'a');
        let (other, gone) = (waiting(&turns, 'b').await, waiting(&turns, 'c').await);
        drop(gone);
        drop(place);
        drop(other.await);
        let state = turns.state.lock();
        assert!(state.lanes.is_empty() && state.order.is_empty());
        assert_eq!(state.free, 1);
    }
}

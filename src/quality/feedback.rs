//! Truths that come back, and what becomes of each.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use super::target::Truth;
use super::token::{MAX_ROWS, Prediction};

/// A truth about one row of an earlier request.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    pub of: Named,
    pub row: usize,
    pub truth: Truth,
}

/// How an earlier request is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By what the answer carried.
    Token(String),
    /// By the id that the request carried; only the replica that answered knows it.
    Id(String),
}

/// What became of a truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    /// Nobody knows the id, or the version that predicted has been gone for long.
    Unknown,
    /// It came too late.
    Expired,
    /// There was one for this row before.
    Duplicate,
    /// The token is not one of this server, the row is none of the request, or the truth is
    /// nothing that the prediction could be.
    Invalid,
}

impl Fate {
    pub const ALL: [Self; 5] =
        [Self::Accepted, Self::Unknown, Self::Expired, Self::Duplicate, Self::Invalid];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Duplicate => "duplicate",
            Self::Invalid => "invalid",
        }
    }
}

/// The last so many of something; older ones are forgotten.
#[derive(Debug)]
pub struct Latest<K> {
    keys: HashSet<K>,
    order: VecDeque<K>,
    capacity: usize,
}

impl<K: Hash + Eq + Clone> Latest<K> {
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { keys: HashSet::new(), order: VecDeque::new(), capacity }
    }

    /// Whether it was not there before.
    pub fn insert(&mut self, key: K) -> bool {
        if self.capacity == 0 || !self.keys.insert(key.clone()) {
            return self.capacity == 0;
        }
        self.order.push_back(key);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

/// Bytes of an id that is remembered.
const MAX_ID: usize = 256;

/// The last so many predictions that were made under an id.
#[derive(Debug)]
pub struct Remembered {
    by_id: HashMap<String, Arc<Prediction>>,
    order: VecDeque<(String, u64)>,
    capacity: usize,
}

impl Remembered {
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { by_id: HashMap::new(), order: VecDeque::new(), capacity }
    }

    /// Of two predictions under one id the later one counts. What would take much memory is not
    /// remembered: long ids, and more rows than a token speaks of.
    pub fn insert(&mut self, id: &str, prediction: Prediction) {
        let is_large = id.len() > MAX_ID || prediction.rows.len() > MAX_ROWS;
        if self.capacity == 0 || is_large {
            return;
        }
        self.order.push_back((id.to_owned(), prediction.number));
        self.by_id.insert(id.to_owned(), Arc::new(prediction));
        while self.order.len() > self.capacity {
            let Some((oldest, number)) = self.order.pop_front() else { break };
            if self.by_id.get(&oldest).is_some_and(|found| found.number == number) {
                self.by_id.remove(&oldest);
            }
        }
    }

    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Prediction>> {
        self.by_id.get(id).cloned()
    }
}

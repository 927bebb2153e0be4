//! The programs of deliveries, by id.
//!
//! A program never changes and is never deleted while a delivery may name it, so one that is
//! remembered is right for ever.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;

use crate::{
    db::{self, Db},
    domain::{id::ProgramId, program::Program},
    error::Result,
    fail,
};

/// Programs remembered: one or two for each organization that is busy.
const PROGRAMS_MAX: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");

/// The programs that this process has stored or read.
pub struct Programs {
    db: Db,
    known: Mutex<LruCache<ProgramId, Arc<Program>>>,
}

impl Programs {
    /// Remembers nothing yet.
    pub fn new(db: Db) -> Self {
        Self { db, known: Mutex::new(LruCache::new(PROGRAMS_MAX)) }
    }

    fn known(&self, id: &ProgramId) -> Option<Arc<Program>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn remember(&self, program: Program) -> Arc<Program> {
        let program = Arc::new(program);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).put(program.id.clone(), program.clone());
        program
    }

    /// Stores a program unless it is stored, so that deliveries may name it from here on.
    pub async fn pin(&self, program: Program) -> Result<Arc<Program>> {
        if let Some(known) = self.known(&program.id) {
            return Ok(known);
        }
        // Not synced: the transactions with deliveries that name the program come later, and none of
        // them outlasts this one.
        let mut tx = self.db.begin_unsynced().await?;
        db::program::insert(&mut tx, &program).await?;
        tx.commit().await?;
        Ok(self.remember(program))
    }

    /// The program that a delivery names.
    pub async fn get(&self, id: &ProgramId) -> Result<Arc<Program>> {
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        let mut tx = self.db.read().await?;
        let program = db::program::find(&mut tx, id).await?;
        let program = program.ok_or_else(|| fail!(InternalError, "program {} is not in the table", id.as_str()))?;
        Ok(self.remember(program))
    }
}

//! Work that is told when its user ends it, so that it leaves nothing half done behind.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use holdfast_content::{BlockSink, BlockSource, Cid, LeafBlock};
use tokio::task::spawn_blocking;

use crate::{Failure, caller::Caller};

/// Whether the user has ended the work. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    fn check(&self) -> io::Result<()> {
        // Not `Interrupted`: writers take that for a request to try again.
        if self.0.load(Ordering::Relaxed) { Err(io::Error::other("it was ended")) } else { Ok(()) }
    }
}

/// Does work that blocks. Ended by its user, it comes to its end where it next reads or writes a block.
pub(crate) async fn until_interrupted<T: Send + 'static>(
    caller: &Caller,
    work: impl FnOnce(Interrupt) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let interrupt = Interrupt::default();
    let working = interrupt.clone();
    let mut working = spawn_blocking(move || work(working));
    let done = tokio::select! {
        done = &mut working => return done.map_err(io::Error::other)?,
        ended = caller.ended() => {
            ended?;
            interrupt.0.store(true, Ordering::Relaxed);
            working.await.map_err(io::Error::other)?
        }
    };
    // What was done already is done.
    done.map_err(|_| Failure::Ended)
}

/// Blocks, as long as the work is not ended.
pub(crate) struct Reading<'a, S>(pub(crate) &'a S, pub(crate) &'a Interrupt);

impl<S: BlockSource> BlockSource for Reading<'_, S> {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        self.1.check()?;
        self.0.get(cid)
    }

    fn len_of(&self, cid: &Cid) -> io::Result<Option<u64>> {
        self.1.check()?;
        self.0.len_of(cid)
    }
}

/// Takes blocks, as long as the work is not ended.
pub(crate) struct Writing<'a>(pub(crate) &'a mut dyn BlockSink, pub(crate) &'a Interrupt);

impl BlockSink for Writing<'_> {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        self.1.check()?;
        self.0.put(cid, parts)
    }

    fn put_leaf(&mut self, cid: &Cid, leaf: &LeafBlock<'_>) -> io::Result<()> {
        self.1.check()?;
        self.0.put_leaf(cid, leaf)
    }
}

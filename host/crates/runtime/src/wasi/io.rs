//! Streams that are at their end, and polling that never waits, as every pollable is ready.

use wasmtime::{
    Result, bail,
    component::{Resource, ResourceTable},
};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult,
    bindings::sync::io::{
        poll,
        streams::{self, HostInputStream, HostOutputStream},
    },
};

/// Bytes that may be written at once: as many as common streams allow, as libraries take it for a
/// buffer size.
const WRITE_BYTES_MAX: u64 = 65_536;

/// Streams and polling of one store.
pub(super) struct View<'a> {
    pub(super) handles: &'a mut ResourceTable,
}

/// The entry of the table that stands for a pollable.
struct Ready;

/// Makes a pollable that is ready. It counts as a handle, so a guest that collects them meets the limit.
pub(super) fn ready(handles: &mut ResourceTable) -> Result<Resource<DynPollable>> {
    Ok(Resource::new_own(handles.push(Ready)?.rep()))
}

impl poll::Host for View<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        if pollables.is_empty() {
            bail!("a poll of nothing would never end");
        }
        Ok((0..u32::try_from(pollables.len())?).collect())
    }
}

impl poll::HostPollable for View<'_> {
    fn ready(&mut self, _pollable: Resource<DynPollable>) -> Result<bool> {
        Ok(true)
    }

    fn block(&mut self, _pollable: Resource<DynPollable>) -> Result<()> {
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.handles.delete(Resource::<Ready>::new_own(pollable.rep()))?;
        Ok(())
    }
}

impl streams::Host for View<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        match error {
            StreamError::Closed => Ok(streams::StreamError::Closed),
            StreamError::LastOperationFailed(error) | StreamError::Trap(error) => Err(error),
        }
    }
}

impl HostInputStream for View<'_> {
    fn read(&mut self, _stream: Resource<DynInputStream>, _length: u64) -> StreamResult<Vec<u8>> {
        Err(StreamError::Closed)
    }

    fn blocking_read(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<Vec<u8>> {
        self.read(stream, length)
    }

    fn skip(&mut self, _stream: Resource<DynInputStream>, _length: u64) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<u64> {
        HostInputStream::skip(self, stream, length)
    }

    fn subscribe(&mut self, _stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        ready(self.handles)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        self.handles.delete(stream)?;
        Ok(())
    }
}

impl HostOutputStream for View<'_> {
    fn check_write(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Ok(WRITE_BYTES_MAX)
    }

    fn write(&mut self, _stream: Resource<DynOutputStream>, _bytes: Vec<u8>) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_write_and_flush(&mut self, _stream: Resource<DynOutputStream>, _bytes: Vec<u8>) -> StreamResult<()> {
        Ok(())
    }

    fn flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn subscribe(&mut self, _stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        ready(self.handles)
    }

    fn write_zeroes(&mut self, _stream: Resource<DynOutputStream>, _length: u64) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        _stream: Resource<DynOutputStream>,
        _length: u64,
    ) -> StreamResult<()> {
        Ok(())
    }

    /// Fails, as every input is at its end.
    fn splice(
        &mut self,
        _stream: Resource<DynOutputStream>,
        _source: Resource<DynInputStream>,
        _length: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_splice(
        &mut self,
        stream: Resource<DynOutputStream>,
        source: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        self.splice(stream, source, length)
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        self.handles.delete(stream)?;
        Ok(())
    }
}

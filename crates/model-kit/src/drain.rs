//! Waiting, in whatever runtime, for the last connection to close.

use std::{
    future::Future,
    mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

/// Becomes true once, and wakes whoever waits for that.
#[derive(Debug, Default)]
pub(crate) struct Drain(Mutex<State>);

#[derive(Debug)]
enum State {
    Waiting(Vec<Waker>),
    Drained,
}

impl Default for State {
    fn default() -> Self {
        Self::Waiting(Vec::new())
    }
}

impl Drain {
    pub(crate) fn finish(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Waiting(wakers) = mem::replace(&mut *state, State::Drained) {
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    pub(crate) fn wait(&self) -> impl Future<Output = ()> + Send + '_ {
        Drained(self)
    }

    pub(crate) fn block(&self) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut drained = pin!(self.wait());
        while drained
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            thread::park();
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

struct Drained<'a>(&'a Drain);

impl Future for Drained<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Drained => Poll::Ready(()),
            State::Waiting(wakers) => {
                if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    wakers.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_thread_goes_on_when_it_is_over() {
        let drain = Drain::default();
        thread::scope(|scope| {
            let blocked = scope.spawn(|| drain.block());
            drain.finish();
            assert!(blocked.join().is_ok());
        });
        drain.block();
    }
}

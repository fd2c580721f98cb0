//! Batches: one thread runs them, and whoever reads brings their answers.

use crate::fixture::*;
use crate::scheduler::{Time, check};
use rpyc::connection::{Batch, PreparedCall};
use rpyc::error::{Error, Result};
use rpyc::sync::{Arc, Mutex, lock, thread};
use rpyc::value::{Reference, Value};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn echoes(root: &Reference, window: usize, calls: i64) -> Batch {
    let echo = Arc::new(PreparedCall::new(root, Some("echo")).unwrap());
    let batch = Batch::new(window);
    batch.add(&echo, calls as usize, (0..calls).map(Value::Int).collect::<Vec<_>>().into_iter(), &[]).unwrap();
    batch
}

/// Runs it, and tells what was told of each call.
fn run(batch: &Batch, calls: usize, timeout: Option<Duration>) -> (Result<()>, Vec<Result<Value>>) {
    let mut told: Vec<Option<Result<Value>>> = Vec::new();
    told.resize_with(calls, || None);
    let result = batch.run(timeout, Some(&mut |index, outcome| assert!(told[index].replace(outcome).is_none())));
    (result, told.into_iter().map(Option::unwrap).collect())
}

fn expect_all(batch: &Batch, calls: usize) {
    let (result, told) = run(batch, calls, None);
    result.unwrap();
    told.iter().enumerate().for_each(|(index, value)| assert_eq!(int(value.as_ref().unwrap()), index as i64));
}

#[test]
fn two_batches_and_one_call() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let others = [2, 3].map(|window| {
            let root = sides.root();
            thread::spawn(move || expect_all(&echoes(&root, window, 4), 4))
        });
        expect_echo(&sides.root(), 7);
        others.into_iter().for_each(|other| other.join().unwrap());
        sides.close();
    });
}

/// A transport that takes little at once: what is told need not wait until all has been sent.
#[test]
fn a_batch_through_a_narrow_pipe() {
    check(Time::Stands, || {
        let sides = Setting { capacity: 100, ..Setting::default() }.connect(Vec::new(), vec![echo()]);
        let root = sides.root();
        let other = thread::spawn(move || expect_echo(&root, 9));
        expect_all(&echoes(&sides.root(), 4, 6), 6);
        other.join().unwrap();
        sides.close();
    });
}

/// Somebody gives it up, whether its thread reads, waits for another that reads, or has all answers.
#[test]
fn a_batch_is_given_up() {
    check(Time::Stands, || {
        let threads = Threads::default();
        let sides = connect(vec![echo(), threads.later(None)]);
        let batch = Arc::new(echoes(&sides.root(), 2, 4));
        let later = Arc::new(PreparedCall::new(&sides.root(), Some("later")).unwrap());
        batch.add(&later, 1, vec![Value::Int(4)].into_iter(), &[]).unwrap();
        let stopped = batch.clone();
        let stopper = thread::spawn(move || stopped.cancel());
        let root = sides.root();
        let other = thread::spawn(move || expect_echo(&root, 9));
        let (result, told) = run(&batch, 5, None);
        let stops = stopper.join().unwrap();
        match result {
            Ok(()) => assert!(told.iter().all(Result::is_ok)),
            Err(Error::Cancelled(_)) => assert!(stops),
            Err(other) => panic!("{other}"),
        }
        told.iter().for_each(|told| assert!(matches!(told, Ok(_) | Err(Error::Cancelled(_)))));
        other.join().unwrap();
        // Behind this all that was sent has been answered.
        sides.client.ping(Value::Int(0), None).unwrap();
        while sides.client.counts().pending > 0 || sides.server.counts().serving > 0 {
            let _ = sides.client.serve(Some(SECOND / 10));
            thread::yield_now();
        }
        threads.join();
        sides.close();
    });
}

/// The connection ends in the middle: each call has an outcome, and no thread waits on.
#[test]
fn the_end_of_a_batch() {
    check(Time::Stands, || {
        let sides = connect(vec![echo()]);
        let told = Arc::new(Mutex::new(0));
        let (counted, root) = (told.clone(), sides.root());
        let other = thread::spawn(move || {
            let (result, outcomes) = run(&echoes(&root, 2, 4), 4, None);
            assert!(result.is_ok() || is_end(&result));
            outcomes.iter().for_each(|outcome| assert!(outcome.is_ok() || is_end(outcome)));
            *lock(&counted) += outcomes.len();
        });
        sides.client.close().unwrap();
        other.join().unwrap();
        assert_eq!(*lock(&told), 4);
        sides.finish();
    });
}

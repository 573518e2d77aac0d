//! The client in tasks, on several runtimes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{join_all, select};
use futures::{StreamExt, TryStreamExt, stream};
use palm::{Error, Message};

use crate::fake::{answering, echo};

#[test]
fn a_call_is_a_future_of_any_executor() {
    let fake = echo().start();
    let client = fake.client();
    for number in 0..1000 {
        let message = number.to_string();
        assert_eq!(block_on(client.eval_async("server.echo", &message)).unwrap(), message);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        for number in 0..1000 {
            let message = number.to_string();
            assert_eq!(client.eval_async("server.echo", &message).await.unwrap(), message);
        }
    });
}

#[test]
fn tasks_on_several_threads_share_a_client_with_threads() {
    let fake = echo().start();
    let client = fake.client();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|task| {
            let client = client.clone();
            runtime.spawn(async move {
                for call in 0..100 {
                    let message = format!("{task}: {call}");
                    assert_eq!(client.eval_async("server.echo", &message).await.unwrap(), message);
                }
            })
        })
        .collect();
    thread::scope(|scope| {
        for thread in 0..2 {
            let client = &client;
            scope.spawn(move || {
                for call in 0..500 {
                    let message = format!("thread {thread}: {call}");
                    assert_eq!(client.eval("server.echo", &message).unwrap(), message);
                }
            });
        }
    });
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn ten_thousand_calls_may_be_under_way() {
    let mut held: Vec<Message> = Vec::new();
    let fake = answering(move |message, out| {
        held.push(message);
        if held.len() == 10_000 {
            out.extend(held.drain(..).rev());
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let start = Instant::now();
    let calls = (0..10_000).map(|number: u32| client.eval_async("server.foo", number.to_be_bytes()));
    let replies = block_on(join_all(calls));
    for (number, reply) in (0..10_000_u32).zip(replies) {
        assert_eq!(reply.unwrap(), number.to_be_bytes());
    }
    eprintln!("10,000 calls at once in {:?}", start.elapsed());
}

#[test]
fn nothing_is_sent_before_a_future_is_polled() {
    let fake = echo().start();
    let client = fake.client();
    let waiting = client.eval_async("server.echo", "later");
    assert_eq!(client.eval("server.echo", "now").unwrap(), "now");
    assert_eq!(block_on(waiting).unwrap(), "later");
    let payloads: Vec<_> = fake.seen.messages.lock().unwrap().iter().map(|message| message.payload().clone()).collect();
    assert_eq!(payloads, ["now", "later"]);
}

#[test]
fn silence_is_a_time_out_for_tasks_too() {
    let fake = answering(|message, out| {
        if message.payload() == "answer" {
            out.push(message);
        }
    });
    let fake = fake.start();
    let client = fake.builder().timeout(Duration::from_millis(300)).connect().unwrap();
    let start = Instant::now();
    let (alone, error) = (client.eval_async("server.foo", "none"), |reply: palm::Result<_>| reply.unwrap_err());
    assert!(matches!(error(block_on(alone)), Error::TimedOut { .. }));
    assert!((300..5000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    // A thread that leads does not keep their time.
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..300 {
                assert_eq!(client.eval("server.foo", "answer").unwrap(), "answer");
                thread::sleep(Duration::from_millis(1));
            }
        });
        let start = Instant::now();
        let calls = (0..100).map(|_| client.eval_async("server.foo", "none"));
        assert!(block_on(join_all(calls)).into_iter().all(|reply| reply.is_err()));
        assert!((300..5000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    });
}

#[test]
fn a_dropped_future_withdraws_its_call() {
    let mut held: Option<Message> = None;
    let fake = answering(move |message, out| match held.take() {
        None => held = Some(message),
        Some(first) => out.extend([first, message]),
    });
    let fake = fake.start();
    let client = fake.client();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let dropped = runtime.block_on(async {
        tokio::time::timeout(Duration::from_millis(50), client.eval_async("server.foo", "first")).await
    });
    assert!(dropped.is_err());
    assert_eq!(block_on(client.eval_async("server.foo", "second")).unwrap(), "second");
}

#[test]
fn a_future_may_move_between_tasks() {
    let go = Arc::new(Mutex::new(()));
    let (kept, guard) = (go.clone(), go.lock().unwrap());
    let fake = answering(move |message, out| {
        drop(kept.lock().unwrap());
        out.push(message);
    });
    let fake = fake.start();
    let client = fake.client();
    let mut call = Box::pin(client.eval_async("server.foo", "x"));
    assert!(matches!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    drop(guard);
    assert_eq!(block_on(call).unwrap(), "x");
}

#[test]
fn a_server_that_takes_nothing_holds_up_no_task() {
    let fake = echo().start();
    let client = fake.builder().timeout(Duration::from_millis(500)).connect().unwrap();
    fake.seen.paused.store(true, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    let calls = (0..3000).map(|_| client.eval_async("server.echo", vec![0; 20_000]));
    let replies = block_on(join_all(calls));
    assert!(replies.iter().all(|reply| matches!(reply, Err(Error::TimedOut { .. }))));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    fake.seen.paused.store(false, Ordering::Relaxed);
    let client = fake.client();
    let calls = (0..3000).map(|_| client.eval_async("server.echo", vec![0; 2000]));
    assert!(block_on(join_all(calls)).into_iter().all(|reply| reply.is_ok()));
}

#[test]
fn a_job_is_a_stream_of_its_results() {
    let fake = echo().start();
    let client = fake.client();
    let source = (0..20_000).map(|number: i32| number.to_string());
    let job = client.job("server.echo", source.clone()).messages(20_000).stream();
    let replies: HashSet<Vec<u8>> = block_on(job.map(|reply| reply.unwrap().into()).collect());
    assert_eq!(replies.len(), 20_000);
    let job = client.job_stream("server.echo", stream::iter(source)).messages(20_000).ordered();
    let replies: Vec<_> = block_on(job.try_collect()).unwrap();
    assert!(replies.iter().zip(0..).all(|(reply, number): (_, i32)| *reply == number.to_string()));
}

#[test]
fn streams_run_in_tasks_of_a_runtime() {
    let fake = echo().start();
    let client = fake.client();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let tasks: Vec<_> = (0..10)
        .map(|task| {
            // A source that needs its runtime while it is polled.
            let source = stream::unfold(0, |number| async move {
                if number % 100 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                (number < 500).then(|| (format!("{number}"), number + 1))
            });
            let job = client.job_stream("server.echo", source).messages(500);
            runtime.spawn(async move { (task, job.try_collect::<Vec<_>>().await.unwrap().len()) })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            assert_eq!(task.await.unwrap().1, 500);
        }
    });
}

#[test]
fn a_stream_does_not_run_away_and_stops_when_dropped() {
    let fake = echo().start();
    let client = fake.client();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let source = stream::repeat_with(move || counted.fetch_add(1, Ordering::SeqCst).to_string());
    let mut job = client.job_stream("server.echo", source);
    block_on(job.next()).unwrap().unwrap();
    let give_up = |job: &mut palm::client::JobStream| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let taken = job.take(20_000).filter(|reply| std::future::ready(reply.is_ok())).count();
            tokio::time::timeout(Duration::from_secs(20), taken).await
        })
    };
    assert_eq!(give_up(&mut job).unwrap(), 20_000);
    assert!(count.load(Ordering::SeqCst) <= 20_001 + 8192, "{count:?}");
    drop(job);
    assert_eq!(Arc::strong_count(&count), 1, "the source is gone");
    assert_eq!(block_on(client.eval_async("server.echo", "after")).unwrap(), "after");
}

#[test]
fn time_in_a_source_that_is_a_stream_is_no_silence() {
    let fake = echo().start();
    let client = fake.builder().timeout(Duration::from_millis(500)).connect().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let source = || {
        stream::iter(0..2).then(|_| async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            "x"
        })
    };
    runtime.block_on(async {
        let job = client.job_stream("server.echo", source()).messages(2);
        assert_eq!(job.try_collect::<Vec<_>>().await.unwrap().len(), 2);
        // Its end begins the silence.
        let mut job = client.job_stream("server.echo", source());
        for _ in 0..2 {
            assert_eq!(job.next().await.unwrap().unwrap(), "x");
        }
        let start = Instant::now();
        assert!(matches!(job.next().await, Some(Err(Error::TimedOut { .. }))));
        assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
        assert!(job.next().await.is_none());
        assert!(client.job_stream("server.echo", stream::empty::<&str>()).next().await.is_none());
    });
}

#[test]
fn many_messages_of_a_stream_may_come_to_one_result() {
    let mut count = 0;
    let fake = answering(move |message, out| {
        count += 1;
        if count == 20_000 {
            out.push(message);
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let job = client.job_stream("server.sum", stream::iter(vec!["x"; 20_000])).messages(1);
    assert_eq!(block_on(job.try_collect::<Vec<_>>()).unwrap().len(), 1);
}

#[test]
fn the_first_of_several_calls_wins() {
    let fake = answering(|message, out| {
        if message.payload() != "slow" {
            out.push(message);
        }
    });
    let fake = fake.start();
    let client = fake.client();
    let calls = select(client.eval_async("server.foo", "slow"), client.eval_async("server.foo", "quick"));
    assert_eq!(block_on(calls).factor_first().0.unwrap(), "quick");
}

//! How long each step of a message takes within one process: `cargo bench --features bench --bench micro`
#![expect(clippy::unwrap_used, reason = "a benchmark may panic, and its components are its own")]

#[path = "support/steps.rs"]
mod steps;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    for mut step in steps::all() {
        group.throughput(Throughput::Elements(step.messages));
        group.bench_function(step.name, |bencher| bencher.iter(&mut step.run));
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);

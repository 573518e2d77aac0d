//! What happens to messages when processes die, freeze and come back, when clients are slow, and when bytes are wrong.
//!
//! Every role is a process: started with `PALM_FAULTS_ROLE`, this binary is that role, otherwise it is the harness that
//! starts them, applies faults, and judges the history they wrote. `cargo test` runs each scenario at a tenth of its size and
//! judges counts alone; `cargo test --release --test faults -- --ignored full --nocapture` runs them at full size and prints
//! a table with the times as well.
#![expect(clippy::unwrap_used, reason = "a test may panic, and its components are its own")]

mod cluster;
mod control;
mod figures;
mod history;
mod hostile;
mod payload;
mod process;
mod proxy;
#[path = "../interop/python.rs"]
mod python;
mod raw;
mod relay;
mod role;
mod scenarios;
mod zmtp;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use figures::{Figures, Scale};

type Scenario = fn(Scale) -> Figures;

/// The scenarios of a module, by name.
macro_rules! scenarios {
    ($($module:ident: $($test:ident)*;)*) => {
        vec![$($((stringify!($test), scenarios::$module::$test as Scenario),)*)*]
    };
}

fn main() -> ExitCode {
    if let Ok(spec) = std::env::var(role::VARIABLE) {
        return role::play(&spec);
    }
    let scenarios = scenarios! {
        crashes: t01_workers_are_killed t01_classic_workers_are_killed t02_python_workers_are_killed t03_a_worker_freezes t03_a_classic_worker_freezes t04_a_method_hangs
            t04_slow_is_not_hanging t05_a_message_kills_its_workers t06_all_workers_die t06_nobody_comes_back
            t09_a_client_is_killed t28_a_worker_never_wakes_up t34_a_server_is_restarted t34_a_master_of_python_workers_is_restarted
            t51_the_master_freezes;
        links: t07_a_master_is_killed t07_a_server_is_killed t17_a_client_freezes_for_ever;
        errors: t10_methods_panic t11_bad_calls t46_forged_results;
        cache: t12_one_writer_for_each_key;
        load: t16_a_client_reads_slowly t16_a_linked_client_reads_slowly t16_a_python_client_reads_slowly t18_no_worker_for_a_while t25_a_small_job_beside_a_large_one;
        subscribers: t19_python_clients t20_subscribers_come_late t20_and_too_late t23_one_name_begins_with_another;
        network: t27_resets_between_client_and_server t27_resets_of_links t27_resets_before_a_stage t29_the_network_stands_still t31_bytes_in_pieces t31_bytes_of_a_link_in_pieces;
        stages: a_stage_is_killed a_stage_never_comes_back a_server_before_a_stage_is_killed;
        jobs: a_job_is_dropped;
        shutdown: t35_any_order_of_starts t52_idle_components_are_told_to_end t52_a_master_is_told_to_end t52_a_master_is_told_twice
            t53_workers_are_told_to_end t53_classic_workers_are_told_to_end t54_a_peer_never_reads;
        scripts: t63_random_scripts;
    };
    let mut trials: Vec<Trial> = scenarios
        .iter()
        .map(|(name, scenario)| {
            let (name, scenario) = (*name, *scenario);
            Trial::test(name, move || figures::watched(name, move || scenario(Scale::Tenth)).demand())
        })
        .collect();
    let more: [(&str, fn()); 15] = [
        ("t37_random_bytes_on_every_port", hostile::random_bytes_on_every_port),
        ("t38_mutated_messages", hostile::mutated_messages),
        ("a_worker_that_talks_is_killed", hostile::a_worker_that_talks_is_killed),
        ("a_client_that_is_held_back_is_killed", hostile::a_client_that_is_held_back_is_killed),
        ("a_peer_of_a_component_that_ends_is_killed", hostile::a_peer_of_a_component_that_ends_is_killed),
        ("t64_without_redelivery", control::without_redelivery),
        ("t64_without_deduplication", control::without_deduplication),
        ("t64_without_holding", control::without_holding),
        ("t64_without_the_rule_of_calls", control::without_the_rule_of_calls),
        ("t64_without_a_budget", control::without_a_budget),
        ("t64_without_resubmission", control::without_resubmission),
        ("t64_without_resumption", control::without_resumption),
        ("counters_are_read_from_the_cache", control::counters_are_read_from_the_cache),
        ("the_checker_sees_what_is_wrong", history::the_checker_sees_what_is_wrong),
        ("the_proxy_does_what_it_says", proxy::the_proxy_does_what_it_says),
    ];
    for (name, test) in more {
        trials.push(Trial::test(name, move || {
            figures::watched(name, test);
            Ok(())
        }));
    }
    let full = Trial::test("full", move || figures::full(&scenarios).map_err(Failed::from));
    trials.push(full.with_ignored_flag(true));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

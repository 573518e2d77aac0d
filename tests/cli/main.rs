//! A component's own binary, as a shell and a runner meet it. Started with `PALM_TEST_PROGRAM`, this binary is that program;
//! otherwise it starts itself as such.
#![expect(clippy::unwrap_used, reason = "a test may panic, and its components are its own")]

mod codes;
mod components;
mod flags;
mod lines;
mod look;
mod program;
mod serve;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// The tests of a module, by name.
macro_rules! trials {
    ($($module:ident: $($test:ident)*;)*) => {
        vec![$($(Trial::test(concat!(stringify!($module), "::", stringify!($test)), || {
            $module::$test();
            Ok(())
        }),)*)*]
    };
}

fn main() -> ExitCode {
    match std::env::var(program::VARIABLE).as_deref() {
        Ok("main") => return palm::cli::main(),
        Ok(component) => return palm::cli::run(component, std::env::args_os().skip(1)),
        Err(_) => {}
    }
    let trials = trials! {
        look: everything_is_listed a_list_for_programs a_description_tells_all a_description_for_programs
            a_master_is_described_with_its_hooks graphs_in_both_languages a_graph_for_programs help_is_on_stdout;
        codes: nothing_is_wrong_usage unknown_names_are_nobody twins_are_told_with_both_places
            what_cannot_be_made_says_so bad_levels_are_wrong_usage an_address_in_use_is_a_failure
            beyond_loopback_is_refused;
        flags: each_kind_has_its_own a_name_is_needed_and_is_one_word addresses_are_checked a_worker_needs_its_master
            sinks_take_pairs every_flag_has_its_variable the_last_one_holds;
        serve: a_server_until_sigterm a_server_until_ctrl_c a_second_signal_ends_at_once a_master_and_its_worker
            a_stream_through_pipeline_and_sink a_hub_with_a_worker_that_looks_nothing_up messages_end_it
            variables_stand_for_flags a_worker_has_a_uuid a_worker_without_a_master_ends_when_told
            it_is_said_every_ten_seconds_who_is_absent a_worker_that_hangs_ends_its_process
            one_component_is_a_program;
        lines: lines_are_on_stderr_in_local_time levels_are_overridden a_forged_line_is_none;
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

//! The same on PostgreSQL.

use crate::postgres::Postgres;
use crate::skip::skip;
use crate::support::on_database;
use crate::{api, legacy, logs, nodes, pages, payloads, security};

#[test]
fn all_of_it_on_postgresql() {
    let postgres = match Postgres::start() {
        Ok(postgres) => postgres,
        Err(reason) => return skip("what runs on PostgreSQL", &reason),
    };
    let scenarios: [(&str, fn()); 24] = [
        ("comes_up", legacy::a_cluster_comes_up_as_it_always_did),
        ("key_taken", legacy::a_key_may_be_chosen_and_is_taken_then),
        ("refused", legacy::what_is_refused_is_4xx),
        ("strange_lines", logs::strange_lines_come_back_intact),
        ("garbage", logs::garbage_is_refused_and_bad_utf8_is_replaced),
        ("paging", logs::paging_by_time_loses_nothing),
        ("origins", logs::origins_are_kept_and_filtered_by),
        ("trimmed", logs::the_oldest_lines_make_room),
        ("log_goes", logs::a_log_goes_with_its_cluster),
        ("exactly", nodes::a_node_gets_exactly_its_own_again),
        ("reports", nodes::reports_become_states_events_and_metrics),
        ("prometheus", nodes::prometheus_is_told_how_everything_is),
        ("lost", nodes::a_node_that_is_not_heard_of_is_lost_until_it_is),
        ("room", nodes::nodes_that_hold_nothing_make_room),
        ("too_much", nodes::what_is_too_old_or_too_much_goes),
        ("locked_out", security::a_user_who_is_locked_out_is_out),
        ("crowd", nodes::no_port_is_handed_out_twice_in_a_crowd),
        ("plans", api::clusters_are_made_planned_and_deleted),
        ("first_user", pages::the_first_user_is_made_on_a_page),
        ("keys", pages::keys_are_shown_once_and_taken_back),
        ("tags", legacy::what_a_client_has_already_is_not_sent_again),
        ("collide", pages::clusters_that_give_out_the_same_ports_are_told_of),
        ("guesses", security::sign_ins_that_are_refused_are_recorded),
        ("payloads", payloads::payloads_are_values_to_the_database),
    ];
    for (name, scenario) in scenarios {
        on_database(postgres.new_database(name), scenario);
    }
}

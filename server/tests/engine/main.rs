//! The whole engine on real databases: a node without HTTP in front, and a participant on the in-process bus.
//!
//! Every case runs on SQLite and on PostgreSQL; nothing about the engine may depend on which one it is.

mod fixture;

/// Makes two tests of each case.
macro_rules! on_both {
    ($module:ident: $($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::$module::$case(crate::fixture::World::on_sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::$module::$case(crate::fixture::World::on_postgres().await).await;
            })*
        }
    };
}

mod batches;
mod calls;
mod cases;
mod early;
mod migrations;
mod operations;
mod restarts;
mod sagas;
mod scenarios;
mod starts;

on_both!(cases:
    a_trip_is_booked_when_the_employee_approves,
    another_route_goes_to_the_manager,
    no_hotel_cancels_the_flight,
    the_saga_answers_each_event_once,
    an_expression_without_end_is_stopped_and_holds_up_nobody,
    of_two_people_who_complete_a_task_one_wins,
    an_approval_after_cancellation_is_refused,
    a_reply_for_an_ended_instance_changes_nothing,
    a_timer_takes_an_instance_on,
    a_failing_expression_leaves_the_instance_stuck_and_visible,
    instances_stay_on_their_version,
    a_reaction_that_fails_is_a_failed_delivery_and_works_once_mended,
    a_suspended_instance_goes_on_when_resumed,
    what_was_done_is_undone_once_it_is_settled,
    a_task_that_nobody_completes_goes_to_somebody_else,
    a_command_that_is_not_answered_is_sent_again,
);

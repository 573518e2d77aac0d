use palm::ServerTemplate;
use palm::http::{GatewayRouter, HttpGateway};
use palm::part::Methods;
use palm::stats::Counter;
use palm::topology::Route;

use crate::parts::{Gate, Microservice, Work, http, microservice};
use crate::raw::{get, post, request, say};
use crate::support::{guarded, until};

#[test]
fn a_path_is_a_function() {
    guarded(|| {
        let (master, _workers) = microservice(2);
        let address = http(&master);
        for path in ["/shout", "/anything.shout", "/shout?query", "/shout/more"] {
            let answer = post(&address, path, b"hello");
            assert_eq!((answer.status, answer.text()), (200, "HELLO"), "{path}");
            assert!(answer.has("content-type: text/plain"), "{}", answer.head);
        }
        let with_body = say(&address, &request("GET", "/shout", "", b"hello"));
        assert_eq!((with_body.status, with_body.text()), (200, "HELLO"));
        assert_eq!(get(&address, "/shout").text(), "NO PAYLOAD");
        assert_eq!(post(&address, "/shout", b"").text(), "");
        assert_eq!(get(&address, "/").status, 404);
        let answer = say(&address, &request("PUT", "/shout", "", b"hello"));
        assert_eq!((answer.status, answer.has("allow: get, post")), (405, true));
        let chunked = b"POST /shout HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(say(&address, chunked).text(), "ABC");
    });
}

#[test]
fn an_error_has_its_status_and_a_short_text() {
    guarded(|| {
        let (master, _workers) = microservice(1);
        let address = http(&master);
        for (path, body, status, text) in [
            ("/fail", &b"way"[..], 502, "method failed: no way"),
            ("/panic", b"my", 502, "method panicked: oh my"),
            ("/what", b"", 404, "unknown method: "),
            ("/shout", b"\xff", 400, "payload refused: "),
        ] {
            let answer = post(&address, path, body);
            assert_eq!(answer.status, status, "{path}");
            assert!(answer.text().starts_with(text), "{}", answer.text());
        }
    });
}

#[test]
fn without_workers_the_service_is_unavailable() {
    guarded(|| {
        let push = palm::part::WorkerPushService::new("tcp://127.0.0.1:*")
            .no_workers_timeout(std::time::Duration::from_millis(200));
        let master = ServerTemplate::new("server")
            .register_inbound("GatewayRouter", GatewayRouter::new(palm::part::Address::any()), "WorkerPush")
            .register_inbound("WorkerPull", palm::part::WorkerPullService::new("tcp://127.0.0.1:*"), "GatewayDealer")
            .register_outbound("WorkerPush", push, Route::exterior())
            .register_outbound(
                "GatewayDealer",
                palm::http::GatewayDealer::new(palm::part::Address::any()),
                Route::exterior(),
            )
            .register_bypass("HttpGateway", HttpGateway::new("http://127.0.0.1:*"))
            .start()
            .unwrap();
        let answer = get(&http(&master), "/shout");
        assert_eq!((answer.status, answer.has("retry-after: 1")), (503, true), "{}", answer.text());
        assert!(answer.text().starts_with("no workers: "), "{}", answer.text());
    });
}

#[test]
fn the_methods_may_be_in_the_same_process() {
    guarded(|| {
        let server = ServerTemplate::new("server")
            .service(Work)
            .register_inbound("GatewayRouter", GatewayRouter::new("inproc://here"), Route::to("Methods").blocking())
            .register_outbound("Methods", Methods::default(), Route::exterior())
            .register_bypass("HttpGateway", HttpGateway::new("inproc://here").hostname("localhost").port(0))
            .start()
            .unwrap();
        assert_eq!(post(&http(&server), "/shout", b"hello").text(), "HELLO");
        assert_eq!(post(&http(&server), "/none", b"hello").text(), "");
        assert!(http(&server).starts_with("http://localhost:"));
    });
}

#[test]
fn a_gateway_without_its_router_does_not_start() {
    let gateway = ServerTemplate::new("server").register_bypass("HttpGateway", HttpGateway::new("inproc://nobody"));
    let error = gateway.start().unwrap_err().to_string();
    assert_eq!(
        error,
        "server: part `HttpGateway` cannot use inproc://nobody: no GatewayRouter of this component has that address"
    );
    let twice = ServerTemplate::new("server")
        .service(Work)
        .register_inbound("One", GatewayRouter::new("inproc://here"), "Methods")
        .register_inbound("Two", GatewayRouter::new("inproc://here"), "Methods")
        .register_outbound("Methods", Methods::default(), Route::exterior());
    let error = twice.start().unwrap_err().to_string();
    assert!(error.contains("`Two`") && error.contains("another part takes in what comes here"), "{error}");
}

#[test]
fn the_late_result_for_one_who_hung_up_is_counted() {
    guarded(|| {
        let master = Microservice::new("server").start().unwrap();
        let (gate, began, open) = Gate::new();
        let db_address = master.address("db_address").unwrap();
        let _worker = palm::Worker::new("worker1", gate).db_address(db_address).start().unwrap();
        let mut caller = crate::raw::connect(&http(&master));
        std::io::Write::write_all(&mut caller, &request("POST", "/wait", "", b"a")).unwrap();
        began.recv().unwrap();
        drop(caller);
        let address = http(&master);
        let second = std::thread::spawn(move || post(&address, "/wait", b"b").body);
        until("the second", || master.stats().get(Counter::Received) == 2);
        (0..2).for_each(|_| open.send(()).unwrap());
        assert_eq!(second.join().unwrap(), b"b");
        until("the late result", || master.stats().get(Counter::Discarded) == 1);
    });
}

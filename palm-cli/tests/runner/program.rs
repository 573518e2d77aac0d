//! A component's own binary, as any user has one.

#[derive(Default)]
struct MyWorker;

#[palm::worker]
impl MyWorker {
    fn foo(&mut self, message: &[u8]) -> Vec<u8> {
        [b"processed ", message].concat()
    }
}

fn main() -> std::process::ExitCode {
    palm::cli::main()
}

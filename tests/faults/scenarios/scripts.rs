//! Random scripts without faults, through pylm and through us: the same comes of both.

use palm::Client;

use crate::cluster::{Random, Run};
use crate::figures::{Figures, Scale};
use crate::process::until;
use crate::raw;

/// A server of either kind with what a script has left in its cache.
struct Subject {
    client: Client,
    keys: Vec<String>,
}

impl Subject {
    fn connect(db: &str) -> Self {
        let builder = Client::builder("server", db).connect_timeout(std::time::Duration::from_secs(60));
        Self { client: builder.connect().unwrap(), keys: Vec::new() }
    }

    /// What comes of the script with this number, results of a job sorted, and the cache at its end.
    fn play(&mut self, number: u64) -> Vec<Vec<u8>> {
        let mut random = Random::new(&format!("t63 {number}"));
        let mut seen = Vec::new();
        for _ in 0..2 + random.below(6) {
            let text = format!("text {} of script {number}", random.below(100));
            match random.below(5) {
                0 => seen.push(self.client.eval("server.upper", text).unwrap().to_vec()),
                1 => {
                    let count = 1 + random.below(20) as usize;
                    let messages = (0..count).map(move |place| format!("{text}, message {}", place % 7));
                    let job = self.client.job("server.upper", messages).messages(count);
                    let mut results: Vec<_> = job.map(|reply| reply.unwrap().to_vec()).collect();
                    results.sort();
                    seen.extend(results);
                }
                2 => {
                    let key = self.client.set(&text, &format!("key {}", random.below(5))).unwrap();
                    seen.push(key.clone().into_bytes());
                    if !self.keys.contains(&key) {
                        self.keys.push(key);
                    }
                }
                // Of keys that there are: pylm's cache does not outlive a delete of one that is missing.
                3 => {
                    if let Some(key) = self.pick(&mut random) {
                        seen.push(self.client.get(&self.keys[key]).unwrap().unwrap_or_default().to_vec());
                    }
                }
                _ => {
                    if let Some(key) = self.pick(&mut random) {
                        assert!(self.client.delete(&self.keys.remove(key)).unwrap());
                    }
                }
            }
        }
        seen.extend(self.keys.iter().map(|key| self.client.get(key).unwrap().unwrap_or_default().to_vec()));
        seen
    }

    fn pick(&self, random: &mut Random) -> Option<usize> {
        (!self.keys.is_empty()).then(|| random.below(self.keys.len() as u64) as usize)
    }
}

pub(crate) fn t63_random_scripts(scale: Scale) -> Figures {
    let (ours, theirs) = (Run::new("t63"), Run::new("t63py"));
    let _server = ours.start(&ours.spec("server", "server"));
    let [pull, publisher] = [0, 1].map(|_| format!("tcp://127.0.0.1:{}", crate::cluster::free_port()));
    let Some(_python) = theirs.python("server.py", &[&theirs.db, &pull, &publisher]) else {
        return Figures::skipped("there is no pylm");
    };
    until("pylm is up", || raw::get(&theirs.db, "name").is_some());
    let (mut one, mut other) = (Subject::connect(&ours.db), Subject::connect(&theirs.db));
    let mut figures = Figures::default();
    let count = scale.pick(100, 1_000);
    let same = (0..count).filter(|number| one.play(*number) == other.play(*number)).count();
    figures.is("scripts with the same outcome", count, same as u64);
    ours.calm(&mut figures);
    figures
}

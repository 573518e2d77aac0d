//! The chapters of `docs/`: every block of Rust in them is compiled and run.

/// A chapter, with the ways to the others: in a file `[macros]` leads to `macros.md`, here to the module.
macro_rules! chapters {
    ($($(#[$summary:meta])* $name:ident: $file:literal;)*) => {$(
        $(#[$summary])*
        ///
        /// [getting started]: crate::guide::getting_started
        /// [components]: crate::guide::components
        /// [clients]: crate::guide::clients
        /// [pipelines]: crate::guide::pipelines
        /// [low-level API]: crate::guide::low_level
        /// [own part]: crate::guide::own_part
        /// [macros]: crate::guide::macros
        /// [wire]: crate::guide::wire
        /// [performance]: crate::guide::performance
        /// [architecture]: crate::guide::architecture
        #[cfg_attr(feature = "tokio", doc = " [async methods]: crate::guide::async_methods")]
        #[cfg_attr(all(feature = "durable", feature = "redis"), doc = " [caches]: crate::guide::caches")]
        #[cfg_attr(feature = "http", doc = " [HTTP]: crate::guide::http")]
        /// [cluster files]: crate::guide::cluster_files
        /// [several machines]: crate::guide::cluster
        #[cfg_attr(feature = "cli", doc = " [command line]: crate::guide::command_line")]
        #[doc = include_str!($file)]
        pub mod $name {}
    )*};
}

chapters! {
    /// A server and its client, then a master and its workers.
    getting_started: "../docs/getting-started.md";
    /// Every component with all its parameters, and what they have in common.
    components: "../docs/components.md";
    /// Methods that are tasks of a runtime.
    #[cfg(feature = "tokio")]
    async_methods: "../docs/async-methods.md";
    /// Calls, jobs, sessions, time-outs and the cache.
    clients: "../docs/clients.md";
    /// Streams through several components: pipeline, tee, stream, sink, hub.
    pipelines: "../docs/pipelines.md";
    /// Where a component keeps its keys and values.
    #[cfg(all(feature = "durable", feature = "redis"))]
    caches: "../docs/caches.md";
    /// Routers of one's own, and the parts that they are made of.
    low_level: "../docs/low-level.md";
    /// Parts of one's own.
    own_part: "../docs/own-part.md";
    /// Called over HTTP, and calling others over it.
    #[cfg(feature = "http")]
    http: "../docs/http.md";
    /// What the attributes take, what they check and what they make.
    macros: "../docs/macros.md";
    /// The wire, and what holds beside Python peers.
    wire: "../docs/wire.md";
    /// Every component as an executable.
    #[cfg(feature = "cli")]
    command_line: "../docs/command-line.md";
    /// What a registry makes of a cluster file, and the exports to systemd and Kubernetes.
    cluster_files: "../docs/cluster-files.md";
    /// A registry and a runner on each machine.
    cluster: "../docs/cluster.md";
    /// What is measured, with which command, and how to read it.
    performance: "../docs/performance.md";
    /// How the library is built, for those who work on it.
    architecture: "../docs/architecture.md";
}

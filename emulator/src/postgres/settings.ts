/** Settings for a server that shares a laptop with everything else. Its defaults expect a machine of its own. */
export function settingsOf(version: number, durable: boolean): Readonly<Record<string, string>> {
  return {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    shared_buffers: "64MB",
    max_connections: "60",
    jit: "off",
    max_parallel_workers_per_gather: "0",
    max_worker_processes: "2",
    max_wal_senders: "0",
    wal_level: "minimal",
    max_wal_size: "512MB",
    autovacuum_max_workers: "1",
    autovacuum_naptime: "60s",
    log_min_messages: "warning",
    // Three processes that read ahead for disks we do not have.
    ...(version >= 18 ? { io_method: "sync" } : {}),
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
}

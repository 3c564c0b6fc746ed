-- What wrk sends, and its figures as one line of JSON: its own report rounds them.
wrk.method = os.getenv("BENCH_METHOD")
wrk.body = os.getenv("BENCH_BODY")

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nFIGURES {"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"notConnected":%d,"broken":%d,"timedOut":%d,"refused":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read + e.write, e.timeout, e.status))
end

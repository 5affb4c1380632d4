
function done(summary, latency, requests)
   local errors = summary.errors
   local count = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format('lab {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), count))
end

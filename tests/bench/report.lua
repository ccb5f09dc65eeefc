-- Posts the form given as the argument, or gets; prints one round as a line of JSON.

function init(arguments)
    if arguments[1] then
        wrk.method = "POST"
        wrk.body = arguments[1]
        wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
    end
end

function done(summary, latency)
    local errors = summary.errors
    print(string.format(
        '{"per_second":%f,"p50_ms":%f,"p99_ms":%f,"failures":%d}',
        summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout
    ))
end

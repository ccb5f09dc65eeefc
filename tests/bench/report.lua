-- Posts the form given as the argument, or one line after another of the file given as @FILE, or gets; prints one round as a
-- line of JSON.

function init(arguments)
    local file = arguments[1] and string.match(arguments[1], "^@(.*)$")
    if file then
        local forms = {}
        for form in io.lines(file) do
            forms[#forms + 1] = form
        end
        local at = 0
        request = function()
            at = at + 1
            return wrk.format(nil, nil, nil, forms[at])
        end
        wrk.method = "POST"
        wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
    elseif arguments[1] then
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

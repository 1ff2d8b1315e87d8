-- wrk ... -s wrk.lua URL -- METHOD PATHS_FILE BODY_FILE SERIES: see load.py. Prints one line of JSON at the end.

local method, paths, before, after, series, count = "GET", {}, "", "", "", 0
local ready = {}

function init(args)
  local body_file
  method, body_file, series = args[1], args[3], args[4]
  for line in io.lines(args[2]) do paths[#paths + 1] = line end
  local body = io.open(body_file):read("*a")
  if method == "GET" then
    for i, path in ipairs(paths) do ready[i] = wrk.format("GET", path) end
  else
    local first, last = body:find("@@", 1, true)
    before, after = body:sub(1, first - 1), body:sub(last + 1)
    wrk.headers["Content-Type"] = "application/json"
  end
end

function request()
  count = count + 1
  local place = (count - 1) % #paths + 1
  if method == "GET" then return ready[place] end
  return wrk.format(method, paths[place], nil, before .. series .. "-" .. count .. after)
end

-- wrk counts as `status` what is above 399; load.py's caller looks at an answer of each kind before the load.
function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.6f, "p99_ms": %.6f, "errors": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

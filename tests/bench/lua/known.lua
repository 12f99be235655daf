-- wrk script: heartbeats. The same BENCH_SERIES alerts, one a post, again and again, exactly as a monitor repeats them.
local thread_count = 0
function setup(thread)
  thread:set("first", thread_count * 2500)
  thread_count = thread_count + 1
end

local requests, next_one = {}, 0
function init(args)
  local headers = {["Content-Type"] = "application/json"}
  local token = os.getenv("BENCH_TOKEN")
  if token and token ~= "" then headers["Authorization"] = "Bearer " .. token end
  for line in io.lines(os.getenv("BENCH_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
  next_one = first
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

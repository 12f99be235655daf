-- wrk script: BENCH_BATCH alerts a post that nobody has seen before.
local thread_count = 0
function setup(thread)
  thread:set("id", thread_count)
  thread_count = thread_count + 1
end

local headers, batch, seed, starts, ends, count
function init(args)
  headers = {["Content-Type"] = "application/json"}
  local token = os.getenv("BENCH_TOKEN")
  if token and token ~= "" then headers["Authorization"] = "Bearer " .. token end
  batch = tonumber(os.getenv("BENCH_BATCH"))
  seed, starts, ends = os.getenv("BENCH_SEED"), os.getenv("BENCH_STARTS"), os.getenv("BENCH_ENDS")
  count = 0
end

function request()
  -- One rule's alerts, as a monitor sends them: same name and model, one instance each.
  local model = "model-" .. (count / batch) % 20
  local head = '{"labels":{"alertname":"LatencyHigh","env":"prod","job":"serving","kind":"latency","severity":"warning",' ..
               '"model_name":"' .. model .. '","instance":"' .. seed .. "-" .. id .. "-"
  local tail = '"},"annotations":{"summary":"latency of ' .. model .. ' is high"},"startsAt":"' .. starts ..
               '","endsAt":"' .. ends .. '","generatorURL":"http://prometheus.example/graph?g0.expr=latency"}'
  local alerts = {}
  for i = 1, batch do
    alerts[i] = head .. count .. tail
    count = count + 1
  end
  return wrk.format("POST", nil, headers, "[" .. table.concat(alerts, ",") .. "]")
end
